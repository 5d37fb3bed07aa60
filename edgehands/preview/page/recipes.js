// "When I make … do …": what to paste into Home Assistant, Node-RED, a shell or Python.

import { $, copy, make } from "./dom.js";
import { words } from "./hands.js";

const SHAPES = ["open_palm", "fist", "point", "point_up", "victory", "three", "four", "thumbs_up", "thumbs_down", "ok", "pinch", "rock", "call", "i_love_you"];
const MOVEMENTS = ["swipe_left", "swipe_right", "swipe_up", "swipe_down", "push", "pull", "wave", "rotate", "pinch_drag"];

let where = null; // whose messages it is about

const quoted = (text) => JSON.stringify(text);
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** What the viewer asked for: the gesture or movement, the hand, and what shall happen. */
function wish(where) {
  const [kind, name] = $("when").value.split(":");
  return { kind, name, side: $("hand").value, target: $("target").value.trim() || $("target").placeholder, ...where };
}

const texts = {
  homeassistant({ node, kind, name, side, target }) {
    const entity = `event.edgehands_${node.replaceAll(/[^a-zA-Z0-9]/g, "_").toLowerCase()}_event`;
    const [type, extra] = kind === "shape"
      ? ["gesture_started", [`trigger.to_state.attributes.gesture == '${name}'`]]
      : [name, []];
    const conditions = [`trigger.to_state.attributes.event_type == '${type}'`, ...extra];
    if (side !== "either") conditions.push(`trigger.to_state.attributes.handedness == '${side}'`);
    return `alias: ${quoted(`${words(name)} on ${node}`)}
triggers:
  - trigger: state
    entity_id: ${entity}
    not_from: [unavailable, unknown]
conditions:
${conditions.map((condition) => `  - "{{ ${condition} }}"`).join("\n")}
actions:
  - action: homeassistant.toggle
    target:
      entity_id: ${target}
mode: single
`;
  },
  nodered({ node, camera, prefix, kind, name, side, target }) {
    const checks = kind === "shape" ? [`e.event_type === "gesture_started"`, `e.gesture === ${quoted(name)}`] : [`e.event_type === ${quoted(name)}`];
    if (side !== "either") checks.push(`e.handedness === ${quoted(side)}`);
    return `${JSON.stringify([
      { id: "eh1", type: "mqtt in", name: words(name), topic: `${prefix}/${node}/camera/${camera}/event`, qos: "1", datatype: "json", broker: "", x: 140, y: 80, wires: [["eh2"]] },
      { id: "eh2", type: "function", name: `only ${words(name)}`, func: `const e = msg.payload;\nreturn ${checks.join(" && ")} ? msg : null;`, outputs: 1, x: 340, y: 80, wires: [["eh3"]] },
      { id: "eh3", type: "http request", name: "", method: "POST", ret: "txt", url: target, x: 540, y: 80, wires: [[]] },
    ], null, 2)}\n`;
  },
  curl({ node, camera, prefix, broker, kind, name, side, target }) {
    const checks = kind === "shape" ? [`.event_type == "gesture_started"`, `.gesture == ${quoted(name)}`] : [`.event_type == ${quoted(name)}`];
    if (side !== "either") checks.push(`.handedness == ${quoted(side)}`);
    return `mosquitto_sub ${broker} -q 1 -t ${shell(`${prefix}/${node}/camera/${camera}/event`)} |
  jq --unbuffered -c ${shell(`select(${checks.join(" and ")})`)} |
  while read -r event; do
    curl -fsS -X POST -H 'Content-Type: application/json' -d "$event" ${shell(target)}
  done
`;
  },
  python({ node, camera, prefix, url, kind, name, side }) {
    const checks = kind === "shape" ? [`event["event_type"] == "gesture_started"`, `event["gesture"] == ${quoted(name)}`] : [`event["event_type"] == ${quoted(name)}`];
    if (side !== "either") checks.push(`event["handedness"] == ${quoted(side)}`);
    return `import json, paho.mqtt.subscribe as mqtt

def told(client, data, message):
    event = json.loads(message.payload)
    if ${checks.join(" and ")}:
        print("do it", event)

mqtt.callback(told, ${quoted(`${prefix}/${node}/camera/${camera}/event`)}, hostname=${quoted(url.host)}, port=${url.port})
`;
  },
};
const TARGETS = { homeassistant: ["Entity to toggle", "light.kitchen"], nodered: ["Address to call", "http://127.0.0.1:1880/gesture"], curl: ["Address to call", "http://127.0.0.1:8080/gesture"], python: ["", ""] };


export function setUpRecipes() {
  offer([]);
  for (const id of ["when", "hand", "do"]) $(id).addEventListener("change", write);
  $("target").addEventListener("input", write);
  $("copy-recipe").addEventListener("click", (event) => copy($("recipe").textContent, event.target));
}

/** Offer the gestures that come along, those that were taught, and the movements. */
export function offer(taught) {
  const before = $("when").value;
  const group = (label, kind, names) => {
    const element = make("optgroup", "", { label });
    element.append(...names.map((name) => make("option", words(name), { value: `${kind}:${name}` })));
    return element;
  };
  const groups = [group("Gestures", "shape", SHAPES), group("Movements", "movement", MOVEMENTS)];
  if (taught.length) groups.unshift(group("Taught", "shape", taught));
  $("when").replaceChildren(...groups);
  if (before) $("when").value = before;
  if (!$("when").value) $("when").selectedIndex = 0;
  write();
}

/** Write for the camera that is shown. */
export function showRecipes(state) {
  const address = state.broker.address.replace(/^\w+:\/\//, "");
  const [, host, port] = /^(.*?)(?::(\d+))?(?:\/.*)?$/.exec(address);
  const next = { node: state.shown.node || "kitchen", camera: state.shown.camera || "main", prefix: state.prefix, broker: `-h ${host}${port ? ` -p ${port}` : ""}`, url: { host, port: port ?? "1883" } };
  if (JSON.stringify(next) === JSON.stringify(where)) return;
  where = next;
  write();
}

function write() {
  if (!where) return;
  const [label, example] = TARGETS[$("do").value];
  $("target-label").textContent = label;
  $("target").placeholder = example;
  $("target-box").hidden = !label;
  $("recipe").textContent = texts[$("do").value](wish(where));
}
