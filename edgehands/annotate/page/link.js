// Requests to the page's server, with the token; and answers that are sent until they are kept.

const PAUSE_MS = [300, 4000];

let token = takeToken();

/** The token stands behind the # of the address: browsers never send that part to a server. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    history.replaceState(null, "", location.pathname);
    setToken(given);
    return given;
  }
  try {
    return sessionStorage.getItem("annotate-token") ?? "";
  } catch {
    return "";
  }
}

export function setToken(text) {
  token = text;
  try {
    sessionStorage.setItem("annotate-token", text);
  } catch {
    // Without storage it is asked for again after a reload.
  }
}

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** A request; a refusal is thrown with its status and the server's words. */
export async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (options.body) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { ...options, headers });
  if (answer.ok) return answer;
  let words = answer.statusText;
  try {
    words = (await answer.json()).error;
  } catch {
    // The status says it.
  }
  throw new Refused(answer.status, words);
}

export const askJson = async (path, options) => (await ask(path, options)).json();
export const askBitmap = async (path) => createImageBitmap(await (await ask(path)).blob());

/** Sends each picture's newest answer until it is kept; one request a picture at a time. */
export class Saver {
  /** `on` has: state(word, message), kept(number, saved, answer), outdated(number, message). */
  constructor(on) {
    this.on = on;
    this.waiting = new Map(); // number -> the newest answer that isn't kept yet
    this.busy = new Set();
    this.revisions = new Map();
    this.latest = new Map(); // number -> the newest answer that was given on this page
    this.pause = PAUSE_MS[0];
    window.addEventListener("online", () => this.retry());
    window.addEventListener("beforeunload", (event) => { if (!this.idle) event.preventDefault(); });
  }

  get idle() {
    return this.waiting.size === 0 && this.busy.size === 0;
  }

  /** A picture was read: further answers are built on this revision. */
  known(number, revision) {
    if (!this.busy.has(number) && !this.waiting.has(number)) this.revisions.set(number, revision);
  }

  save(number, answer) {
    this.waiting.set(number, answer);
    this.latest.set(number, answer);
    this.on.state("saving", "");
    if (!this.busy.has(number)) this.send(number);
  }

  async send(number) {
    this.busy.add(number);
    while (this.waiting.has(number)) {
      const answer = this.waiting.get(number);
      this.waiting.delete(number);
      const body = JSON.stringify({ ...answer, revision: this.revisions.get(number) ?? 0 });
      try {
        const saved = await askJson(`/api/hands/${number}`, { method: "PUT", body });
        this.revisions.set(number, saved.revision);
        this.pause = PAUSE_MS[0];
        this.on.kept(number, saved, answer);
      } catch (error) {
        if (error instanceof Refused && error.status !== 429) {
          this.busy.delete(number);
          if (error.status === 409) {
            this.waiting.delete(number);
            this.latest.delete(number);
            this.on.outdated(number, error.message);
          } else {
            this.on.state("failed", error.message);
            if (!this.waiting.has(number)) this.waiting.set(number, answer);
          }
          return;
        }
        if (!this.waiting.has(number)) this.waiting.set(number, answer);
        this.on.state("away", "The server is away. Trying again.");
        await new Promise((done) => { this.wake = done; setTimeout(done, this.pause); });
        this.pause = Math.min(this.pause * 1.7, PAUSE_MS[1]);
      }
    }
    this.busy.delete(number);
    if (this.idle) this.on.state("saved", "");
  }

  retry() {
    this.wake?.();
    for (const number of [...this.waiting.keys()]) if (!this.busy.has(number)) this.send(number);
  }
}
