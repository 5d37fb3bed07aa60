// Keeps the newest hands of a broker for a sketch that draws sixty times a second. Needs mqtt.js.
//
//   const hands = followHands("ws://hub:9001");          // or followHands(url, "kitchen")
//   hands.list        [{id, handedness, landmarks: 21 x [x, y, z], world, gesture, pose}, …]
//   hands.status      for people: whether there is a connection
//   hands.onEvent = (event) => …                          // swipes and the like
"use strict";

// Pairs of landmarks that a bone joins: 0 is the wrist, then four points a finger.
const HAND_BONES = [
  [0, 1], [1, 2], [2, 3], [3, 4], [0, 5], [5, 6], [6, 7], [7, 8],
  [5, 9], [9, 10], [10, 11], [11, 12], [9, 13], [13, 14], [14, 15], [15, 16],
  [13, 17], [0, 17], [17, 18], [18, 19], [19, 20],
];

function followHands(url, node = "+") {
  const cameras = new Map();
  const STALE_MS = 1000;
  const followed = {
    status: `connecting to ${url} …`,
    onEvent: () => {},
    get list() {
      const now = performance.now();
      return [...cameras.values()].filter((c) => now - c.at < STALE_MS).flatMap((c) => c.hands);
    },
  };
  const client = mqtt.connect(url, { protocolVersion: 5 });
  client.on("connect", () => {
    followed.status = `connected to ${url}`;
    client.subscribe([`edgehands/${node}/camera/+/hands`, `edgehands/${node}/camera/+/event`]);
  });
  client.on("close", () => { followed.status = `no connection to ${url}: trying again`; });
  client.on("message", (topic, payload) => {
    let message;
    try {
      message = JSON.parse(new TextDecoder().decode(payload));
    } catch (error) {
      return;  // not ours
    }
    if (topic.endsWith("/event")) {
      followed.onEvent(message);
    } else {
      cameras.set(topic, { at: performance.now(), hands: message.hands });
    }
  });
  return followed;
}
