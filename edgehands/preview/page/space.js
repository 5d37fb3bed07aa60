// The hands in metres, seen from wherever the viewer turns them.

import { BONES, PALM, TIPS, fitCanvas } from "./hands.js";

const FRONT = { yaw: 0.0, pitch: 0.0 };
const START = { yaw: -0.5, pitch: 0.28 };
const FLOOR = 0.13; // metres below the middle
const CELL = 0.05;
const NEAREST = 0.5; // the viewer's distance, metres
const FOLLOW = 0.05; // how much of the way the viewer follows the hands in a frame

export class SpaceView {
  /** `changed` is called when the viewer turned the scene. */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.scales = new Map();
    this.zoom = 1;
    this.middle = [0, 0];
    this.away = 0.6;
    this.look(START);
    this.listen();
  }

  look({ yaw, pitch }) {
    [this.yaw, this.pitch] = [yaw, pitch];
    this.changed?.();
  }

  front() { this.look(FRONT); }
  side() { this.look({ yaw: -Math.PI / 2, pitch: 0.12 }); }
  above() { this.look({ yaw: 0, pitch: Math.PI / 2 - 0.02 }); }

  turn(dx, dy) {
    this.yaw = (this.yaw + dx) % (2 * Math.PI);
    this.pitch = clamp(this.pitch + dy, -1.55, 1.55);
    this.changed?.();
  }

  scale(by) {
    this.zoom = clamp(this.zoom * by, 0.4, 3);
    this.changed?.();
  }

  listen() {
    const { canvas } = this;
    const fingers = new Map();
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      const other = [...fingers.entries()].find(([id]) => id !== event.pointerId)?.[1];
      fingers.set(event.pointerId, now);
      if (other) {
        const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
        this.scale(apart(now) / Math.max(apart(before), 1));
      } else {
        this.turn((now[0] - before[0]) / 160, (now[1] - before[1]) / 160);
      }
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
    }
    // Only with Ctrl, which a touchpad's pinch sends too: the wheel alone scrolls the page.
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.scale(Math.exp(-event.deltaY / 600));
    }, { passive: false });
    const keys = {
      ArrowLeft: () => this.turn(-0.12, 0), ArrowRight: () => this.turn(0.12, 0),
      ArrowUp: () => this.turn(0, -0.12), ArrowDown: () => this.turn(0, 0.12),
      "+": () => this.scale(1.15), "=": () => this.scale(1.15), "-": () => this.scale(1 / 1.15),
      Home: () => this.front(),
    };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
  }

  draw(message, ink) {
    const { pen, width, height } = fitCanvas(this.canvas);
    pen.clearRect(0, 0, width, height);
    const hands = (message?.hands ?? []).map((hand) => ({ hand, points: this.place(hand, message) }));
    this.forget(message?.hands ?? []);
    this.follow(hands);
    const eye = this.camera(width, height);
    floor(pen, eye, this.middle, ink);
    const below = this.middle[1] + FLOOR;
    for (const { points } of hands) shadow(pen, points.map((p) => eye([p[0], below, p[2]])), ink);
    const depth = ({ points }) => eye(points[9]).depth;
    for (const { hand, points } of hands.sort((a, b) => depth(b) - depth(a))) {
      bones(pen, hand, points.map(eye), ink);
    }
  }

  /**
   * A hand's points in metres around the middle of the picture. World landmarks say nothing of
   * where a hand is: that comes from the picture, with the hand's own size as the measure.
   */
  place(hand, message) {
    const px = hand.landmarks.map(([x, y]) => [x * message.width, y * message.height]);
    const spread = (points) => {
      const [mx, my] = [mean(points, 0), mean(points, 1)];
      return Math.sqrt(points.reduce((sum, p) => sum + (p[0] - mx) ** 2 + (p[1] - my) ** 2, 0));
    };
    const metres = spread(hand.world) / Math.max(spread(px), 1e-6);
    const before = this.scales.get(hand.id);
    const scale = before === undefined ? metres : before + 0.15 * (metres - before);
    this.scales.set(hand.id, scale);
    const x = clamp((mean(px, 0) - message.width / 2) * scale, -0.6, 0.6);
    const y = clamp((mean(px, 1) - message.height / 2) * scale, -0.4, 0.4);
    return hand.world.map((p) => [p[0] + x, p[1] + y, p[2]]);
  }

  /** Keep all hands in view: slowly, so that their movement is still seen as theirs. */
  follow(hands) {
    if (!hands.length) return;
    const points = hands.flatMap((each) => each.points);
    const [x0, x1, y0, y1] = [0, 1].flatMap((axis) => {
      const values = points.map((point) => point[axis]);
      return [Math.min(...values), Math.max(...values)];
    });
    const away = Math.max(NEAREST, 2.9 * Math.hypot((x1 - x0) / 2, (y1 - y0) / 2));
    const off = [(x0 + x1) / 2 - this.middle[0], (y0 + y1) / 2 - this.middle[1]];
    // The further off the middle, the less slowly: a quick hand isn't lost.
    const lost = Math.hypot(...off) / this.away;
    const step = this.seen ? clamp(FOLLOW + 2 * (lost - 0.1), FOLLOW, 1) : 1;
    this.seen = true;
    this.middle[0] += step * off[0];
    this.middle[1] += step * off[1];
    this.away += (away > this.away ? Math.max(step, 0.2) : step) * (away - this.away);
  }

  forget(hands) {
    if (!hands.length) this.seen = false;
    for (const id of this.scales.keys()) {
      if (!hands.some((hand) => hand.id === id)) this.scales.delete(id);
    }
  }

  /** A function from metres to the screen: {x, y, depth, size of a metre there}. */
  camera(width, height) {
    const [cy, sy] = [Math.cos(this.yaw), Math.sin(this.yaw)];
    const [cp, sp] = [Math.cos(this.pitch), Math.sin(this.pitch)];
    const focal = Math.min(width, height * 1.33) * 1.15 * this.zoom;
    const [mx, my] = this.middle;
    return ([x, y, z]) => {
      const x1 = cy * (x - mx) + sy * z;
      const z1 = -sy * (x - mx) + cy * z;
      const y1 = cp * (y - my) - sp * z1;
      const z2 = sp * (y - my) + cp * z1;
      const depth = Math.max(z2 + this.away, 0.05);
      return { x: width / 2 + (focal * x1) / depth, y: height / 2 + (focal * y1) / depth, depth, metre: focal / depth };
    };
  }
}

