// Everything that is written, not drawn. Text goes in as text, never as HTML.

import { $, copy, make, put } from "./dom.js";
import { gestureOf, words } from "./hands.js";

const ms = (value) => (value === null || value === undefined ? "–" : `${value.toFixed(value < 10 ? 1 : 0)}`);
const percent = (value) => `${Math.round(value * 100)} %`;

function figure(id, value, unit = "", more = "") {
  const place = $(id);
  const text = `${value}${unit}${more}`;
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  place.replaceChildren(value, make("small", `${unit}${more}`));
}

export function showFigures(camera, message) {
  figure("f-hands", message || camera ? String(message?.hands.length ?? 0) : "–");
  figure("f-rate", camera ? camera.rate.toFixed(1) : "–");
  const p95 = camera?.latency_p95_ms;
  figure("f-latency", ms(camera?.latency_ms), camera?.latency_ms == null ? "" : " ms", p95 == null ? "" : `, p95 ${ms(p95)}`);
  figure("f-arrival", ms(camera?.arrival_ms), camera?.arrival_ms == null ? "" : " ms");
}

export function showHands(message) {
  const list = $("hands");
  const hands = message?.hands ?? [];
  $("no-hands").hidden = hands.length > 0;
  while (list.children.length > hands.length) list.lastElementChild.remove();
  hands.forEach((hand, place) => {
    const row = list.children[place] ?? list.appendChild(handRow());
    row.dataset.side = hand.handedness;
    row.dataset.id = hand.id;
    const [who, gesture, id, more] = row.children;
    put(who, hand.handedness === "left" ? "Left hand" : "Right hand");
    put(gesture, gestureOf(hand) || "no gesture");
    gesture.classList.toggle("soft", !gestureOf(hand));
    put(id, `id ${hand.id}`);
    const [presence, side, position, distance] = more.children;
    put(presence, `presence ${percent(hand.presence)}`);
    put(side, `side ${percent(hand.handedness_score)}`);
    const mean = (axis) => hand.landmarks.reduce((sum, point) => sum + point[axis], 0) / 21;
    put(position, `at ${mean(0).toFixed(2)}, ${mean(1).toFixed(2)}`);
    const palm = hand.pose?.palm;
    const away = Array.isArray(palm) ? Math.hypot(...palm) : NaN;
    put(distance, Number.isFinite(away) ? `${away.toFixed(2)} m away` : "");
  });
}

function handRow() {
  const row = make("li");
  const more = make("span", "", { class: "more" });
  for (const name of ["presence", "side", "position", "distance"]) more.append(make("span", "", { class: name }));
  row.append(make("span", "", { class: "who" }), make("span", "", { class: "gesture" }), make("span", "", { class: "id" }), more);
  return row;
}

export function showNode(news, node) {
  put($("node-title"), node ? `Node ${node.name}` : "Node");
  const { info, stats } = news;
  const rows = [];
  if (node) rows.push(["Status", node.status || "not heard"]);
  if (node?.problem) rows.push(["Problem", node.problem]);
  if (info) {
    rows.push(["Version", `edgehands ${info.version}, Python ${info.python}`], ["System", info.system]);
    rows.push(["Backend", [info.backend, info.runtime].filter(Boolean).join(", ")]);
    for (const model of info.models) rows.push([words(model.name), model.variant]);
  }
  if (stats && node?.status === "online") {
    rows.push(["Frames", `${stats.fps.toFixed(1)} a second`]);
    rows.push(["Memory", `${stats.rss_mb.toFixed(0)} MB`]);
    if (stats.temperature_c !== null) rows.push(["Temperature", `${stats.temperature_c.toFixed(0)} °C${stats.throttled ? ", throttled" : ""}`]);
    rows.push(["Running for", duration(stats.uptime_s)]);
    const { camera, hands, events } = stats.drops;
    rows.push(["Left out", `${camera} frames, ${hands} messages, ${events} events`]);
  }
  table($("node"), rows, ([name, value]) => [make("dt", name), make("dd", value)]);
  table($("cameras"), node?.cameras ?? [], (camera) => {
    const row = make("li");
    const details = [info?.camera.name === camera.name ? source(info.camera) : "", camera.enabled === "OFF" ? "switched off" : ""];
    row.append(make("span", "", { class: "dot", "data-state": camera.status }), make("b", camera.name), make("span", camera.status || "not heard", { class: "fixed" }));
    row.append(make("span", details.filter(Boolean).join(", "), { class: "soft" }));
    if (camera.problem) row.append(make("span", camera.problem, { class: "bad" }));
    return [row];
  });
}

