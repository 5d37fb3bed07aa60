"""Fit the table of shape probabilities (edgehands/gestures/shape_probability_table.py).

Draws hands of every gesture, of other shapes that people make and of random poses, finds their
landmarks with the project's own tracker, and fits one multinomial logistic regression on the
measures of ``edgehands/gestures/shape_probabilities.py``. Each hand counts as it was seen, as the
landmark model sees it when it looks at exactly the right place, as it truly is, and with 2 mm of
noise.

What a random pose means is told by the rules on the true joints, not by what is seen: it is a
gesture where the rules say so and its joints don't contradict it, nothing where its joints
contradict every gesture, and left out in between.

Its seeds (from 20,000,000) are used by nothing else; a fifth of them is kept back to choose by.
Hands that eval-gestures measures on are never seen here, real ones neither.

    python3 -m tools fit-gestures            # fit on four fifths, print what the last fifth says
    python3 -m tools fit-gestures --write    # fit on all, write the table
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgehands.gestures.shape_probabilities import measures_of
from tools import ROOT
from tools.gestures.drawn_hands import (
    EVALUATED,
    FITTING,
    OTHER_SHAPES,
    SHAPE_MEANING,
    VIEWS,
    DrawnHands,
    draw,
    meant_by,
    true_rules,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TABLE = ROOT / "edgehands" / "gestures" / "shape_probability_table.py"
SHAPES = (
    *("open_palm", "fist", "point", "victory", "three", "four", "thumb", "ok", "pinch"),
    *("rock", "call", "i_love_you"),
)
HEAD = '''"""How measures of a hand become the probability of each shape.

Made by ``python3 -m tools fit-gestures``; don't edit. {measures} rows, one for each measure of
``shape_probabilities.py``, and a constant; one column for each shape of SHAPES.
"""

from __future__ import annotations

from typing import Final

SHAPES: Final = (
    {shapes},
)
"""``thumb`` is thumbs_up or thumbs_down, ``point`` also point_up: where up is, isn't shape."""

