// Joins the link, the drawings and the panels. Draws only when there is something new.

import { showCharts } from "./charts.js";
import { $ } from "./dom.js";
import { FlatView } from "./flat.js";
import { colours } from "./hands.js";
import { Link } from "./link.js";
import { keep, kept } from "./kept.js";
import { setUpLook, showQr } from "./look.js";
import { showBroker, showChoices, showFigures, showHands, showNode, showTopics, speak } from "./panels.js";
import { Picture } from "./picture.js";
import { showPictures } from "./privacy.js";
import { setUpRecipes, showRecipes } from "./recipes.js";
import { isPlaying, note, setUpRecorder } from "./recorder.js";
import { setUpSettings, showSettings } from "./settings.js";
import { SpaceView } from "./space.js";
import { setUpTeaching, showTeaching, tryTeaching } from "./teach.js";
import { takeEvents } from "./timeline.js";
import { verdict } from "./verdict.js";

const STALE_MS = 2500; // hands older than this aren't shown as seen
const SPEAK_MS = 1500;
const WRITE_MS = 100;

let ink = colours();
let due = 0;
let state = null; // the newest state news
let message = null; // the newest hands message of the shown camera
let messageAt = 0;
let linkUp = false;
let locked = false;
let frozen = null; // while frozen: what is shown instead of the newest
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
    else if (news.type === "state") takeState(news);
    else if (news.type === "qr") showQr(news.rows);
  },
});
const picture = new Picture(() => link.token, () => redraw());

function takeHands(news) {
  if (state && (news.node !== state.shown.node || news.camera !== state.shown.camera)) return;
  if (isPlaying()) return;
  note(`${state?.prefix ?? "edgehands"}/${news.node}/camera/${news.camera}/hands`, news.message);
  tryTeaching(news.message);
  message = news.message;
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

/** Bring everything that is written up to date. */
function judge() {
  const [kind, word, notice] = verdict({ locked, linkUp, state, node: shownNode(), camera: shownCamera() });
  const chip = $("chip");
  const [shownKind, shownWord] = shownAs(kind, word);
  chip.dataset.state = shownKind;
  if ($("chip-text").textContent !== shownWord) $("chip-text").textContent = shownWord;
  if ($("notice").textContent !== notice) $("notice").textContent = notice;
  $("notice").hidden = !notice;
  const old = message?.hands.length > 0 && performance.now() - messageAt > STALE_MS;
  if (message && !isPlaying() && (kind !== "live" || old)) message = null;
  if (state) {
    showBroker(state.broker);
    showChoices(state.nodes, state.shown);
    showNode(state, shownNode());
    showTopics(state.flows, state.shown.node);
    takeEvents(state.shown.node, state.events);
    picture.want(showPictures(state, { link, redraw }));
    showSettings(state, shownNode());
    showTeaching(state, shownNode());
    showCharts(state.history, state.t);
    showRecipes(state);
  }
  showFigures(kind === "live" ? shownCamera() : null, message);
  redraw();
}

/** What isn't of this moment isn't called live. */
function shownAs(kind, word) {
  if (isPlaying()) return ["waiting", "replay"];
  return kind === "live" && frozen ? ["waiting", "frozen"] : [kind, word];
}

function redraw() {
  due ||= requestAnimationFrame(draw);
}

function draw(now) {
  due = 0;
  const { hands, image, imageHands } = frozen ?? newest();
  flat.draw(imageHands ?? hands, ink, image);
  $("flat").dataset.pictures = image ? "on" : "off";
  space.draw(hands, ink);
  if (now - writtenAt > WRITE_MS) {
    writtenAt = now;
    showHands(hands);
    if (now - spokenAt > SPEAK_MS) {
      spokenAt = now;
      speak(hands);
    }
  }
}

/** What there is to draw: a picture with the hands that are seen in it, and the newest hands. */
function newest() {
  const seen = isPlaying() ? null : picture.current();
  return { hands: message, image: seen?.image ?? null, imageHands: seen?.message ?? null };
}

/** Keep what is shown now: the picture's bitmap is closed by the next one, so it is copied. */
async function snapshot() {
  const now = newest();
  frozen = now;
  if (now.image) frozen = { ...now, image: await createImageBitmap(now.image) };
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

const mirror = toggle($("mirror"), (on) => {
  flat.mirrored = on;
  keep("mirror", on ? "1" : "");
});
if (kept("mirror")) mirror();
const freeze = toggle($("freeze"), (on) => {
  if (on) {
    snapshot();
    showHands(frozen.hands); // the list may be older than what is kept
  } else frozen = null;
  judge();
});
$("front").addEventListener("click", () => space.front());
$("side").addEventListener("click", () => space.side());
$("top").addEventListener("click", () => space.above());
$("nearer").addEventListener("click", () => space.scale(1.25));
$("farther").addEventListener("click", () => space.scale(1 / 1.25));
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
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
  if (event.key === "m") mirror();
  if (event.key === "f") freeze();
});
function recolour() {
  ink = colours();
  redraw();
}
setUpLook(link, recolour);
setUpRecipes();
setUpSettings(link);
setUpTeaching(link);
setUpRecorder({
  show(played) { message = played; messageAt = performance.now(); judge(); },
  ended() { message = null; judge(); },
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
new ResizeObserver(redraw).observe($("flat"));
new ResizeObserver(redraw).observe($("space"));
judge();