function source(camera) {
  const size = camera.width ? `${camera.width} × ${camera.height}` : "";
  return [camera.source, size, camera.fps ? `${camera.fps} fps` : ""].filter(Boolean).join(", ");
}

export function showTopics(flows, node) {
  // All of them begin alike: that part stands above them once.
  const cut = flows.length ? flows[0].topic.indexOf(`/${node}/`) + node.length + 2 : 0;
  put($("topics-head"), cut ? `under ${flows[0].topic.slice(0, cut)}` : "Topic");
  table($("topics"), flows, (flow) => {
    const row = make("tr");
    const name = make("td");
    // Long topics break behind a slash.
    for (const level of flow.topic.slice(cut).split(/(?<=\/)/)) name.append(level, make("wbr"));
    if (flow.broken) name.append(" ", make("span", `${flow.broken} unreadable`, { class: "bad" }));
    const rate = flow.rate >= 0.05 ? flow.rate.toFixed(1) : "–";
    const button = make("button", "Copy", { type: "button", class: "small", "aria-label": `Copy topic ${flow.topic}` });
    button.addEventListener("click", () => copy(flow.topic, button));
    const copies = make("td", "", { class: "n" });
    copies.append(button);
    row.append(name, make("td", rate, { class: "n" }), make("td", String(flow.size), { class: "n" }), make("td", ago(flow.age_s), { class: "n" }), copies);
    return [row];
  });
}

/** Fill a container again, but only when what it shows has changed: a reader's place is kept. */
function table(container, rows, make_) {
  const text = JSON.stringify(rows);
  if (container.dataset.shown === text) return;
  container.dataset.shown = text;
  container.replaceChildren(...rows.flatMap(make_));
}

export function showChoices(nodes, shown) {
  const select = $("camera");
  const all = nodes.flatMap((node) => node.cameras.map((camera) => ({ node: node.name, camera: camera.name, status: camera.status })));
  const key = (entry) => `${entry.node}/${entry.camera}`;
  if (!all.some((entry) => key(entry) === key(shown)) && shown.node) all.push({ ...shown, status: "" });
  const text = JSON.stringify(all);
  if (select.dataset.shown !== text) {
    select.dataset.shown = text;
    select.replaceChildren(...all.map((entry) => make("option", `${key(entry)}${entry.status === "online" ? "" : ` (${entry.status || "not heard"})`}`, { value: key(entry) })));
  }
  select.value = key(shown);
  select.closest("label").hidden = all.length === 0;
}

export function showBroker(broker) {
  put($("broker"), broker.connected ? `Broker ${broker.address}, MQTT ${broker.protocol}` : `Broker ${broker.address}: away`);
}

const ago = (seconds) => (seconds < 1.5 ? "now" : duration(seconds));

function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Tell those who listen instead of look, in few words and not too often. */
export function speak(message) {
  const hands = message?.hands ?? [];
  const text = hands.length
    ? hands.map((hand) => `${hand.handedness} hand${gestureOf(hand) ? `, ${gestureOf(hand)}` : ""}`).join("; ")
    : "no hand";
  put($("spoken"), text);
  $("flat").setAttribute("aria-label", `Hands as the camera sees them: ${text}`);
}
