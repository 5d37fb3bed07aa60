"""Fit MediaPipe's landmark definition to the synthetic hand's skeleton.

Renders fair scenes, asks MediaPipe 0.10.21 (complexity 1, static images) where it sees the 21
landmarks, and finds for each landmark its offset from the anatomical joint (see
edgehands/synthetic/mediapipe_joints.py for its form) with the least error in the picture (Huber
loss, in palm sizes).
Prints the errors before and after, on scenes that took no part in the fit, and rewrites
edgehands/synthetic/mediapipe_offsets.py with --write.

Needs an environment with edgehands' own dependencies and `pip install mediapipe==0.10.21`:

    python3 -m tools fit-synthetic-joints --images 1200 --write
    python3 -m tools fit-synthetic-joints --check --images 300 --first-seed 0

The second form fits nothing: it says how many hands MediaPipe finds, with which handedness and
which error against the definition as it stands, by gesture, side and skin tone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgehands.hand import Handedness, Landmark
from edgehands.synthetic import random_scene, render_scene
from edgehands.synthetic.anatomy import pose_skeleton
from edgehands.synthetic.mediapipe_joints import CARRIER, OFFSETS, facing_of, features
from tools import ROOT

Difficulty = Literal["fair", "hard"]

HUBER = 0.06  # palm sizes: beyond this an error counts linearly
LOST = 0.5  # palm sizes: beyond this mean error MediaPipe saw something else
RIDGE = 0.02  # of the information of one landmark: keeps directions seen seldom near zero
FOLDS = 5


@dataclass(frozen=True)
class Sample:
    """One hand: anatomical joints, how offsets move them in the picture, what MediaPipe saw.

    Attributes:
        base: (21, 2) anatomical joints, pixels.
        slope: (21, 2, 12) pixels for a millimetre of each offset part along the bone's axes.
        seen: (21, 2) MediaPipe's landmarks, pixels.
        size: palm size, pixels.
        gesture: the shape's name.
        view: palm or back.
        tone: skin tone, 0 to 9.
        side_right: MediaPipe named the right hand.
    """

    base: np.ndarray
    slope: np.ndarray
    seen: np.ndarray
    size: float
    gesture: str
    view: str
    tone: float
    side_right: bool


def collect(images: int, first_seed: int, difficulty: Difficulty) -> tuple[list[Sample], list[int]]:
    """Render scenes and ask MediaPipe; also returns the seeds whose hand it didn't find."""
    import mediapipe as mp  # noqa: PLC0415 - in no environment of the product

    samples, lost = [], []
    with mp.solutions.hands.Hands(
        static_image_mode=True, max_num_hands=1, model_complexity=1
    ) as finder:
        for seed in range(first_seed, first_seed + images):
            scene = random_scene(seed, difficulty=difficulty)
            picture = render_scene(scene)
            hand, truth, camera = scene.hands[0], picture.truth.hands[0], scene.camera
            answer = finder.process(picture.image)
            found = answer.multi_hand_landmarks
            if not found:
                lost.append(seed)
                continue
            # MediaPipe's label is for a mirrored image; ours isn't mirrored.
            label = answer.multi_handedness[0].classification[0].label.lower()
            seen = np.array([[p.x * camera.width, p.y * camera.height] for p in found[0].landmark])
            skeleton = pose_skeleton(hand.pose)
            flip = np.diag([1.0 if hand.handedness is Handedness.RIGHT else -1.0, 1.0, 1.0])
            turn = hand.rotation @ flip * (0.001 * hand.scale) @ skeleton.rotations[CARRIER]
            p = truth.anatomical.camera
            z = p[:, 2:]
            # d(u, v) for a small step of the point before the camera
            jacobian = np.zeros((21, 2, 3))
            jacobian[:, 0, 0] = camera.fx / z[:, 0]
            jacobian[:, 1, 1] = camera.fy / z[:, 0]
            jacobian[:, 0, 2] = -camera.fx * p[:, 0] / z[:, 0] ** 2
            jacobian[:, 1, 2] = -camera.fy * p[:, 1] / z[:, 0] ** 2
            parts = features(hand.pose, facing_of(hand.rotation, np.array(hand.wrist)))
            slope = np.einsum("lij,lk->likj", jacobian @ turn, parts).reshape(21, 2, 12)
            base = truth.anatomical.image
            size = float(np.linalg.norm(base[9] - base[0]))
            sample = Sample(
                base,
                slope,
                seen,
                size,
                hand.gesture,
                "palm" if parts[0, 2] > 0 else "back",
                hand.skin.tone,
                label != hand.handedness.value,
            )
            if errors(sample, OFFSETS.reshape(21, 12)).mean() > LOST:
                lost.append(seed)
                continue
            samples.append(sample)
    return samples, lost


def errors(sample: Sample, offsets: np.ndarray) -> np.ndarray:
    """(21,) distances between truth and MediaPipe in palm sizes (of the truth with offsets)."""
    put = sample.base + np.einsum("lij,lj->li", sample.slope, offsets)
    size = max(float(np.linalg.norm(put[9] - put[0])), 0.4 * sample.size)
    return np.asarray(np.linalg.norm(put - sample.seen, axis=1) / size)