TABLE: Final[tuple[tuple[float, ...], ...]] = (
{rows},
)
'''


RANDOM = 1000
OTHERS = 60
# How much a hand counts, chosen on hands that were kept back. Closed hands from behind are the
# hardest to tell apart and count most; random poses that happen to be a gesture are often a poor
# one and count least.
NOTHING = 1.3
CHANCE = 0.15
HARDEST = {("fist", "back"): 400, ("pinch", "back"): 400}
WEIGHTS = {
    ("fist", "back"): 2.2,
    ("pinch", "back"): 1.8,
    ("pinch", "palm"): 1.8,
    ("ok", "back"): 2.0,
    ("ok", "palm"): 2.0,
    ("four", "back"): 1.3,
}
RIDGE = 2.0
STEPS = 150


@dataclass(frozen=True)
class Samples:
    """What the table is fitted to.

    Attributes:
        rows: (n, MEASURES).
        labels: (n,) index into SHAPES; ``len(SHAPES)`` = nothing.
        weights: (n,) how much each counts.
        kept: (n,) kept back for choosing.
        seen: (n,) as it was seen, not as it is or would be.
        view: (n,) palm or back.
        shape: (n,) what was drawn.
    """

    rows: Floats
    labels: NDArray[np.int64]
    weights: Floats
    kept: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    view: NDArray[np.str_]
    shape: NDArray[np.str_]


def gather(count: int) -> Samples:
    """Draw, find, measure and label."""
    rng = np.random.default_rng(0)
    table: list[tuple[Floats, int, float, bool, bool, str, str]] = []
    kinds = (*EVALUATED, "relaxed")
    jobs = [(kind, FITTING + 10_000 * number, count) for number, kind in enumerate(kinds)]
    jobs.append(("random", FITTING + 10_000 * 20, RANDOM))
    jobs += [(kind, FITTING + 10_000 * (30 + n), OTHERS) for n, kind in enumerate(OTHER_SHAPES)]
    for kind, seed, many in jobs:
        for view in VIEWS:
            hands = draw(kind, view, seed, max(many, HARDEST.get((kind, view), 0)))
            for i in range(len(hands)):
                means = _label(kind, hands, i)
                if means is None:
                    continue
                label = SHAPES.index(means) if means in SHAPES else len(SHAPES)
                weight = WEIGHTS.get((kind, view), 1.0)
                if means not in SHAPES:
                    weight *= NOTHING
                elif kind == "random":
                    weight = CHANCE
                table += [
                    (row, label, weight * part, i % 5 == 4, seen, view, kind)
                    for row, part, seen in _rows(hands, i, rng)
                ]
    columns = list(zip(*table, strict=True))
    return Samples(*(np.array(column) for column in columns))


def _rows(hands: DrawnHands, i: int, rng: np.random.Generator) -> list[tuple[Floats, float, bool]]:
    """Measures of one hand, how much they count, and whether they are what was seen."""
    found = []
    for source in ("seen", "near", "true"):
        hand = hands.hand(i, source)
        if hand is None:
            continue
        world = hand.world_landmarks
        shaken = world + rng.normal(0.0, 0.002, world.shape).astype(np.float32)
        for points in (world, shaken):
            row = measures_of(points)
            if row is not None:
                seen = source == "seen" and points is world
                found.append((row, 0.5 if source == "true" else 1.0, seen))
    return found


def _label(kind: str, hands: DrawnHands, i: int) -> str | None:
    """What a hand means; None where nobody could say."""
    if kind == "random":
        possible = meant_by(hands, i)
        if not possible:
            return ""
        name = true_rules(hands, i)
        return name if name in possible else None
    if kind in ("thumbs_up", "thumbs_down"):
        return "thumb"
    if kind in OTHER_SHAPES:
        return SHAPE_MEANING.get(kind, "")
    return "" if kind == "relaxed" else kind


def fit(x: Floats, labels: NDArray[np.int64], weights: Floats) -> Floats:
    """(MEASURES + 1, shapes) weights of a multinomial logistic regression, raw measures.

    Newton's method with the bound that Boehning (1992) gives for the curvature, accelerated after
    Nesterov: one matrix for all steps, and the same result every time.
    """
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-3
    z = np.hstack([(x - mean) / deviation, np.ones((len(x), 1))]).astype(np.float32)
    w = weights.astype(np.float32)[:, None]
    target = np.eye(len(SHAPES) + 1, dtype=np.float32)[labels]
    penalty = np.full((z.shape[1], 1), RIDGE)
    penalty[-1] = 1e-3
    curvature = 0.5 * ((z * w).T @ z).astype(np.float64) + np.diag(penalty[:, 0])
    inverse = np.linalg.inv(curvature)
    now = ahead = np.zeros((z.shape[1], len(SHAPES) + 1))
    for turn in range(STEPS):
        logits = z @ ahead.astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        new = ahead - inverse @ (z.T @ ((logits - target) * w) + penalty * ahead)
        now, ahead = new, new + turn / (turn + 3.0) * (new - now)
    raw = now[:-1] / deviation[:, None]
    full = np.vstack([raw, now[-1] - mean @ raw])
    return np.asarray(full[:, :-1] - full[:, -1:])


def probabilities(x: Floats, table: Floats) -> Floats:
    """(n, shapes) probabilities."""
    logits = np.hstack([x @ table[:-1] + table[-1], np.zeros((len(x), 1))])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray((powers / powers.sum(axis=1, keepdims=True))[:, :-1])


def say(samples: Samples, table: Floats) -> None:
    """What the hands that were kept back say, these probabilities alone, named from 0.55 on."""
    chosen = samples.kept & samples.seen
    found = probabilities(samples.rows[chosen], table)
    named = np.where(found.max(axis=1) >= 0.55, found.argmax(axis=1), len(SHAPES))
    truth, view, shape = samples.labels[chosen], samples.view[chosen], samples.shape[chosen]
    for kind in dict.fromkeys(shape.tolist()):
        cells = []
        for side in VIEWS:
            mine = (shape == kind) & (view == side)
            wrong = Counter(
                (*SHAPES, "none")[n]
                for n, t in zip(named[mine], truth[mine], strict=True)
                if n != t
            )
            right = 100 * float((named[mine] == truth[mine]).mean())
            cells.append(f"{side} {right:3.0f} % of {mine.sum():3} {dict(wrong.most_common(3))}")
        print(f"  {kind:20} " + "   ".join(cells))


def main() -> int:
    """Draw, fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=175, help="drawn hands a shape and view")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.relative_to(ROOT)}")
    options = parser.parse_args()
    samples = gather(options.count)
    rest = ~samples.kept
    table = fit(samples.rows[rest], samples.labels[rest], samples.weights[rest])
    print(f"{len(samples.rows)} rows; kept back:")
    say(samples, table)
    if options.write:
        table = fit(samples.rows, samples.labels, samples.weights)
        rows = ",\n".join("    (" + ", ".join(f"{v:.2f}" for v in row) + ")" for row in table)
        names = ",\n    ".join(f'"{name}"' for name in SHAPES)
        TABLE.write_text(
            HEAD.format(measures=len(table) - 1, shapes=names, rows=rows), encoding="utf-8"
        )
        print(f"wrote {TABLE.relative_to(ROOT)}")
    return 0
