// Light or dark, and the way onto a phone.

import { $, make, put } from "./dom.js";
import { keep, kept } from "./kept.js";

/** `changed` is called when the colours are others. */
export function setUpLook(link, changed) {
  const choice = $("theme");
  const apply = () => {
    if (choice.value) document.documentElement.dataset.theme = choice.value;
    else delete document.documentElement.dataset.theme;
    changed();
  };
  choice.value = kept("theme");
  apply();
  choice.addEventListener("change", () => {
    keep("theme", choice.value);
    apply();
  });
  $("phone").addEventListener("click", () => {
    const here = /^(localhost|127\.|\[?::1)/.test(location.hostname);
    $("qr").replaceChildren();
    if (here) {
      put($("phone-told"), "This page is served to this computer only. To open it on a phone, serve it to your network: edgehands preview --host 0.0.0.0, with a token.");
    } else {
      const address = `${location.origin}/${link.token ? `#token=${encodeURIComponent(link.token)}` : ""}`;
      put($("phone-told"), link.token ? "Point the phone's camera at it. Whoever sees this code can open the page." : "Point the phone's camera at it.");
      link.qr(address);
    }
    $("phone-box").showModal();
  });
  $("phone-close").addEventListener("click", () => $("phone-box").close());
}

/** Draw a QR code: rows of 1 (dark) and 0, black on white whatever the colours of the page. */
export function showQr(rows) {
  const canvas = make("canvas", "", { role: "img", "aria-label": "QR code with the address of this page" });
  canvas.width = canvas.height = rows.length * 6;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#000";
  rows.forEach((row, y) => [...row].forEach((dark, x) => {
    if (dark === "1") pen.fillRect(x * 6, y * 6, 6, 6);
  }));
  $("qr").replaceChildren(canvas);
}
