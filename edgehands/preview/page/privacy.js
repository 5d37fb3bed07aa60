// Whether the camera's picture is shown, who decides, and what is true of it.

import { $, put } from "./dom.js";

let asked = ""; // the source whose picture somebody asked for, by a button

const isShown = (pictures) => Boolean(pictures) && (pictures.film || asked === pictures.source);

/** Bring buttons and sentence up to date; gives whether pictures shall be fetched. */
export function showPictures(state, { link, redraw }) {
  const { pictures, shown, sources, info } = state;
  const here = pictures && pictures.node === shown.node && pictures.camera === shown.camera ? pictures : null;
  const on = isShown(here);
  const button = $("picture");
  button.hidden = !here || here.film;
  put(button, on ? "Hide the picture" : "Show the picture");
  button.onclick = () => {
    asked = on ? "" : here.source;
    button.textContent = "";
    showPictures(state, { link, redraw });
    redraw();
  };
  put($("pictures"), sentence(here, on, info));
  offer(sources, here, info, link);
  return on;
}

function sentence(here, on, info) {
  if (here?.film) return "The demo's film with the hands that are found in it.";
  const others = info?.images ? " Programs that may send requests can get pictures from this node too: its owner has switched that on." : "";
  if (on) return `The picture of ${here.source}, ten times a second at most. It comes from memory straight to this page: it is never stored, and never sent over MQTT.${others}`;
  if (here) return `The picture stays where it is taken until you show it: then it comes from memory straight to this page, is never stored, and never sent over MQTT.${others}`;
  if (others) return `This page gets no pictures.${others}`;
  return "This page gets no pictures, only landmarks.";
}

/** The demo's choice of what plays: one button each. */
function offer(sources, here, info, link) {
  const box = $("sources");
  const playing = here?.source ?? info?.camera.source ?? "";
  const text = JSON.stringify([sources, playing]);
  if (box.dataset.shown === text) return;
  box.dataset.shown = text;
  box.hidden = sources.length === 0;
  box.replaceChildren(...sources.filter((source) => source.uri !== playing).map((source) => {
    const film = source.uri === "demo:";
    const button = document.createElement("button");
    button.type = "button";
    button.className = film ? "" : "main";
    button.textContent = film ? "Back to the film" : `Show my hands with ${source.label}`;
    button.title = film ? "" : "Switches the camera on and shows its picture on this page only; nothing is stored";
    button.addEventListener("click", () => {
      if (!film) asked = source.uri;
      link.play(source.uri);
      box.replaceChildren(Object.assign(document.createElement("span"), { className: "soft", textContent: film ? "Starting the film …" : `Starting ${source.label} …` }));
      box.dataset.shown = "";
      box.dataset.starting = source.uri;
    });
    return button;
  }));
}
