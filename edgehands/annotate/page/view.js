// The picture with its points on a canvas: drawing, zooming, dragging, drawing a box.

import { CONNECTIONS, boneColour, bounds, colourOf } from "./shapes.js";

const REACH_PX = { mouse: 12, pen: 16, touch: 26 }; // how near a pointer must be to take a point
const ZOOM = [0.05, 60];
const LOUPE = { size: 132, zoom: 3 };

export class View {
  /** `on` has: boxed(x0, y0, x1, y1). */
  constructor(canvas, editor, on) {
    this.canvas = canvas;
    this.editor = editor;
    this.on = on;
    this.context = canvas.getContext("2d", { alpha: false });
    this.scale = 1;
    this.x = this.y = 0; // where the picture's corner lies, CSS pixels
    this.pointers = new Map();
    this.boxing = false;
    this.hidden = false;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.moved(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.up(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  /** Show a picture; the same zoom stays for a picture of the same size. */
  show(bitmap, width, height) {
    const kept = this.bitmap && this.width === width && this.height === height && this.zoomed;
    this.bitmap = bitmap;
    this.width = width;
    this.height = height;
    if (!kept) this.fit();
    this.redraw();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    if (this.bitmap && !this.zoomed) this.fit();
    else if (this.size) {
      this.x += (clientWidth - this.size[0]) / 2;
      this.y += (clientHeight - this.size[1]) / 2;
    }
    this.size = [clientWidth, clientHeight];
    this.redraw();
  }

  fit() {
    this.zoomed = false;
    this.frame([0, 0, this.width, this.height], 0.98);
  }

  zoomToHand() {
    const hand = this.editor.hand;
    if (!hand) return;
    this.zoomed = true;
    this.frame(bounds(hand.points), 0.62);
    this.redraw();
  }

  frame([x0, y0, x1, y1], share) {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    this.scale = Math.min(Math.max(share * Math.min(w / Math.max(x1 - x0, 1), h / Math.max(y1 - y0, 1)), ZOOM[0]), ZOOM[1]);
    this.x = w / 2 - ((x0 + x1) / 2) * this.scale;
    this.y = h / 2 - ((y0 + y1) / 2) * this.scale;
  }

  zoom(factor, at = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    const scale = Math.min(Math.max(this.scale * factor, ZOOM[0]), ZOOM[1]);
    this.x = at[0] - (at[0] - this.x) * (scale / this.scale);
    this.y = at[1] - (at[1] - this.y) * (scale / this.scale);
    this.scale = scale;
    this.zoomed = true;
    this.redraw();
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 120 : 400)), [event.offsetX, event.offsetY]);
  }

  toPicture([x, y]) { return [(x - this.x) / this.scale, (y - this.y) / this.scale]; }
  toScreen([x, y]) { return [x * this.scale + this.x, y * this.scale + this.y]; }

  /** [hand, point] under a pointer; of the selected hand if it is near enough. */
  hit(at, reach) {
    let best = null;
    this.editor.hands.forEach((hand, h) => hand.points.forEach((p, i) => {
      const [x, y] = this.toScreen(p);
      const far = Math.hypot(x - at[0], y - at[1]) - (h === this.editor.selected ? 4 : 0);
      if (far <= reach && (!best || far < best[2])) best = [h, i, far];
    }));
    return best;
  }

  onHand(at) {
    const hand = this.editor.hand;
    if (!hand) return false;
    const [x, y] = this.toPicture(at);
    const [x0, y0, x1, y1] = bounds(hand.points);
    return x >= x0 && x <= x1 && y >= y0 && y <= y1;
  }

