// Joins the link, the editor, the view and the strip; keys, buttons, progress.

import { Editor } from "./editor.js";
import { Refused, Saver, ask, askBitmap, askJson, setToken } from "./link.js";
import { markText, summary } from "./marks.js";
import { NAMES } from "./shapes.js";
import { Strip } from "./strip.js";
import { View } from "./view.js";

const AHEAD = [0, 1, 2, -1]; // pictures that are kept ready, from the shown one
const IDLE_MS = 30_000; // a longer pause isn't work
const TOAST_MS = 3500;

const $ = (id) => document.getElementById(id);
let set = null;
let number = -1;
let ready = new Map(); // number -> {bitmap, hands: promises}
let seconds = 0; // spent on the shown picture, in all
let complete = false;
let touchedAt = performance.now();
let worked = { ms: 0, hands: 0 };
const marks = new Map();

const editor = new Editor((edited) => {
  if (edited) {
    complete = false;
    save();
  }
  panel();
  view.redraw();
});
const view = new View($("view"), editor, { boxed: guess });
const strip = new Strip($("strip"), (n) => go(n));
const saver = new Saver({
  state: chip,
  kept(n, saved, answer) {
    // What was read ahead is older than what is on the disk now.
    if (ready.has(n)) ready.get(n).hands = Promise.resolve({ ...answer, revision: saved.revision });
    if (saved.mark) marks.set(n, saved.mark);
    if (saved.mark && n === lastConfirmed) toast(`Practice: ${markText(saved.mark)}`);
    if (set.pictures.every((p) => p.state === "done") && lastConfirmed !== null && saver.idleBut(n)) finish();
  },
  outdated(n, message) {
    ready.delete(n);
    toast(message);
    if (n === number) go(n);
    chip("saved", "");
  },
});
saver.idleBut = (n) => saver.waiting.size === 0 && [...saver.busy].every((b) => b === n);
let lastConfirmed = null;

start();

async function start() {
  try {
    set = await askJson("/api/set");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return locked(error);
    notice(`The page's server doesn't answer: ${error.message}`);
    return;
  }
  $("token-form").hidden = true;
  $("name").textContent = set.name;
  document.title = `${set.name}: annotate`;
  chip("saved", "");
  strip.show(set.pictures);
  const open = set.pictures.findIndex((p) => p.state !== "done");
  await go(open < 0 ? 0 : open);
}

function locked() {
  const tried = Boolean($("token").value);
  $("token-form").hidden = false;
  $("token-trouble").textContent = tried ? "That isn't the token." : "";
  $("token").focus();
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken($("token").value);
  start();
});

/** A picture and its hands, read ahead; a failed request is forgotten, so that it is tried again. */
function fetchPicture(n) {
  if (!ready.has(n)) {
    const found = { bitmap: askBitmap(`/api/image/${n}`), hands: askJson(`/api/hands/${n}`) };
    for (const promise of Object.values(found)) promise.catch(() => ready.delete(n));
    ready.set(n, found);
  }
  return ready.get(n);
}

async function go(n) {
  if (!set || n < 0 || n >= set.pictures.length) return;
  leave();
  number = n;
  view.bitmap = null;
  editor.show(n, set.pictures[n].width, set.pictures[n].height, []);
  strip.go(n);
  progress();
  const found = fetchPicture(n);
  try {
    const [bitmap, news] = await Promise.all([found.bitmap, found.hands]);
    if (number !== n) return;
    const { width, height } = set.pictures[n];
    $("notice").hidden = true;
    const own = saver.latest.get(n); // newer than what was read, if it is still on its way
    seconds = own?.seconds ?? news.seconds;
    complete = own?.complete ?? news.complete;
    saver.known(n, news.revision);
    editor.show(n, width, height, own?.hands ?? news.hands);
    view.show(bitmap, width, height);
    touchedAt = performance.now();
    document.body.dataset.shown = String(n);
    performance.mark("shown");
  } catch (error) {
    if (number === n) notice(`Picture ${n + 1}: ${error.message}`);
  }
  strip.release();
  for (const step of AHEAD) if (set.pictures[n + step]) fetchPicture(n + step);
  for (const kept of ready.keys()) if (Math.abs(kept - n) > 4) ready.delete(kept);
}

/** Count the time on the picture, and remember it with its hands. */
function leave() {
  touch();
}

function touch() {
  const now = performance.now();
  const spent = Math.min(now - touchedAt, IDLE_MS);
  touchedAt = now;
  if (document.hidden) return;
  seconds += spent / 1000;
  worked.ms += spent;
}