def fit(samples: list[Sample], parts: int = 4) -> np.ndarray:
    """(21, 12) offset parts in millimetres, by iteratively reweighted least squares.

    ``parts`` = 1 keeps only the constant part: the plainest definition, for comparison.
    """
    used = 3 * parts
    offsets = np.zeros((21, used))
    a = np.stack([s.slope[:, :, :used] / s.size for s in samples])
    b = np.stack([(s.seen - s.base) / s.size for s in samples])
    for _ in range(30):
        miss = np.linalg.norm(b - np.einsum("nlij,lj->nli", a, offsets), axis=2)
        w = np.minimum(1.0, HUBER / np.maximum(miss, 1e-9))
        normal = np.einsum("nl,nlij,nlik->ljk", w, a, a)
        right = np.einsum("nl,nlij,nli->lj", w, a, b)
        ridge = RIDGE / parts * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(used)
        offsets = np.linalg.solve(normal + ridge, right[..., None])[..., 0]
    return np.pad(offsets, ((0, 0), (0, 12 - used)))


def summary(samples: list[Sample], offsets: np.ndarray) -> np.ndarray:
    """(N, 21) errors in palm sizes."""
    return np.stack([errors(s, offsets) for s in samples])


def check(samples: list[Sample], lost: list[int]) -> None:
    """Print what MediaPipe makes of the scenes against the definition as it stands."""
    total = len(samples) + len(lost)
    error = summary(samples, OFFSETS.reshape(21, 12)).mean(1)
    right = np.array([s.side_right for s in samples])
    print(
        f"found {len(samples)} of {total} ({100 * len(samples) / total:.1f} %), "
        f"handedness right {100 * right.mean():.1f} %, "
        f"NME mean {100 * error.mean():.2f} %, median {100 * np.median(error):.2f} %"
    )
    tones = ("tone 0-3", "tone 3-6", "tone 6-9")
    groups = [[s.gesture, s.view, tones[min(int(s.tone / 3), 2)]] for s in samples]
    for name in sorted({g for names in groups for g in names}):
        rows = [i for i, names in enumerate(groups) if name in names]
        print(
            f"  {name:12} {len(rows):4d} found  handedness {100 * right[rows].mean():5.1f} %"
            f"  NME {100 * error[rows].mean():5.2f} %"
        )
    print(f"seeds without a find: {lost}")


def main() -> None:
    """Render, fit, cross-validate, print, and perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=int, default=1200)
    parser.add_argument("--first-seed", type=int, default=500_000)
    parser.add_argument("--write", action="store_true", help="rewrite mediapipe_offsets.py")
    parser.add_argument("--check", action="store_true", help="fit nothing, judge what is there")
    parser.add_argument("--difficulty", choices=("fair", "hard"), default="fair")
    args = parser.parse_args()
    samples, lost = collect(args.images, args.first_seed, args.difficulty)
    if args.check:
        check(samples, lost)
        return
    held_out, constant = np.zeros((len(samples), 21)), np.zeros((len(samples), 21))
    for fold in range(FOLDS):
        test = np.arange(len(samples)) % FOLDS == fold
        learn = [s for s, t in zip(samples, test, strict=True) if not t]
        judge = [s for s, t in zip(samples, test, strict=True) if t]
        held_out[test] = summary(judge, fit(learn))
        constant[test] = summary(judge, fit(learn, parts=1))
    final = fit(samples)
    before, after = summary(samples, np.zeros((21, 12))), summary(samples, final)
    print(f"{len(samples)} hands, {len(lost)} not found by MediaPipe")
    for name, e in (
        ("anatomical joints", before),
        ("constant offsets, held out", constant),
        ("all parts, held out", held_out),
        ("all parts, fitted", after),
    ):
        per_hand = e.mean(1)
        print(f"{name:27} mean {100 * e.mean():5.2f} %  median {100 * np.median(per_hand):5.2f} %")
    for view in ("palm", "back"):
        rows = [i for i, s in enumerate(samples) if s.view == view]
        print(f"  {view:12} {len(rows):4d} hands  held out {100 * held_out[rows].mean():5.2f} %")
    for gesture in sorted({s.gesture for s in samples}):
        rows = [i for i, s in enumerate(samples) if s.gesture == gesture]
        print(f"  {gesture:12} {len(rows):4d} hands  held out {100 * held_out[rows].mean():5.2f} %")
    for mark in Landmark:
        x, y, z = final[mark, :3]
        print(
            f"  {mark.name:12} offset {x:6.1f} {y:6.1f} {z:6.1f} mm  "
            f"{100 * before[:, mark].mean():5.2f} -> {100 * held_out[:, mark].mean():5.2f} %"
        )
    if args.write:
        origin = f"--images {args.images} --first-seed {args.first_seed}: {len(samples)} hands,"
        figures = (
            f"error {100 * before.mean():.2f} % of palm size without the offsets, "
            f"{100 * held_out.mean():.2f} % with them on hands held out."
        )
        target = ROOT / "edgehands" / "synthetic" / "mediapipe_offsets.py"
        target.write_text(module_text(final, f"{origin}\n{figures}"))
        print(f"wrote {target.relative_to(ROOT)}")


def module_text(offsets: np.ndarray, origin: str) -> str:
    """The source of mediapipe_offsets.py, as ruff formats it."""
    lines = [
        '"""Offsets of MediaPipe\'s landmarks from the anatomical joints; fitted, not typed.',
        "",
        f"Made by python3 -m tools fit-synthetic-joints {origin}",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "OFFSETS_MM: tuple[tuple[tuple[float, float, float], ...], ...] = (",
    ]
    for mark in Landmark:
        lines.append(f"    (  # {mark.name}")
        lines += [
            f"        ({x:.1f}, {y:.1f}, {z:.1f})," for x, y, z in offsets[mark].reshape(4, 3)
        ]
        lines.append("    ),")
    what = "(21, 4, 3) millimetres: constant, per 90 degrees of flexion, by facing, by both."
    return "\n".join([*lines, ")", f'"""{what}"""', ""])
