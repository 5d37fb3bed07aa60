// Joins the link, the drawings and the panels. Draws only when there is something new.

import { FlatView } from "./flat.js";
import { colours } from "./hands.js";
import { Link } from "./link.js";
import { showBroker, showChoices, showEvents, showFigures, showHands, showNode, showTopics, speak } from "./panels.js";
import { SpaceView } from "./space.js";

const STALE_MS = 2500; // hands older than this aren't shown as seen
const SPEAK_MS = 1500;
const WRITE_MS = 100;

const $ = (id) => document.getElementById(id);
let ink = colours();
let due = 0;
let state = null; // the newest state news
let message = null; // the newest hands message of the shown camera
let messageAt = 0;
let linkUp = false;
let locked = false;
let frozen = false;
let writtenAt = 0;
let spokenAt = 0;

const flat = new FlatView($("flat"));
const space = new SpaceView($("space"), () => redraw());

const link = new Link({
  up() { linkUp = true; locked = false; $("token-form").hidden = true; },
  down() { linkUp = false; judge(); },
  locked(refused) {
    locked = true;
    linkUp = false;
    $("token-form").hidden = false;
    $("token-trouble").textContent = refused ? "That isn't the token." : "";
    $("token").focus();
    judge();
  },
  news(news) {
    if (news.type === "hands") takeHands(news);
    else takeState(news);
  },
});

function takeHands(news) {
  if (state && (news.node !== state.shown.node || news.camera !== state.shown.camera)) return;
  if (!frozen) message = news.message;
  messageAt = performance.now();
  redraw();
}

function takeState(news) {
  if (state && (news.shown.node !== state.shown.node || news.shown.camera !== state.shown.camera)) message = null;
  state = news;
  judge();
}

const shownNode = () => state?.nodes.find((node) => node.name === state.shown.node);
const shownCamera = () => shownNode()?.cameras.find((camera) => camera.name === state.shown.camera);

/** What is so, and what is known of why. */
const sentence = (...parts) => parts.filter(Boolean).join(" ");

/** What a viewer has to know first: [state of the chip, its word, what stands over the picture]. */
function verdict() {
  if (locked) return ["away", "locked", ""];
  if (!linkUp) return state ? ["away", "reconnecting", "The page's server is away. Trying again."] : ["waiting", "connecting", ""];
  if (!state) return ["waiting", "connecting", ""];
  const { broker } = state;
  if (!broker.connected) return ["away", "broker away", `The broker is away. Trying again. ${broker.trouble}`];
  const [node, camera] = [shownNode(), shownCamera()];
  if (!node) return ["waiting", "waiting", `Waiting for a node to publish to ${broker.address}.`];
  if (node.status === "offline") return ["offline", "offline", sentence(`${node.name} is offline.`, node.problem, camera?.problem)];
  if (camera?.status === "disabled" || camera?.enabled === "OFF") return ["waiting", "disabled", `Camera ${camera.name} is switched off.`];
  if (camera?.status === "offline") return ["offline", "camera offline", sentence(`Camera ${camera.name} is offline.`, camera.problem, node.problem)];
  if (node.status !== "online" && !camera?.rate) return ["waiting", "waiting", `${node.name} has not been heard yet.`];
  return ["live", "live", ""];
}

/** Bring everything that is written up to date. */
function judge() {
  const [kind, word, notice] = verdict();
  const chip = $("chip");
  chip.dataset.state = kind;
  if ($("chip-text").textContent !== word) $("chip-text").textContent = word;
  if ($("notice").textContent !== notice) $("notice").textContent = notice;
  $("notice").hidden = !notice;
  const old = message?.hands.length > 0 && performance.now() - messageAt > STALE_MS;
  if (!frozen && message && (kind !== "live" || old)) {
    message = null;
    redraw();
  }
  if (state) {
    showBroker(state.broker);
    showChoices(state.nodes, state.shown);
    showNode(state, shownNode());
    showTopics(state.flows, state.shown.node);
    showEvents(state.events);
  }
  showFigures(kind === "live" ? shownCamera() : null, message);
  redraw();
}

function redraw() {
  due ||= requestAnimationFrame(draw);
}

function draw(now) {
  due = 0;
  flat.draw(message, ink);
  space.draw(message, ink);
  if (now - writtenAt > WRITE_MS) {
    writtenAt = now;
    showHands(message);
    if (now - spokenAt > SPEAK_MS) {
      spokenAt = now;
      speak(message);
    }
  }
}

function toggle(button, change) {
  const flip = () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    change(on);
    redraw();
  };
  button.addEventListener("click", flip);
  return flip;
}

const mirror = toggle($("mirror"), (on) => { flat.mirrored = on; });
const freeze = toggle($("freeze"), (on) => { frozen = on; });
$("front").addEventListener("click", () => space.front());
$("side").addEventListener("click", () => space.side());
$("top").addEventListener("click", () => space.above());
$("camera").addEventListener("change", (event) => {
  const [node, camera] = event.target.value.split("/");
  message = null;
  link.choose(node, camera);
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  link.unlock($("token").value);
  $("token").value = "";
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT/.test(event.target.tagName)) return;
  if (event.key === "m") mirror();
  if (event.key === "f") freeze();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { ink = colours(); redraw(); });
new ResizeObserver(redraw).observe($("flat"));
new ResizeObserver(redraw).observe($("space"));
judge();
