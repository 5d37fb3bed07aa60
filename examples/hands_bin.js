// Decoder of the compact form of `hands` (topic …/hands/bin), for browsers and Node.js.
// `decodeHands(bytes)` takes a Uint8Array and gives the object that `hands` would have been.
// It throws a RangeError or a TypeError for anything else. The layout is in docs/mqtt.md.

function decodeHands(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 32 || view.getUint8(0) !== 1) {
    throw new RangeError("not version 1 of the compact form");
  }
  if (![16, 24].every((at) => Number.isFinite(view.getFloat64(at, true)))) {
    throw new RangeError("a time that isn't finite");
  }
  const points = (at, units) =>
    Array.from({ length: 21 }, (_, row) =>
      [0, 1, 2].map((column) => view.getInt16(at + 6 * row + 2 * column, true) / units));
  const message = {
    schema: 1,
    seq: view.getUint32(8, true),
    t: view.getFloat64(16, true),
    t_mono: view.getFloat64(24, true),
    width: view.getUint16(2, true),
    height: view.getUint16(4, true),
    latency_ms: view.getUint16(6, true) / 10,
    hands: [],
  };
  // The mark at the start of a text isn't cut off, what is no UTF-8 is refused.
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let at = 32;
  for (let left = view.getUint8(1); left > 0; left -= 1) {
    const length = view.getUint8(at + 8);
    if (view.getUint8(at + 4) > 1 || length > 32 || at + 262 + length > view.byteLength) {
      throw new RangeError("a hand that makes no sense");
    }
    const hand = {
      id: view.getUint32(at, true),
      handedness: view.getUint8(at + 4) ? "right" : "left",
      handedness_score: view.getUint8(at + 5) / 255,
      presence: view.getUint8(at + 6) / 255,
      landmarks: points(at + 10, 8192),
      world: points(at + 136, 65536),
    };
    if (length > 0) {
      const name = bytes.subarray(at + 262, at + 262 + length);
      hand.gesture = { name: text.decode(name), score: view.getUint8(at + 7) / 255 };
    }
    message.hands.push(hand);
    at += 262 + length;
  }
  if (at !== view.byteLength) {
    throw new RangeError("cut off, or too long");
  }
  return message;
}

if (typeof module !== "undefined") {
  module.exports = { decodeHands };
}
