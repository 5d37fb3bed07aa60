// The WebSocket to the page's server: it comes back by itself, and brings the token along.

const PAUSE_MS = [400, 5000];
const SILENCE_MS = 6000; // the server speaks four times a second: this long means that it is gone

export class Link {
  /** `on` has: news(object), up(), down(), locked(refused). */
  constructor(on) {
    this.on = on;
    this.pause = PAUSE_MS[0];
    this.token = takeToken();
    this.show = null;
    this.questions = new Map();
    this.number = 0;
    this.open();
    setInterval(() => this.watch(), 1000);
    window.addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.hurry(); });
  }

  open() {
    clearTimeout(this.timer);
    this.timer = 0;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    this.socket = socket;
    this.heard = Date.now();
    socket.onmessage = (event) => { if (socket === this.socket) this.take(JSON.parse(event.data)); };
    socket.onclose = () => { if (socket === this.socket) this.lost(); };
  }

  take(news) {
    this.heard = Date.now();
    if (news.type === "locked") {
      if (news.refused) this.forget();
      if (this.token) this.say({ token: this.token });
      else this.lock(Boolean(news.refused));
      return;
    }
    if (!this.isUp) {
      this.isUp = true;
      this.pause = PAUSE_MS[0];
      this.on.up();
      if (this.show) this.say({ show: this.show });
    }
    if (news.type === "answer") this.answer(news);
    else this.on.news(news);
  }

  /** Wait for a token: no more attempts until there is one. */
  lock(refused) {
    this.locked = true;
    this.socket.onclose = null;
    this.socket.close();
    this.on.locked(refused);
  }

  unlock(token) {
    this.token = token;
    keep(token);
    this.locked = false;
    this.open();
  }

  forget() {
    this.token = "";
    keep("");
  }

  lost() {
    this.isUp = false;
    for (const id of this.questions.keys()) this.answer({ id, error: "The page's server is away." });
    if (this.locked) return;
    this.on.down();
    this.timer = setTimeout(() => this.open(), this.pause * (0.7 + 0.6 * Math.random()));
    this.pause = Math.min(this.pause * 1.7, PAUSE_MS[1]);
  }

  /** A phone that slept finds a socket that looks open and isn't. */
  watch() {
    if (!this.timer && !this.locked && Date.now() - this.heard > SILENCE_MS) {
      this.socket.onclose = null;
      this.socket.close();
      this.lost();
    }
  }

  hurry() {
    if (this.timer) this.open();
  }

  choose(node, camera) {
    this.show = { node, camera };
    this.say({ show: this.show });
  }

  /** Ask a node something; the answer's data, or an error with the node's own words. */
  ask(node, verb, data) {
    return new Promise((done, failed) => {
      this.number += 1;
      this.questions.set(this.number, { done, failed });
      this.say({ ask: { id: this.number, node, verb, data } });
    });
  }

  answer({ id, data, error }) {
    const question = this.questions.get(id);
    this.questions.delete(id);
    if (error) question?.failed(new Error(error));
    else question?.done(data);
  }

  qr(text) {
    this.say({ qr: text });
  }

  play(source) {
    this.say({ source });
  }

  say(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}

/** The token stands behind the # of the address: browsers never send that part to a server. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keep(given);
    history.replaceState(null, "", location.pathname);
    return given;
  }
  try {
    return sessionStorage.getItem("token") ?? "";
  } catch {
    return "";
  }
}

function keep(token) {
  try {
    if (token) sessionStorage.setItem("token", token);
    else sessionStorage.removeItem("token");
  } catch {
    // Without storage it is asked for again after a reload.
  }
}
