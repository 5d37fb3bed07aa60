// Teaching a gesture: a name, a countdown, a ring that fills with each example, and a try.

import { $, make, put, tell } from "./dom.js";
import { words } from "./hands.js";
import { offer } from "./recipes.js";

const COUNT_S = 3;
const ROUNDS = 3; // so many times three examples: after each the ring shows a part more
const EXAMPLES = 3;
const ROUND = 2 * Math.PI * 40;
const NAME = /^[a-z0-9_-]{1,32}$/;

let link = null;
let node = "";
let busy = false;
let known = []; // the names of the taught gestures
let trying = ""; // the gesture that is waited for after teaching

export function setUpTeaching(theLink) {
  link = theLink;
  $("teach-form").addEventListener("submit", (event) => {
    event.preventDefault();
    teach($("teach-name").value.trim().toLowerCase().replaceAll(" ", "_"));
  });
}

/** List a node's gestures when it is shown. */
export function showTeaching(state, shown) {
  const able = shown?.status === "online" && !state.read_only;
  $("teach-fields").disabled = !able || busy;
  if (!able) {
    node = "";
  } else if (shown.name !== node) {
    node = shown.name;
    list();
  }
}

/** See whether the gesture that was taught just now is made. */
export function tryTeaching(message) {
  if (!trying || !message?.hands.some((hand) => hand.gesture?.name === trying)) return;
  tell($("teach-told"), `That is ${words(trying)}. It is learnt.`);
  $("teach-ring").dataset.state = "done";
  trying = "";
}

async function teach(name) {
  if (!NAME.test(name)) {
    tell($("teach-told"), "A name has 1 to 32 small letters, digits, _ or -.", true);
    return;
  }
  busy = true;
  trying = "";
  $("teach-fields").disabled = true;
  try {
    for (let left = COUNT_S; left > 0; left -= 1) {
      ring(0, "count", String(left));
      tell($("teach-told"), `Show one hand in the shape of ${words(name)}.`);
      await new Promise((done) => { setTimeout(done, 1000); });
    }
    const more = known.includes(name);
    let result = null;
    for (let round = 0; round < ROUNDS; round += 1) {
      ring(round / ROUNDS, "busy", `${round} / ${ROUNDS}`);
      tell($("teach-told"), round ? "Good. Turn it a little, and hold it again." : "Hold it still.");
      result = await link.ask(node, "gestures", { action: "teach", name, examples: EXAMPLES, more: more || round > 0 });
    }
    ring(1, "busy", "✓");
    const similar = result.similar ? ` It looks much like ${words(result.similar)}.` : "";
    tell($("teach-told"), `Learnt from ${result.examples} examples.${similar} Now try it: let go, and make it again.`);
    trying = name;
    $("teach-name").value = "";
  } catch (error) {
    ring(0, "", "");
    tell($("teach-told"), error.message, true);
  }
  busy = false;
  $("teach-fields").disabled = false;
  list();
}

function ring(share, state, text) {
  $("teach-ring").dataset.state = state;
  $("teach-arc").setAttribute("stroke-dasharray", `${share * ROUND} ${ROUND}`);
  put($("teach-count"), text);
}

async function list() {
  try {
    const { gestures } = await link.ask(node, "gestures", { action: "list" });
    known = gestures.map((gesture) => gesture.name);
    offer(known);
    $("taught").replaceChildren(...gestures.map(row));
    $("no-taught").hidden = gestures.length > 0;
  } catch {
    // The node is away: it is asked again when it comes back.
  }
}

function row(gesture) {
  const item = make("li");
  const remove = make("button", "Remove", { type: "button", "aria-label": `Remove ${words(gesture.name)}` });
  remove.addEventListener("click", async () => {
    try {
      await link.ask(node, "gestures", { action: "remove", name: gesture.name });
    } catch (error) {
      tell($("teach-told"), error.message, true);
    }
    list();
  });
  item.append(make("b", words(gesture.name)), make("span", `${gesture.examples} examples`, { class: "soft" }), remove);
  return item;
}
