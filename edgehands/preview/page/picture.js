// The camera's picture: asked for while it is looked at, and kept for as long as it is shown.

const PAUSE_MS = 1500;
const STALE_MS = 2500;
const HEAD = 8; // two lengths of four bytes

export class Picture {
  /** `token` gives what the server may ask for; `changed` is called with each new picture. */
  constructor(token, changed) {
    this.token = token;
    this.changed = changed;
    this.wanted = false;
    this.image = null;
    this.message = null; // the hands that are seen in the picture
    this.at = 0;
    document.addEventListener("visibilitychange", () => this.follow());
  }

  /** Begin or end to look. */
  want(wanted) {
    this.wanted = wanted;
    this.follow();
  }

  /** The picture and its hands; null where none came lately. */
  current(now = performance.now()) {
    return this.image && now - this.at < STALE_MS ? this : null;
  }

  follow() {
    const open = this.wanted && !document.hidden;
    if (open && !this.socket) this.open();
    if (!open && this.socket) {
      this.socket.onclose = null;
      this.socket.close();
      this.socket = null;
    }
    if (!this.wanted) this.drop();
  }

  open() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/pictures`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") socket.send(JSON.stringify({ token: this.token() }));
      else this.take(data);
    };
    socket.onclose = () => {
      this.socket = null;
      setTimeout(() => this.follow(), PAUSE_MS);
    };
  }

  async take(packet) {
    if (this.busy) return; // an older one is being decoded: this one gives way to the next
    this.busy = true;
    try {
      const view = new DataView(packet);
      const text = view.getUint32(0, true);
      const { message } = JSON.parse(new TextDecoder().decode(new Uint8Array(packet, HEAD, text)));
      const image = await createImageBitmap(new Blob([new Uint8Array(packet, HEAD + text)], { type: "image/jpeg" }));
      if (!this.wanted) return image.close();
      this.drop();
      [this.image, this.message, this.at] = [image, message, performance.now()];
      this.changed();
    } finally {
      this.busy = false;
    }
  }

  drop() {
    this.image?.close();
    this.image = this.message = null;
  }
}
