// Fingertips paint while they are seen; an open palm wipes the picture.
"use strict";

const TIPS = [4, 8, 12, 16, 20];
const COLOURS = { left: "#4fc3f7", right: "#ffb74d" };
const url = new URLSearchParams(location.search).get("url") ?? "ws://localhost:9001";
const hands = followHands(url);
const before = new Map();

function setup() {
  createCanvas(windowWidth, windowHeight);
  background("#14171c");
}

function draw() {
  for (const hand of hands.list) {
    if (hand.gesture?.name === "open_palm") {
      background("#14171c");
    }
    stroke(COLOURS[hand.handedness]);
    strokeWeight(6);
    for (const tip of TIPS) {
      // Mirrored, as a looking-glass: x runs the other way.
      const [x, y] = hand.landmarks[tip];
      const here = [(1 - x) * width, y * height];
      const key = `${hand.id}-${tip}`;
      line(...(before.get(key) ?? here), ...here);
      before.set(key, here);
    }
  }
  noStroke();
  fill("#14171c");
  rect(0, 0, width, 26);
  fill("#e8eaed");
  textSize(14);
  text(`${hands.status}; hands: ${hands.list.length}`, 8, 18);
}
