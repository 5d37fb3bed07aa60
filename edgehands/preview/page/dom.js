// Small helpers for what is written on the page. Text goes in as text, never as HTML.

export const $ = (id) => document.getElementById(id);

export function make(tag, text = "", attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

/** Say something to those who listen instead of look, and show it where it belongs. */
export function tell(element, text, bad = false) {
  element.classList.toggle("bad", bad);
  element.textContent = text;
}

/** Put a text on the clipboard; pages that came over plain HTTP may only do it the old way. */
export async function copy(text, button) {
  const before = button.dataset.label ?? button.textContent;
  button.dataset.label = before;
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = make("textarea", "", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = done ? "Copied" : "Select it and press Ctrl-C";
  setTimeout(() => { button.textContent = before; }, 1500);
}

/** Hand a text to the viewer as a file. */
export function download(name, text, kind) {
  const url = URL.createObjectURL(new Blob([text], { type: kind }));
  const anchor = make("a", "", { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
