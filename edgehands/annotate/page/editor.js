// The hands of the shown picture, what is selected of them, and everything that can be undone.

import { fingerOf, pointsOf } from "./shapes.js";

const clone = (value) => structuredClone(value);

export class Editor {
  /** `onChange(edited)` is called after every change; `edited` is false for a mere selection. */
  constructor(onChange) {
    this.onChange = onChange;
    this.histories = new Map(); // picture -> {past, future}: kept for as long as the page is open
    this.width = this.height = 1;
    this.hands = [];
    this.selected = 0; // which hand
    this.point = null; // which point of it; null = the whole hand
    this.whole = false; // dragging moves the whole hand
    this.together = false; // a dragged point takes its finger, or its hand, along
  }

  show(number, width, height, hands) {
    this.number = number;
    this.width = width;
    this.height = height;
    this.hands = clone(hands);
    this.select(0, null);
  }

  get hand() { return this.hands[this.selected] ?? null; }
  get history() {
    if (!this.histories.has(this.number)) this.histories.set(this.number, { past: [], future: [] });
    return this.histories.get(this.number);
  }

  select(hand, point) {
    this.selected = Math.min(Math.max(hand, 0), Math.max(this.hands.length - 1, 0));
    this.point = point;
    this.whole = false;
    this.onChange(false);
  }

  /** From now on dragging and arrows move the whole hand. */
  wholeHand() {
    this.select(this.selected, null);
    this.whole = true;
    this.onChange(false);
  }

  /** One step that can be undone. */
  change(action) {
    this.begin();
    action();
    this.end();
  }

  begin() {
    this.before = this.snapshot();
  }

  /** The end of a step; one that changed nothing isn't kept. */
  end() {
    this.settle();
    if (JSON.stringify(this.before.hands) !== JSON.stringify(this.hands)) {
      this.history.past.push(this.before);
      this.history.future.length = 0;
      this.onChange(true);
    } else {
      this.onChange(false);
    }
  }

  snapshot() {
    return { hands: clone(this.hands), selected: this.selected, point: this.point };
  }

  undo() { return this.step(this.history.past, this.history.future); }
  redo() { return this.step(this.history.future, this.history.past); }

  step(from, to) {
    const state = from.pop();
    if (!state) return false;
    to.push(this.snapshot());
    this.hands = state.hands;
    this.selected = Math.min(state.selected, Math.max(this.hands.length - 1, 0));
    this.point = state.point;
    this.onChange(true);
    return true;
  }

  /** Points beyond the picture's edge are not in it; one that is moved in is seen again. */
  settle() {
    for (const hand of this.hands) {
      hand.points.forEach((p, i) => {
        p[0] = Math.min(Math.max(p[0], -this.width), 2 * this.width);
        p[1] = Math.min(Math.max(p[1], -this.height), 2 * this.height);
        if (!this.holds(p)) hand.states[i] = "outside";
      });
    }
  }

  holds([x, y]) { return x >= 0 && y >= 0 && x <= this.width && y <= this.height; }

  /** Move what is selected by so many pixels. */
  move(dx, dy, together = this.together) {
    if (!this.hand) return;
    if (this.point === null) this.hand.points.forEach((p) => { p[0] += dx; p[1] += dy; });
    else if (together) this.pull(this.point, dx, dy);
    else this.place(this.point, dx, dy);
  }

  place(i, dx, dy) {
    const p = this.hand.points[i];
    p[0] += dx;
    p[1] += dy;
    if (this.hand.states[i] === "outside" && this.holds(p)) this.hand.states[i] = "visible";
  }

  /** Turn and stretch a finger about its root, or the hand about its wrist, so that a point moves. */
  pull(i, dx, dy) {
    const finger = fingerOf(i);
    const root = finger < 0 ? 9 : i === 4 * finger + 1 ? 0 : 4 * finger + 1;
    const moved = root === 0 || finger < 0 ? this.hand.points.keys() : pointsOf(finger);
    const [rx, ry] = this.hand.points[root];
    const [px, py] = this.hand.points[i];
    const [ax, ay] = [px - rx, py - ry];
    const long = ax * ax + ay * ay;
    if (long < 1) return this.place(i, dx, dy);
    const [bx, by] = [ax + dx, ay + dy];
    const [re, im] = [(ax * bx + ay * by) / long, (ax * by - ay * bx) / long];
    for (const k of moved) {
      const p = this.hand.points[k];
      const [x, y] = [p[0] - rx, p[1] - ry];
      p[0] = rx + re * x - im * y;
      p[1] = ry + im * x + re * y;
    }
  }

  /** The finger's tip; asked again, the next point towards its root. */
  finger(number) {
    const points = pointsOf(number);
    const at = points.indexOf(this.point);
    this.select(this.selected, at > 0 ? points[at - 1] : points[3]);
  }

  nextPoint(step) {
    const at = this.point ?? (step > 0 ? -1 : 0);
    this.select(this.selected, (at + step + 21) % 21);
  }

  nextHand() {
    this.select((this.selected + 1) % Math.max(this.hands.length, 1), null);
  }

  /** Occluded, or not in the picture: of the selected point, or of all. Asked again: seen. */
  mark(state) {
    if (!this.hand) return;
    const places = this.point === null ? [...this.hand.points.keys()] : [this.point];
    const on = places.some((i) => this.hand.states[i] !== state);
    for (const i of places) {
      this.hand.states[i] = on ? state : this.holds(this.hand.points[i]) ? "visible" : "outside";
    }
  }

  side(word) { if (this.hand) this.hand.handedness = word; }
  gesture(word) { if (this.hand) this.hand.gesture = word; }
  none() { this.hands = []; this.selected = 0; this.point = null; }
  remove() { this.hands.splice(this.selected, 1); this.selected = 0; this.point = null; }
  add(hand) { this.hands.push(clone(hand)); this.selected = this.hands.length - 1; this.point = null; }
  copy(hands) { this.hands = clone(hands).map((hand) => ({ ...hand, guess: 0 })); this.selected = 0; this.point = null; }
}

