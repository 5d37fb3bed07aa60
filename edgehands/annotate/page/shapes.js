// The 21 points: their order, names, fingers and colours.

export const NAMES = [
  "wrist", "thumb CMC", "thumb MCP", "thumb IP", "thumb tip",
  "index MCP", "index PIP", "index DIP", "index tip",
  "middle MCP", "middle PIP", "middle DIP", "middle tip",
  "ring MCP", "ring PIP", "ring DIP", "ring tip",
  "little MCP", "little PIP", "little DIP", "little tip",
];
export const FINGERS = ["thumb", "index", "middle", "ring", "little"];
export const CONNECTIONS = [
  [0, 1], [1, 2], [2, 3], [3, 4], [0, 5], [5, 6], [6, 7], [7, 8], [5, 9], [9, 10], [10, 11], [11, 12],
  [9, 13], [13, 14], [14, 15], [15, 16], [13, 17], [0, 17], [17, 18], [18, 19], [19, 20],
];
const COLOURS = ["#ffaa5a", "#ffeb5a", "#78eb6e", "#64cdff", "#e196ff"];
const PALM = "#ebebeb";

/** 0..4 for a finger's point, -1 for the wrist. */
export const fingerOf = (point) => (point === 0 ? -1 : Math.floor((point - 1) / 4));
/** The finger's points from its root to its tip. */
export const pointsOf = (finger) => [1, 2, 3, 4].map((i) => 4 * finger + i);
export const colourOf = (point) => (point === 0 ? PALM : COLOURS[fingerOf(point)]);
/** A bone inside a finger has its colour; those of the palm are light. */
export const boneColour = ([a, b]) => (a !== 0 && fingerOf(a) === fingerOf(b) ? colourOf(b) : PALM);

/** x0, y0, x1, y1 around points. */
export function bounds(points) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