function save() {
  if (number < 0 || !view.bitmap) return;
  touch();
  set.pictures[number].state = complete ? "done" : "started";
  saver.save(number, { complete, seconds, hands: structuredClone(editor.hands) });
  strip.fill();
  progress();
}

function confirm() {
  if (!view.bitmap) return;
  complete = true;
  worked.hands += editor.hands.length;
  lastConfirmed = number;
  save();
  const next = nextOpen();
  if (next !== null) go(next);
  else if (number + 1 < set.pictures.length) go(number + 1);
}

function nextOpen() {
  const open = (p) => p.state !== "done";
  const after = set.pictures.findIndex((p, i) => i > number && open(p));
  const any = after >= 0 ? after : set.pictures.findIndex(open);
  return any < 0 ? null : any;
}

function finish() {
  const hands = worked.ms > 0 ? (worked.hands / worked.ms) * 60_000 : 0;
  const lines = [`${set.pictures.length} pictures, ${hands.toFixed(1)} hands a minute.`];
  if (set.practice && marks.size) lines.push(summary([...marks.values()]));
  else lines.push("Next: edgehands eval --data and this folder.");
  $("end-text").textContent = lines.join("\n");
  if (!$("end").open) $("end").showModal();
  lastConfirmed = null;
}

async function guess(x0, y0, x1, y1) {
  $("add").setAttribute("aria-pressed", "false");
  if (x1 - x0 < 6 || y1 - y0 < 6) return toast("Draw a box around the whole hand.");
  const n = number;
  chip("saving", "Looking for the hand");
  try {
    const body = JSON.stringify({ x0, y0, x1, y1 });
    const hand = await askJson(`/api/guess/${n}`, { method: "POST", body });
    if (n === number) editor.change(() => editor.add(hand));
  } catch (error) {
    toast(error.message);
    chip("saved", "");
  }
}

async function copyBefore() {
  if (number < 1) return toast("There is no picture before.");
  const n = number;
  try {
    // From what is here already, so that Enter may follow at once.
    const hands = saver.latest.get(n - 1)?.hands ?? (await fetchPicture(n - 1).hands).hands;
    if (n === number) editor.change(() => editor.copy(hands));
  } catch (error) {
    toast(error.message);
  }
}

function step(name) {
  if (!editor[name]()) toast(name === "undo" ? "Nothing to undo on this picture." : "Nothing to redo.");
}

const nudge = (dx, dy) => (event) => {
  const far = event.shiftKey ? 10 : event.altKey ? 0.25 : 1;
  editor.change(() => editor.move(dx * far, dy * far, false));
};
const press = (id) => () => $(id).click();
const KEYS = {
  Enter: press("confirm"), n: press("none"), a: press("add"), Delete: press("remove"), Backspace: press("remove"),
  c: press("copy"), l: press("left"), r: press("right"), o: press("occluded"), x: press("outside"), j: press("together"),
  h: press("hide"), u: press("undo"), y: press("redo"), f: press("zoom"), w: press("fit"), Home: press("fit"), ",": press("previous"),
  ".": press("next"), PageUp: press("previous"), PageDown: press("next"), t: press("todo"), "?": press("help"),
  0: press("whole"), m: () => editor.nextHand(), g: () => $("gesture").focus(),
  "+": () => view.zoom(1.25), "=": () => view.zoom(1.25), "-": () => view.zoom(0.8),
  ArrowLeft: nudge(-1, 0), ArrowRight: nudge(1, 0), ArrowUp: nudge(0, -1), ArrowDown: nudge(0, 1),
  Tab: (event) => editor.nextPoint(event.shiftKey ? -1 : 1),
  Escape: () => { view.boxing = false; view.canvas.classList.remove("boxing"); $("add").setAttribute("aria-pressed", "false"); editor.select(editor.selected, null); },
};
for (let finger = 0; finger < 5; finger++) KEYS[finger + 1] = () => editor.finger(finger);

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.target instanceof HTMLInputElement) {
    if (event.target === $("gesture") && ["Enter", "Escape"].includes(event.key)) $("view").focus();
    return;
  }
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    if (key === "z") step(event.shiftKey ? "redo" : "undo");
    else if (key === "y") step("redo");
    else return;
    event.preventDefault();
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  // A button that has the focus is pressed by the space bar only: Enter always means "correct".
  const action = KEYS[key];
  if (!action || !set) return;
  event.preventDefault();
  action(event);
});

