// Recording what is published as JSON lines, and playing such lines again. All in this browser.

import { $, download, tell } from "./dom.js";

const MOST_BYTES = 50e6;
const LONGEST_PAUSE_MS = 3000; // silence while no hand is seen is cut short

let lines = null; // while recording
let bytes = 0;
let recorded = [];
let playing = null;

/** `show` is called with each played message, `ended` when there is no more. */
export function setUpRecorder({ show, ended }) {
  $("record").addEventListener("click", () => (lines ? stop() : start()));
  $("save").addEventListener("click", () => download(`edgehands-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jsonl`, `${recorded.join("\n")}\n`, "application/jsonl"));
  $("replay").addEventListener("click", () => (playing ? halt() : play(recorded.map((line) => JSON.parse(line)))));
  $("open").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    try {
      if (file.size > MOST_BYTES) throw new Error(`${file.name} has ${(file.size / 1e6).toFixed(0)} MB; at most ${MOST_BYTES / 1e6} MB can be played here.`);
      const read = (await file.text()).split("\n").filter(Boolean).map(parse).filter((line) => line?.payload?.hands);
      if (!read.length) throw new Error(`${file.name} holds no hands: lines of this page or of "edgehands watch --json" are wanted.`);
      play(read);
    } catch (error) {
      tell($("record-told"), error.message, true);
    }
  });

  function start() {
    [lines, bytes] = [[], 0];
    $("record").setAttribute("aria-pressed", "true");
    $("record").textContent = "Stop recording";
    tell($("record-told"), "Recording …");
  }

  function stop() {
    recorded = lines;
    lines = null;
    $("record").setAttribute("aria-pressed", "false");
    $("record").textContent = "Record";
    $("save").disabled = $("replay").disabled = recorded.length === 0;
    tell($("record-told"), recorded.length ? `${recorded.length} messages recorded.` : "Nothing came while recording.");
  }

  function play(messages) {
    halt();
    playing = { at: 0, messages, timer: 0 };
    $("replay").textContent = "Stop replay";
    $("replay").disabled = false;
    step();
  }

  function step() {
    const { messages, at } = playing;
    const line = messages[at];
    if (!line) return halt();
    tell($("record-told"), `Replay: ${at + 1} of ${messages.length} messages.`);
    show(line.payload);
    playing.at += 1;
    const pause = (messages[at + 1]?.t ?? line.t) - line.t;
    playing.timer = setTimeout(step, Math.min(Math.max(pause * 1000, 0), LONGEST_PAUSE_MS));
  }

  function halt() {
    if (!playing) return;
    clearTimeout(playing.timer);
    playing = null;
    $("replay").textContent = "Replay";
    $("replay").disabled = recorded.length === 0;
    tell($("record-told"), "Replay has ended.");
    ended();
  }
}

export const isPlaying = () => playing !== null;

/** Note a message, if this is recorded. */
export function note(topic, message) {
  if (!lines) return;
  const line = JSON.stringify({ t: Date.now() / 1000, topic, payload: message });
  bytes += line.length;
  if (bytes > MOST_BYTES) $("record").click();
  else lines.push(line);
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
