// What the two drawings and the panels share: the hand's bones, its colours, its words.

export const BONES = [
  [0, 1], [1, 2], [2, 3], [3, 4],
  [0, 5], [5, 6], [6, 7], [7, 8],
  [5, 9], [9, 10], [10, 11], [11, 12],
  [9, 13], [13, 14], [14, 15], [15, 16],
  [13, 17], [0, 17], [17, 18], [18, 19], [19, 20],
];
export const PALM = [0, 1, 5, 9, 13, 17];
export const TIPS = new Set([4, 8, 12, 16, 20]);

/** The page's colours as the style sheet has them now; asked again when dark and light change. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    left: of("left"), right: of("right"), stage: of("stage"), card: of("card"),
    grid: of("grid"), line: of("line"), ink: of("ink"), soft: of("soft"),
  };
}

/** `open_palm` in a person's words. */
export const words = (name) => String(name).replaceAll("_", " ");

/** The gesture's name; empty where there is none. */
export function gestureOf(hand) {
  const name = hand.gesture?.name;
  return name && name !== "none" ? words(name) : "";
}

/** Fit a canvas's pixels to its size on the screen; gives its size in CSS pixels. */
export function fitCanvas(canvas) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2.5);
  const { clientWidth: width, clientHeight: height } = canvas;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, width, height };
}