  down(event) {
    if (!this.bitmap) return;
    const at = [event.offsetX, event.offsetY];
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size === 2) {
      this.cancel();
      this.drag = { kind: "pinch" };
      return;
    }
    if (this.boxing && event.button === 0) {
      this.drag = { kind: "box", from: at, to: at };
      return;
    }
    const found = event.button === 0 && !this.hidden ? this.hit(at, REACH_PX[event.pointerType] ?? 12) : null;
    if (found && !(this.editor.whole && found[0] === this.editor.selected)) {
      this.editor.select(found[0], found[1]);
      this.editor.begin();
      this.drag = { kind: "point", touch: event.pointerType === "touch", together: event.shiftKey };
    } else if (event.button === 0 && this.editor.whole && this.onHand(at)) {
      this.editor.begin();
      this.drag = { kind: "point" };
    } else {
      this.drag = { kind: "pan" };
    }
    this.redraw();
  }

  moved(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.drag) return;
    const at = [event.offsetX, event.offsetY];
    this.pointers.set(event.pointerId, at);
    const [dx, dy] = [at[0] - before[0], at[1] - before[1]];
    if (this.drag.kind === "pinch") {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (!other) return;
      const ratio = Math.hypot(at[0] - other[0], at[1] - other[1]) / Math.max(Math.hypot(before[0] - other[0], before[1] - other[1]), 1);
      this.x += dx / 2;
      this.y += dy / 2;
      this.zoom(ratio, [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
      return;
    }
    if (this.drag.kind === "box") this.drag.to = at;
    else if (this.drag.kind === "pan") {
      this.x += dx;
      this.y += dy;
      this.zoomed = true;
    } else {
      this.drag.at = at;
      this.editor.move(dx / this.scale, dy / this.scale, this.drag.together || this.editor.together);
    }
    this.redraw();
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const drag = this.drag;
    if (!drag || this.pointers.size) return;
    this.drag = null;
    if (drag.kind === "point") this.editor.end();
    if (drag.kind === "box") {
      const [a, b] = [this.toPicture(drag.from), this.toPicture(drag.to)];
      this.boxing = false;
      this.canvas.classList.remove("boxing");
      this.on.boxed(Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1]));
    }
    this.redraw();
  }

  /** A second finger came: what the first one began is taken back. */
  cancel() {
    if (this.drag?.kind === "point") {
      this.editor.hands = this.editor.before.hands;
      this.editor.end();
    }
    this.drag = null;
  }

  startBox() {
    this.boxing = true;
    this.canvas.classList.add("boxing");
  }

  redraw() {
    if (this.due) return;
    this.due = requestAnimationFrame(() => { this.due = 0; this.draw(); });
  }

  draw() {
    const c = this.context;
    const ratio = window.devicePixelRatio || 1;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.fillStyle = "#16191c";
    c.fillRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    if (!this.bitmap) return;
    c.imageSmoothingEnabled = this.scale < 4;
    c.drawImage(this.bitmap, this.x, this.y, this.width * this.scale, this.height * this.scale);
    if (!this.hidden) {
      this.editor.hands.forEach((hand, h) => { if (h !== this.editor.selected) this.drawHand(hand, false); });
      if (this.editor.hand) this.drawHand(this.editor.hand, true);
    }
    if (this.drag?.kind === "box") this.drawBox();
    if (this.drag?.touch && this.drag.at) this.drawLoupe();
  }

  drawHand(hand, chosen) {
    const c = this.context;
    const places = hand.points.map((p) => this.toScreen(p));
    const [x0, , x1] = bounds(places);
    const radius = Math.min(Math.max((x1 - x0) / 34, 2.5), 6);
    const dragging = chosen && this.drag?.kind === "point";
    c.globalAlpha = chosen ? (dragging ? 0.6 : 0.95) : 0.45;
    for (const [width, rim] of [[3.5, true], [1.5, false]]) {
      c.lineWidth = width;
      for (const bone of CONNECTIONS) {
        c.strokeStyle = rim ? "#101010a0" : boneColour(bone);
        c.setLineDash(bone.some((i) => hand.states[i] !== "visible") ? [4, 4] : []);
        c.beginPath();
        c.moveTo(...places[bone[0]]);
        c.lineTo(...places[bone[1]]);
        c.stroke();
      }
    }
    c.setLineDash([]);
    places.forEach(([x, y], i) => {
      const state = hand.states[i];
      const taken = chosen && this.editor.point === i;
      c.beginPath();
      c.arc(x, y, taken ? radius + 2.5 : radius, 0, 2 * Math.PI);
      c.lineWidth = taken ? 2.5 : 1.5;
      c.strokeStyle = taken ? "#ffffff" : "#101010";
      // The chosen point hides nothing of what it is put on.
      if (state === "visible" && !taken) {
        c.fillStyle = colourOf(i);
        c.fill();
      }
      c.stroke();
      if (state !== "visible" || taken) {
        c.strokeStyle = colourOf(i);
        c.lineWidth = 1.5;
        c.stroke();
      }
      if (state === "outside") this.cross(x, y, radius);
      if (taken) this.cross(x, y, radius + 9, radius + 3);
    });
    c.globalAlpha = 1;
  }

  cross(x, y, far, near = 0) {
    const c = this.context;
    c.beginPath();
    for (const [dx, dy] of near ? [[1, 0], [-1, 0], [0, 1], [0, -1]] : [[1, 1], [-1, 1], [1, -1], [-1, -1]]) {
      c.moveTo(x + dx * near, y + dy * near);
      c.lineTo(x + dx * far, y + dy * far);
    }
    c.stroke();
  }

  drawBox() {
    const c = this.context;
    const { from, to } = this.drag;
    c.strokeStyle = "#ffffff";
    c.lineWidth = 1.5;
    c.setLineDash([6, 4]);
    c.strokeRect(from[0], from[1], to[0] - from[0], to[1] - from[1]);
    c.setLineDash([]);
  }

  /** What lies under the finger, enlarged, in the corner away from it. */
  drawLoupe() {
    const c = this.context;
    const [x, y] = this.toScreen(this.editor.hand.points[this.editor.point ?? 0]);
    const left = x > this.canvas.clientWidth / 2 ? 12 : this.canvas.clientWidth - LOUPE.size - 12;
    const half = LOUPE.size / 2;
    const [px, py] = this.toPicture([x, y]);
    const reach = half / (LOUPE.zoom * this.scale);
    c.save();
    c.beginPath();
    c.rect(left, 12, LOUPE.size, LOUPE.size);
    c.clip();
    c.fillStyle = "#16191c";
    c.fillRect(left, 12, LOUPE.size, LOUPE.size);
    c.drawImage(this.bitmap, left + half - px * LOUPE.zoom * this.scale, 12 + half - py * LOUPE.zoom * this.scale,
      this.width * LOUPE.zoom * this.scale, this.height * LOUPE.zoom * this.scale);
    c.strokeStyle = "#ffffff";
    c.lineWidth = 1.5;
    this.cross(left + half, 12 + half, Math.min(14, reach * 100), 4);
    c.restore();
    c.strokeStyle = "#ffffff";
    c.strokeRect(left, 12, LOUPE.size, LOUPE.size);
  }
}
