// What happened, newest first, of what kind one wants to see.

import { $ } from "./dom.js";
import { words } from "./hands.js";

const MOST = 500;
const KINDS = {
  all: () => true,
  gestures: (event) => event.event_type.startsWith("gesture"),
  movements: (event) => !/^(gesture|hand)_/.test(event.event_type),
  hands: (event) => event.event_type.startsWith("hand_"),
};

let events = [];
let known = new Set();
let node = "";

/** Take over events that came; the server sends each once, and all again after a break. */
export function takeEvents(shownNode, news) {
  const other = shownNode !== node;
  if (other) [events, known, node] = [[], new Set(), shownNode];
  const fresh = news.filter((event) => !known.has(event.id));
  if (!fresh.length && !other) return;
  for (const event of fresh) known.add(event.id);
  events = [...events, ...fresh].slice(-MOST);
  if (known.size > 4 * MOST) known = new Set(events.map((event) => event.id));
  show();
}

function show() {
  const wanted = KINDS[$("event-kind").value];
  const word = $("event-word").value.trim().toLowerCase();
  const shown = events.filter((event) => wanted(event) && sentence(event).toLowerCase().includes(word)).reverse();
  $("no-events").hidden = shown.length > 0;
  $("no-events").textContent = events.length ? "Nothing of this kind." : "Nothing happened yet.";
  $("events").replaceChildren(...shown.map(row));
}

const sentence = (event) => [words(event.event_type), event.gesture && words(event.gesture), event.handedness, `hand ${event.hand_id}`].filter(Boolean).join(" ");

function row(event) {
  const time = new Date(event.t * 1000);
  const clock = Number.isNaN(time.getTime()) ? "" : time.toLocaleTimeString([], { hourCycle: "h23" });
  const item = document.createElement("li");
  if (event.handedness) item.dataset.side = event.handedness;
  const details = [event.gesture && words(event.gesture), `${event.handedness ?? ""} ${event.hand_id}`].filter(Boolean).join(", ");
  for (const [text, kind] of [[clock, "soft fixed"], [words(event.event_type), "fixed kind"], [details, "soft"]]) {
    item.append(Object.assign(document.createElement("span"), { textContent: text, className: kind }));
  }
  return item;
}

$("event-kind").addEventListener("change", show);
$("event-word").addEventListener("input", show);
