// The hands as the camera sees them.

import { BONES, PALM, TIPS, fitCanvas, gestureOf } from "./hands.js";

export class FlatView {
  constructor(canvas) {
    this.canvas = canvas;
    this.mirrored = false;
  }

  /** Draw a `hands` message, and the picture that it belongs to where there is one. */
  draw(message, ink, picture = null) {
    const { pen, width, height } = fitCanvas(this.canvas);
    pen.clearRect(0, 0, width, height);
    this.shape = message ? message.width / message.height : this.shape ?? 4 / 3;
    const frame = place(width, height, this.shape);
    if (picture) this.photograph(pen, frame, picture);
    else paper(pen, frame, ink);
    if (!message) return;
    const at = ([x, y]) => [
      frame.x + (this.mirrored ? 1 - x : x) * frame.w,
      frame.y + y * frame.h,
    ];
    pen.save();
    pen.beginPath();
    pen.rect(frame.x, frame.y, frame.w, frame.h);
    pen.clip();
    // The farther hand first: where two cross, the nearer one is seen.
    const drawn = [...message.hands].sort((a, b) => palm(a, frame) - palm(b, frame));
    for (const hand of drawn) skeleton(pen, hand, hand.landmarks.map(at), palm(hand, frame), ink);
    const taken = [];
    for (const hand of drawn) label(pen, hand, hand.landmarks.map(at), frame, taken, ink);
    pen.restore();
  }

  photograph(pen, frame, picture) {
    pen.save();
    if (this.mirrored) {
      pen.translate(2 * frame.x + frame.w, 0);
      pen.scale(-1, 1);
    }
    pen.drawImage(picture, frame.x, frame.y, frame.w, frame.h);
    pen.restore();
  }
}

function place(width, height, shape) {
  const w = Math.min(width, height * shape);
  const h = w / shape;
  return { x: (width - w) / 2, y: (height - h) / 2, w, h };
}

function paper(pen, frame, ink) {
  pen.lineWidth = 1;
  pen.strokeStyle = ink.grid;
  pen.beginPath();
  for (let third = 1; third < 3; third += 1) {
    const x = Math.round(frame.x + (frame.w * third) / 3) + 0.5;
    const y = Math.round(frame.y + (frame.h * third) / 3) + 0.5;
    pen.moveTo(x, frame.y);
    pen.lineTo(x, frame.y + frame.h);
    pen.moveTo(frame.x, y);
    pen.lineTo(frame.x + frame.w, y);
  }
  pen.rect(frame.x + 0.5, frame.y + 0.5, frame.w - 1, frame.h - 1);
  pen.stroke();
}

/** Palm size on the screen: the unit of every width. */
function palm(hand, frame) {
  const [a, b] = [hand.landmarks[0], hand.landmarks[9]];
  return Math.hypot((a[0] - b[0]) * frame.w, (a[1] - b[1]) * frame.h);
}

function skeleton(pen, hand, points, size, ink) {
  const colour = ink[hand.handedness] ?? ink.ink;
  const thick = Math.min(Math.max(size / 11, 2.5), 11);
  pen.lineCap = pen.lineJoin = "round";
  pen.fillStyle = pen.strokeStyle = colour;
  pen.globalAlpha = 0.16;
  pen.beginPath();
  for (const number of PALM) pen.lineTo(...points[number]);
  pen.closePath();
  pen.fill();
  pen.globalAlpha = 1;
  // A rim of the background keeps crossing fingers apart.
  for (const [width, stroke] of [[thick + 3, ink.stage], [thick, colour]]) {
    pen.lineWidth = width;
    pen.strokeStyle = stroke;
    pen.beginPath();
    for (const [a, b] of BONES) {
      pen.moveTo(...points[a]);
      pen.lineTo(...points[b]);
    }
    pen.stroke();
  }
  points.forEach(([x, y], number) => {
    const tip = TIPS.has(number);
    pen.beginPath();
    pen.arc(x, y, tip ? thick * 0.95 : thick * 0.62, 0, 2 * Math.PI);
    pen.fillStyle = tip ? colour : ink.stage;
    pen.fill();
    pen.lineWidth = Math.max(thick / 4, 1.2);
    pen.strokeStyle = tip ? ink.stage : colour;
    pen.stroke();
  });
}

/** A label below its hand, and below the labels that are there already (`taken`). */
function label(pen, hand, points, frame, taken, ink) {
  const gesture = gestureOf(hand);
  const text = `${hand.handedness} ${hand.id}${gesture ? `  ${gesture}` : ""}`;
  pen.font = "600 13px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const wide = pen.measureText(text).width + 18;
  const xs = points.map((point) => point[0]);
  const lowest = Math.max(...points.map((point) => point[1]));
  const middle = (Math.min(...xs) + Math.max(...xs)) / 2;
  const x = clamp(middle - wide / 2, frame.x + 4, frame.x + frame.w - wide - 4);
  const [top, bottom] = [frame.y + 4, frame.y + frame.h - 28];
  let y = clamp(lowest + 16, top, bottom);
  const covers = (box) => Math.abs(box.y - y) < 26 && x < box.x + box.wide + 2 && box.x < x + wide + 2;
  const step = taken.some((box) => box.y > bottom - 27) ? -27 : 27; // at the foot of the picture: upwards
  while (taken.some(covers) && y + step >= top && y + step <= bottom) y += step;
  taken.push({ x, y, wide });
  pen.fillStyle = ink[hand.handedness] ?? ink.ink;
  pen.beginPath();
  pen.roundRect(x, y, wide, 24, 12);
  pen.fill();
  pen.fillStyle = ink.card;
  pen.fillText(text, x + 9, y + 12.5);
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
