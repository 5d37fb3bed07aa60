// Ten minutes of three figures, as lines.

import { $, make } from "./dom.js";

const SPAN_S = 600;
const SIZE = [300, 72];
const CHARTS = [
  { id: "fps", name: "Frames a second", unit: "", at: 1, digits: 1 },
  { id: "latency", name: "Latency, capture to handing over", unit: "ms", at: 2, digits: 0 },
  { id: "temperature", name: "Processor", unit: "°C", at: 3, digits: 0 },
];
const SVG = "http://www.w3.org/2000/svg";
let shown = "";

/** `history` has [time, fps, latency, temperature] every ten seconds. */
export function showCharts(history, now) {
  const text = JSON.stringify(history);
  if (text === shown) return;
  shown = text;
  $("charts").replaceChildren(...CHARTS.map((chart) => draw(chart, history, now)));
}

function draw({ name, unit, at, digits }, history, now) {
  const points = history.filter((sample) => sample[at] !== null).map((sample) => [sample[0], sample[at]]);
  const box = make("figure");
  const values = points.map((point) => point[1]);
  const last = values.at(-1);
  const shownValue = last === undefined ? "–" : `${last.toFixed(digits)} ${unit}`;
  const caption = make("figcaption");
  caption.append(make("span", name), make("b", shownValue));
  const top = Math.max(...values, 1e-9) * 1.15;
  const svg = document.createElementNS(SVG, "svg");
  const words = last === undefined ? "nothing measured yet" : `now ${shownValue}, in ten minutes ${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${SIZE[0]} ${SIZE[1]}`, role: "img", "aria-label": `${name}: ${words}`, preserveAspectRatio: "none" })) svg.setAttribute(key, value);
  const place = ([t, value]) => `${(SIZE[0] * (1 - (now - t) / SPAN_S)).toFixed(1)},${(SIZE[1] * (1 - value / top)).toFixed(1)}`;
  for (const share of [0.25, 0.5, 0.75]) svg.append(shape("line", { x1: 0, x2: SIZE[0], y1: SIZE[1] * share, y2: SIZE[1] * share, class: "grid" }));
  if (points.length === 1) svg.append(shape("circle", { cx: place(points[0]).split(",")[0], cy: place(points[0]).split(",")[1], r: 2.5 }));
  svg.append(shape("polyline", { points: points.map(place).join(" ") }));
  const range = make("p", last === undefined ? "No figures yet." : `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)} ${unit} in ten minutes`, { class: "soft" });
  box.append(caption, svg, range);
  return box;
}

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
