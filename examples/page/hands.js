// Draws the hands of every camera that publishes to a broker. Needs mqtt.js and ../hands_bin.js.
"use strict";

// Pairs of landmarks that a bone joins: 0 is the wrist, then four points a finger.
const BONES = [
  [0, 1], [1, 2], [2, 3], [3, 4],
  [0, 5], [5, 6], [6, 7], [7, 8],
  [5, 9], [9, 10], [10, 11], [11, 12],
  [9, 13], [13, 14], [14, 15], [15, 16],
  [13, 17], [0, 17], [17, 18], [18, 19], [19, 20],
];
const COLOURS = { left: "#4fc3f7", right: "#ffb74d" };
// Hands come with every frame: when none has come for so long, what is drawn is no longer true.
const STALE_MS = 1000;

const form = document.getElementById("broker");
const state = document.getElementById("status");
const cameras = new Map();
let client = null;

function cameraOf(name) {
  if (!cameras.has(name)) {
    const figure = document.createElement("figure");
    const canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption");
    figure.append(canvas, caption);
    document.getElementById("cameras").append(figure);
    cameras.set(name, { name, canvas, caption, timer: 0 });
  }
  return cameras.get(name);
}

function draw(camera, message) {
  const { canvas, caption } = camera;
  if (canvas.width !== message.width || canvas.height !== message.height) {
    canvas.width = message.width;
    canvas.height = message.height;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (const hand of message.hands) {
    // x and y are parts of the frame's width and height.
    const points = hand.landmarks.map(([x, y]) => [x * canvas.width, y * canvas.height]);
    context.strokeStyle = context.fillStyle = COLOURS[hand.handedness];
    context.lineWidth = 3;
    for (const [from, to] of BONES) {
      context.beginPath();
      context.moveTo(...points[from]);
      context.lineTo(...points[to]);
      context.stroke();
    }
    for (const [x, y] of points) {
      context.beginPath();
      context.arc(x, y, 5, 0, 2 * Math.PI);
      context.fill();
    }
  }
  const words = message.hands.map(
    (hand) => `${hand.handedness} ${hand.id} ${hand.gesture ? hand.gesture.name : ""}`.trim());
  caption.textContent = `${camera.name}: ${words.join(", ") || "no hand"}`;
  clearTimeout(camera.timer);
  if (message.hands.length > 0) {
    camera.timer = setTimeout(() => draw(camera, { ...message, hands: [] }), STALE_MS);
  }
}

function receive(topic, payload) {
  // edgehands/<node>/camera/<cam>/hands, or …/hands/bin
  const [, node, , camera, , compact] = topic.split("/");
  let message;
  try {
    message = compact ? decodeHands(payload) : JSON.parse(new TextDecoder().decode(payload));
  } catch (error) {
    console.warn(`left out a message on ${topic}: ${error.message}`);
    return;
  }
  draw(cameraOf(`${node}/${camera}`), message);
}

function connect() {
  const { url, node, user, password, compact } = form.elements;
  if (client) {
    client.end(true);
  }
  state.textContent = `connecting to ${url.value} …`;
  client = mqtt.connect(url.value, {
    username: user.value || undefined,
    password: password.value || undefined,
    protocolVersion: 5,
  });
  client.on("connect", () => {
    state.textContent = `connected to ${url.value}`;
    const topic = `edgehands/${node.value || "+"}/camera/+/hands${compact.checked ? "/bin" : ""}`;
    // QoS 0: a landmark that comes late is worth nothing.
    client.subscribe(topic, { qos: 0 });
  });
  client.on("message", receive);
  client.on("close", () => { state.textContent = `no connection to ${url.value}: trying again`; });
  client.on("error", (error) => { state.textContent = `${url.value}: ${error.message}`; });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  connect();
});

// index.html?url=ws://hub:9001&node=kitchen&compact connects at once. No password there: addresses
// are kept in histories and logs.
const query = new URLSearchParams(location.search);
for (const name of ["url", "node", "user"]) {
  form.elements[name].value = query.get(name) ?? "";
}
form.elements.compact.checked = query.has("compact");
if (typeof mqtt === "undefined") {
  state.textContent = "mqtt.js could not be loaded: see the README about using it offline";
} else if (query.has("url")) {
  connect();
} else {
  form.elements.url.value = `ws://${location.hostname || "localhost"}:9001`;
}
