// Hands in space, in metres: spheres at the landmarks, lines along the bones.
import * as THREE from "three";

const COLOURS = { left: 0x4fc3f7, right: 0xffb74d };
const url = new URLSearchParams(location.search).get("url") ?? "ws://localhost:9001";
const followed = followHands(url);

const renderer = new THREE.WebGLRenderer({ antialias: true });
renderer.setSize(innerWidth, innerHeight);
document.body.append(renderer.domElement);
const scene = new THREE.Scene();
scene.background = new THREE.Color(0x14171c);
scene.add(new THREE.HemisphereLight(0xffffff, 0x445566, 3));
const camera = new THREE.PerspectiveCamera(50, innerWidth / innerHeight, 0.01, 10);
camera.position.z = 0.45;

const sphere = new THREE.SphereGeometry(0.006, 12, 8);
const shown = new Map();

function handOf(hand) {
  if (!shown.has(hand.id)) {
    const colour = COLOURS[hand.handedness];
    const group = new THREE.Group();
    const material = new THREE.MeshLambertMaterial({ color: colour });
    const joints = hand.world.map(() => new THREE.Mesh(sphere, material));
    const bones = new THREE.LineSegments(
      new THREE.BufferGeometry(), new THREE.LineBasicMaterial({ color: colour }));
    bones.geometry.setAttribute(
      "position", new THREE.BufferAttribute(new Float32Array(6 * HAND_BONES.length), 3));
    bones.frustumCulled = false;
    group.add(...joints, bones);
    scene.add(group);
    shown.set(hand.id, { group, joints, bones });
  }
  return shown.get(hand.id);
}

function place(hand) {
  const { group, joints, bones } = handOf(hand);
  // The picture's y points down, three's up; mirrored, as a looking-glass.
  joints.forEach((joint, i) => {
    const [x, y, z] = hand.world[i];
    joint.position.set(-x, -y, -z);
  });
  const positions = bones.geometry.attributes.position;
  HAND_BONES.forEach(([from, to], i) => {
    positions.setXYZ(2 * i, ...joints[from].position.toArray());
    positions.setXYZ(2 * i + 1, ...joints[to].position.toArray());
  });
  positions.needsUpdate = true;
  // Side by side, as they are in the picture.
  const [x, y] = hand.landmarks[9];
  group.position.set(0.5 * (0.5 - x), 0.4 * (0.5 - y), 0);
}

function frame() {
  const hands = followed.list;
  hands.forEach(place);
  for (const [id, { group }] of shown) {
    if (!hands.some((hand) => hand.id === id)) {
      scene.remove(group);
      shown.delete(id);
    }
  }
  document.getElementById("status").textContent = `${followed.status}; hands: ${shown.size}`;
  renderer.render(scene, camera);
}

renderer.setAnimationLoop(frame);
addEventListener("resize", () => {
  camera.aspect = innerWidth / innerHeight;
  camera.updateProjectionMatrix();
  renderer.setSize(innerWidth, innerHeight);
});
