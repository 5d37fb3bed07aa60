// The settings that a running node lets be changed.

import { $, tell } from "./dom.js";

const NUMBERS = ["max_hands", "rate_limit"];
const SWITCHES = ["smoothing", "gestures", "enabled"];
const CHOICES = ["model", "precision"];

let link = null;
let node = "";
let asked = 0;

export function setUpSettings(theLink) {
  link = theLink;
  for (const name of [...NUMBERS, ...SWITCHES, ...CHOICES]) $(`s-${name}`).addEventListener("change", () => change(name));
  $("settings-form").addEventListener("submit", (event) => event.preventDefault());
}

/** Ask a node for its settings when it is shown, and again when it comes back. */
export function showSettings(state, shown) {
  const able = shown?.status === "online" && !state.read_only;
  $("settings-off").hidden = !state.read_only;
  $("settings-fields").disabled = !able;
  if (!able) {
    node = "";
  } else if (shown.name !== node) {
    node = shown.name;
    ask({});
  }
}

function change(name) {
  const field = $(`s-${name}`);
  if (!field.reportValidity()) return;
  const value = SWITCHES.includes(name) ? field.checked : NUMBERS.includes(name) ? Number(field.value) : field.value;
  ask({ [name]: value, persist: $("s-persist").checked && name !== "enabled" });
}

async function ask(data) {
  const number = (asked += 1);
  const changes = Object.keys(data).length > 0;
  if (changes) tell($("settings-told"), "Changing …");
  try {
    const now = await link.ask(node, "set", data);
    if (number !== asked) return;
    for (const name of [...NUMBERS, ...CHOICES]) if (now[name] !== undefined) $(`s-${name}`).value = now[name];
    for (const name of SWITCHES) if (now[name] !== undefined) $(`s-${name}`).checked = now[name];
    tell($("settings-told"), changes ? (data.persist ? "Changed, for good." : "Changed, until the next start.") : "");
  } catch (error) {
    tell($("settings-told"), error.message, true);
  }
}