const on = (id, action) => $(id).addEventListener("click", action);
const toggled = (id) => {
  const now = $(id).getAttribute("aria-pressed") !== "true";
  $(id).setAttribute("aria-pressed", String(now));
  return now;
};
on("confirm", confirm);
on("none", () => editor.change(() => editor.none()));
on("add", () => { if (toggled("add")) { view.startBox(); toast("Draw a box around the whole hand."); } else KEYS.Escape(); });
on("remove", () => editor.change(() => editor.remove()));
on("copy", copyBefore);
on("left", () => editor.change(() => editor.side("left")));
on("right", () => editor.change(() => editor.side("right")));
on("occluded", () => editor.change(() => editor.mark("occluded")));
on("outside", () => editor.change(() => editor.mark("outside")));
on("together", () => { editor.together = toggled("together"); });
on("hide", () => { view.hidden = toggled("hide"); view.redraw(); });
on("whole", () => editor.wholeHand());
on("undo", () => step("undo"));
on("redo", () => step("redo"));
on("zoom", () => view.zoomToHand());
on("fit", () => { view.fit(); view.redraw(); });
on("previous", () => go(number - 1));
on("next", () => go(number + 1));
on("todo", () => { const n = nextOpen(); if (n === null) toast("No picture is open."); else go(n); });
on("help", () => $("keys").showModal());
for (const button of document.querySelectorAll("[data-finger]")) {
  button.addEventListener("click", () => editor.finger(Number(button.dataset.finger)));
}
$("gesture").addEventListener("change", () => {
  const word = $("gesture").value.trim().toLowerCase().replace(/[^a-z0-9_-]/g, "_");
  editor.change(() => editor.gesture(word));
});

function panel() {
  const rows = editor.hands.map((hand, i) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.side = hand.handedness;
    button.setAttribute("aria-pressed", String(i === editor.selected));
    button.textContent = `${i + 1}: ${hand.handedness} hand`;
    const hidden = hand.states.filter((state) => state !== "visible").length;
    if (hidden) button.append(Object.assign(document.createElement("small"), { textContent: ` ${hidden} points not seen` }));
    button.addEventListener("click", () => editor.select(i, null));
    row.append(button);
    return row;
  });
  $("hands").replaceChildren(...rows);
  const hand = editor.hand;
  const pressed = (id, is) => $(id).setAttribute("aria-pressed", String(is));
  pressed("left", hand?.handedness === "left");
  pressed("right", hand?.handedness === "right");
  const places = hand ? (editor.point === null ? hand.states : [hand.states[editor.point]]) : [];
  pressed("occluded", places.length > 0 && places.every((s) => s === "occluded"));
  pressed("outside", places.length > 0 && places.every((s) => s === "outside"));
  pressed("whole", editor.whole);
  $("point").textContent = !hand ? "–" : editor.point === null ? "none" : NAMES[editor.point];
  if (document.activeElement !== $("gesture")) $("gesture").value = hand?.gesture ?? "";
  for (const id of ["remove", "left", "right", "occluded", "outside", "whole", "zoom"]) $(id).disabled = !hand;
  $("badge").hidden = !view.bitmap;
  $("badge").textContent = complete ? "done" : editor.hands.length ? "" : "no hand";
  $("badge").hidden ||= !$("badge").textContent;
}

function progress() {
  const done = set.pictures.filter((p) => p.state === "done").length;
  $("place").textContent = `${number + 1} of ${set.pictures.length}`;
  $("meter").setAttribute("aria-valuemax", String(set.pictures.length));
  $("meter").setAttribute("aria-valuenow", String(done));
  $("meter-bar").style.width = `${(100 * done) / set.pictures.length}%`;
  const pace = worked.ms > 5000 ? `, ${((worked.hands / worked.ms) * 60_000).toFixed(1)} hands a minute` : "";
  $("pace").textContent = `${done} done${pace}`;
}

function chip(state, message) {
  $("chip").dataset.state = state;
  $("chip-text").textContent = { saved: "saved", saving: "saving", away: "not saved", failed: "not saved" }[state];
  if (message && state !== "saving") toast(message);
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = !text;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("toast").hidden = true; }, TOAST_MS);
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = false;
}

for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, touch, { capture: true });

// For tests, and for whoever looks through the console.
window.annotate = { editor, view, saver, ask, get number() { return number; }, get set() { return set; } };
