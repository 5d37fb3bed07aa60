// The film strip: only what can be seen of it exists, so a thousand pictures scroll like ten.

import { askBitmap } from "./link.js";

const WIDE = 104; // CSS pixels a thumbnail takes
const KEPT = 400; // thumbnails in memory
const AT_ONCE = 6; // requests

export class Strip {
  /** `onPick(number)` is called for a picture that is clicked. */
  constructor(box, onPick) {
    this.box = box;
    this.onPick = onPick;
    this.inner = document.createElement("div");
    this.inner.className = "strip-inner";
    box.append(this.inner);
    this.cells = new Map();
    this.bitmaps = new Map();
    this.wanted = [];
    this.running = 0;
    this.held = true; // until the first picture is there: thumbnails mustn't make it wait
    box.addEventListener("scroll", () => this.fill(), { passive: true });
    new ResizeObserver(() => this.fill()).observe(box);
  }

  show(pictures) {
    this.pictures = pictures;
    this.inner.style.width = `${pictures.length * WIDE}px`;
    this.fill();
  }

  release() {
    if (!this.held) return;
    this.held = false;
    this.load();
  }

  /** Bring a picture into view and mark it as the shown one. */
  go(number) {
    this.current = number;
    const left = number * WIDE - (this.box.clientWidth - WIDE) / 2;
    this.box.scrollTo({ left, behavior: Math.abs(left - this.box.scrollLeft) < 600 ? "smooth" : "instant" });
    this.fill();
  }

  fill() {
    if (!this.pictures) return;
    const first = Math.max(0, Math.floor(this.box.scrollLeft / WIDE) - 2);
    const last = Math.min(this.pictures.length - 1, Math.ceil((this.box.scrollLeft + this.box.clientWidth) / WIDE) + 2);
    for (const [number, cell] of this.cells) {
      if (number < first || number > last) {
        cell.remove();
        this.cells.delete(number);
      }
    }
    for (let number = first; number <= last; number++) this.cell(number);
    this.wanted = [...this.cells.keys()].filter((n) => !this.bitmaps.has(n));
    this.load();
  }

  cell(number) {
    let cell = this.cells.get(number);
    if (!cell) {
      cell = document.createElement("button");
      cell.type = "button";
      cell.className = "thumb";
      cell.tabIndex = -1;
      cell.style.left = `${number * WIDE}px`;
      cell.append(document.createElement("canvas"));
      cell.addEventListener("click", () => this.onPick(number));
      this.inner.append(cell);
      this.cells.set(number, cell);
      this.paint(number);
    }
    const { state, file } = this.pictures[number];
    cell.dataset.state = state;
    cell.setAttribute("aria-label", `picture ${number + 1}, ${state}`);
    cell.title = `${number + 1}: ${file.replace("images/", "")}`;
    cell.setAttribute("aria-current", number === this.current ? "true" : "false");
  }

  paint(number) {
    const cell = this.cells.get(number);
    const bitmap = this.bitmaps.get(number);
    if (!cell || !bitmap) return;
    const canvas = cell.firstChild;
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
  }

  async load() {
    while (!this.held && this.running < AT_ONCE && this.wanted.length) {
      const number = this.wanted.shift();
      if (this.bitmaps.has(number)) continue;
      this.running++;
      askBitmap(`/api/thumbnail/${number}`)
        .then((bitmap) => {
          this.bitmaps.set(number, bitmap);
          if (this.bitmaps.size > KEPT) this.bitmaps.delete(this.bitmaps.keys().next().value);
          this.paint(number);
        })
        .catch(() => {}) // a picture that can't be read says so when it is opened
        .finally(() => { this.running--; this.load(); });
    }
  }
}
