"""Fit the table for a palm's orientation and distance (edgehands/pose/tilt_table.py).

Takes synthetic hands of known turn in all shapes, views, tones and lights, as the project's own
tracker sees them, and fits one ridge regression for hands that show the palm and one for backs: of
the palm's turn, and of how far a palm that is placed by that turn is still off along the line of
sight. Prints the cross-validated errors beside those of the world landmarks' own palm.

The hands are drawn as they are needed and kept under ``.cache/gestures``; their seeds (from 1 and
20 million) are used for fitting only.

    python3 -m tools fit-pose            # fit and report
    python3 -m tools fit-pose --write    # write the table too
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import edgehands.pose.estimate as estimating
from edgehands.hand import Hand, Handedness
from edgehands.pose.estimate import _turn_to, estimate_pose, upright
from tools import ROOT
from tools.gestures.drawn_hands import (
    ANY,
    EVALUATED,
    FITTING,
    FITTING_POSE,
    VIEWS,
    DrawnHands,
    draw,
)

Floats = NDArray[np.float64]
RIDGE = 40.0
RIDGE_DISTANCE = 300.0  # a distance that trembles is worse than one a little off
STEEP = 80.0
FOLDS = 5
TABLE = ROOT / "edgehands" / "pose" / "tilt_table.py"
HEAD = '''"""How a palm leans, as a linear function of its 21 landmarks set upright.

Made by ``python3 -m tools fit-pose``; don't edit. Each table has 64 rows: x, y, z of the 21
landmarks and a constant; and four columns: x and y of the normal of the side that shows, x of the
hand's direction, and the logarithm of what its distance is to be multiplied with.
"""

from __future__ import annotations

from typing import Final

Table = tuple[tuple[float, float, float, float], ...]
'''


@dataclass(frozen=True)
class Sample:
    """One hand: what was seen, and the truth is number ``i`` of ``drawn``."""

    hand: Hand
    drawn: DrawnHands
    i: int


def gather(easy: int, hard: int) -> list[Sample]:
    """Hands that were found; wrong finds are left out."""
    jobs = [(kind, 10_000 * n + FITTING, easy, "fair") for n, kind in enumerate(EVALUATED)]
    jobs.append(("relaxed", 10_000 * len(EVALUATED) + FITTING, easy, "fair"))
    jobs.append(("random", 10_000 * 20 + FITTING, 2 * easy, "fair"))
    samples = []
    for number, view in enumerate(VIEWS):
        steep = (ANY, FITTING_POSE + 100_000 * number, hard, "hard")
        for kind, seed, count, difficulty in (*jobs, steep):
            drawn = draw(kind, view, seed, count, difficulty=difficulty)
            for i in range(len(drawn)):
                hand = drawn.hand(i)
                if hand is None or (hand.handedness is Handedness.RIGHT) != bool(drawn.right[i]):
                    continue
                marks = drawn.mark_pixels[i]
                off = np.linalg.norm(hand.landmarks[:, :2] - marks, axis=1).mean()
                if off < 0.35 * np.linalg.norm(marks[9] - marks[0]):
                    samples.append(Sample(hand, drawn, i))
    return samples


def ahead(s: Sample) -> tuple[Floats, Floats]:
    """Normal and direction of the hand as if it were before the camera's axis."""
    k = s.drawn.intrinsics(s.i)
    centre = s.hand.landmarks[[0, 5, 9, 13, 17], :2].mean(axis=0)
    turn = np.array(_turn_to((centre[0] - k.cx) / k.fx, (centre[1] - k.cy) / k.fy))
    rotation = s.drawn.rotation[s.i]
    return rotation[:, 2] @ turn, rotation[:, 1] @ turn


@dataclass(frozen=True)
class Prepared:
    """What is fitted.

    Attributes:
        samples: n hands.
        features: (n, 64).
        targets: (n, 3) x and y of the normal, x of the direction.
        naive: (n, 2) the normal of the world landmarks' own palm.
        shows: (n,) the palm shows.
    """

    samples: list[Sample]
    features: Floats
    targets: Floats
    naive: Floats
    shows: NDArray[np.bool_]


def prepare(samples: list[Sample]) -> Prepared:
    """Set the hands upright, and the truth with them."""
    kept, features, targets, naive, shows = [], [], [], [], []
    for s in samples:
        p = s.hand.landmarks
        a, b = p[5, :2] - p[0, :2], p[17, :2] - p[0, :2]
        turning = a[0] * b[1] - a[1] * b[0]
        mirror = 1.0 if turning < 0 else -1.0
        palm = bool((turning < 0) == s.drawn.right[s.i])
        row, sine, cosine = upright(p, mirror)
        normal, along = ahead(s)
        normal = normal if palm else -normal
        if row is None or normal[2] > -0.2:
            continue
        spin = np.array([[cosine, sine], [-sine, cosine]])
        n = spin @ (normal[:2] * (mirror, 1.0))
        y = spin @ (along[:2] * (mirror, 1.0))
        w = s.hand.world_landmarks.astype(np.float64) * (mirror, 1.0, 1.0)
        own = np.cross(w[5] - w[0], w[17] - w[0])
        kept.append(s)
        naive.append(spin @ own[:2] / np.linalg.norm(own))
        features.append(np.append(row, 1.0))
        targets.append([n[0], n[1], y[0] / np.hypot(*y)])
        shows.append(palm)
    return Prepared(kept, np.array(features), np.array(targets), np.array(naive), np.array(shows))