function floor(pen, eye, [mx, my], ink) {
  const [left, below] = [Math.round(mx / CELL) * CELL, my + FLOOR];
  pen.lineWidth = 1;
  pen.strokeStyle = ink.grid;
  pen.beginPath();
  const reach = 6;
  for (let i = -reach; i <= reach; i += 1) {
    for (const [a, b] of [
      [[left + i * CELL, below, -reach * CELL], [left + i * CELL, below, reach * CELL]],
      [[left - reach * CELL, below, i * CELL], [left + reach * CELL, below, i * CELL]],
    ]) {
      const [p, q] = [eye(a), eye(b)];
      pen.moveTo(p.x, p.y);
      pen.lineTo(q.x, q.y);
    }
  }
  pen.stroke();
}

function shadow(pen, points, ink) {
  pen.strokeStyle = ink.soft;
  pen.globalAlpha = 0.16;
  pen.lineCap = "round";
  pen.lineWidth = Math.max(points[0].metre * 0.011, 1);
  pen.beginPath();
  for (const [a, b] of BONES) {
    pen.moveTo(points[a].x, points[a].y);
    pen.lineTo(points[b].x, points[b].y);
  }
  pen.stroke();
  pen.globalAlpha = 1;
}

function bones(pen, hand, points, ink) {
  const colour = ink[hand.handedness] ?? ink.ink;
  const depths = points.map((point) => point.depth);
  const near = Math.min(...depths);
  const far = Math.max(...depths);
  // What is farther away is a little fainter: depth reads without turning.
  const strength = (depth) => 1 - 0.5 * ((depth - near) / Math.max(far - near, 0.02));
  pen.lineCap = "round";
  pen.fillStyle = colour;
  pen.globalAlpha = 0.12;
  pen.beginPath();
  for (const number of PALM) pen.lineTo(points[number].x, points[number].y);
  pen.closePath();
  pen.fill();
  const parts = [
    ...BONES.map(([a, b]) => ({ depth: (depths[a] + depths[b]) / 2, a: points[a], b: points[b] })),
    ...points.map((point, number) => ({ depth: point.depth - 1e-4, a: point, tip: TIPS.has(number) })),
  ].sort((p, q) => q.depth - p.depth);
  for (const part of parts) {
    const width = Math.max(part.a.metre * 0.0085, 2);
    if (part.b) {
      for (const [grow, stroke, alpha] of [[2.5, ink.stage, 1], [0, colour, strength(part.depth)]]) {
        pen.globalAlpha = alpha;
        pen.strokeStyle = stroke;
        pen.lineWidth = width + grow;
        pen.beginPath();
        pen.moveTo(part.a.x, part.a.y);
        pen.lineTo(part.b.x, part.b.y);
        pen.stroke();
      }
    } else {
      pen.globalAlpha = 1;
      pen.fillStyle = ink.stage;
      disc(pen, part.a, width * 0.85 + 1);
      pen.globalAlpha = strength(part.depth);
      pen.fillStyle = colour;
      disc(pen, part.a, width * (part.tip ? 0.95 : 0.75));
    }
  }
  pen.globalAlpha = 1;
}

function disc(pen, { x, y }, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

const mean = (points, axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