def still_off(p: Prepared, tables: dict[bool, Floats]) -> Floats:
    """(n,) logarithm of true by found distance, with these tables and the hand's true length."""
    before = dict(estimating._TABLES)  # noqa: SLF001 - what is being made
    estimating._TABLES.update(tables)  # noqa: SLF001
    try:
        off = []
        for s in p.samples:
            length = 0.19 * float(s.drawn.scale[s.i])
            pose = estimate_pose(s.hand, s.drawn.intrinsics(s.i), length)
            true = float(np.linalg.norm(s.drawn.joints[s.i, 0]))
            off.append(0.0 if pose is None else np.log(true / np.linalg.norm(pose.wrist)))
    finally:
        estimating._TABLES.update(before)  # noqa: SLF001
    return np.clip(off, -0.3, 0.3)


def solve(x: Floats, y: Floats, ridge: float, lean: Floats) -> Floats:
    """Ridge regression on standardised features; (64, targets) for the raw ones.

    Steep palms are rarer than flat ones but no less wanted: they count more.
    """
    mean, deviation = x[:, :-1].mean(axis=0), x[:, :-1].std(axis=0) + 1e-3
    z = np.hstack([(x[:, :-1] - mean) / deviation, np.ones((len(x), 1))])
    w = 1.0 + STEEP * lean[:, None] ** 2
    weights = np.linalg.solve((z * w).T @ z + ridge * np.eye(z.shape[1]), (z * w).T @ y)
    raw = weights[:-1] / deviation[:, None]
    return np.vstack([raw, weights[-1] - mean @ raw])


def angles(guess: Floats, truth: Floats) -> Floats:
    """Degrees between normals given by x and y."""

    def lift(n: Floats) -> Floats:
        z = -np.sqrt(np.clip(1.0 - (n**2).sum(axis=1), 0.04, 1.0))
        v = np.hstack([n, z[:, None]])
        return np.asarray(v / np.linalg.norm(v, axis=1, keepdims=True))

    return np.asarray(np.degrees(np.arccos(np.clip((lift(guess) * lift(truth)).sum(1), -1, 1))))


def with_distance(p: Prepared, chosen: NDArray[np.bool_]) -> dict[bool, Floats]:
    """Both tables, fitted to the chosen samples."""
    lean = np.hypot(p.targets[:, 0], p.targets[:, 1])
    tables = {}
    for palm in (True, False):
        mask = chosen & (p.shows == palm)
        turn = solve(p.features[mask], p.targets[mask], RIDGE, lean[mask])
        tables[palm] = np.hstack([turn, np.zeros((len(turn), 1))])
    off = still_off(p, tables)
    for palm in (True, False):
        mask = chosen & (p.shows == palm)
        tables[palm][:, 3:] = solve(
            p.features[mask], off[mask, None], RIDGE_DISTANCE, 0.0 * lean[mask]
        )
    return tables


def main() -> int:
    """Gather, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--easy", type=int, default=175, help="hands a shape and view, fair light")
    parser.add_argument("--hard", type=int, default=700, help="hands a view, poor light, any turn")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.relative_to(ROOT)}")
    options = parser.parse_args()
    p = prepare(gather(options.easy, options.hard))
    fold = np.arange(len(p.samples)) % FOLDS
    guess, before, after = (
        np.zeros((len(fold), 2)),
        np.zeros(len(fold)),
        np.zeros(len(fold)),
    )
    for k in range(FOLDS):
        tables = with_distance(p, fold != k)
        out = fold == k
        for palm in (True, False):
            mine = out & (p.shows == palm)
            guess[mine] = (p.features[mine] @ tables[palm])[:, :2]
        after[out] = still_off(p, tables)[out]
        plain = {palm: np.hstack([t[:, :3], 0 * t[:, 3:]]) for palm, t in tables.items()}
        before[out] = still_off(p, plain)[out]
    for name, mask in (("PALM", p.shows), ("BACK", ~p.shows)):
        error = angles(guess[mask], p.targets[mask, :2])
        own = angles(p.naive[mask], p.targets[mask, :2])
        print(
            f"{name:5} {mask.sum():5} hands: normal off by {np.median(error):.1f} degrees (median, "
            f"{FOLDS}-fold), 90 % within {np.percentile(error, 90):.1f}; "
            f"the world landmarks' own palm: {np.median(own):.1f}, {np.percentile(own, 90):.1f}; "
            f"distance off by {100 * np.median(abs(after[mask])):.1f} %, "
            f"{100 * np.median(abs(before[mask])):.1f} % without its column"
        )
    if options.write:
        lines = [HEAD]
        tables = with_distance(p, np.ones(len(fold), bool))
        for name, palm in (("PALM", True), ("BACK", False)):
            rows = ",\n".join(
                "    (" + ", ".join(f"{v:.4f}" for v in row) + ")" for row in tables[palm]
            )
            lines.append(f"{name}: Final[Table] = (\n{rows},\n)\n")
        TABLE.write_text("\n".join(lines), encoding="utf-8")
        print(f"wrote {TABLE.relative_to(ROOT)}")
    return 0
