"""Thirty drawn hands with deliberate errors, to practise on and to test the page.

The truth is stored with them as the answers of an annotator called ``truth``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from edgehands import __version__
from edgehands.annotate.guess import states_of
from edgehands.dataset.annotations import AnnotationStore
from edgehands.dataset.files import now
from edgehands.dataset.format import (
    AnnotatedHand,
    CameraRecord,
    Dataset,
    RecordedHand,
    RecordedRoi,
)
from edgehands.dataset.matching import nme, pair_hands
from edgehands.dataset.writing import DatasetWriter
from edgehands.geometry.roi import landmarks_roi
from edgehands.hand import Frame
from edgehands.synthetic import random_scene, render_scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.dataset.format import PointState
    from edgehands.dataset.labels import LabelledHand
    from edgehands.synthetic import HandTruth

TRUTH: Final = "truth"
"""The annotator whose answers are the truth."""

HANDS: Final = 30
ERROR: Final = 0.05
"""Error of the shown hands: mean distance from the truth, in palm sizes."""

Mistake = Literal["shifted", "turned", "finger", "points", "all", "side", "missing", "false"]

MISTAKES: Final[tuple[Mistake, ...]] = (
    *("points", "finger", "all", "shifted", "turned", "points", "finger", "side"),
    *("all", "points", "finger", "missing", "shifted", "all", "false"),
)
"""In turn: a few points misplaced; a finger shifted; every point slightly off; the whole hand
shifted, or rotated and too large; the wrong handedness; a missed hand; a hand reported twice."""


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer compared with the truth.

    Attributes:
        errors: of each hand that was found, mean distance in palm sizes.
        missed: hands that were not marked.
        false_hands: hands marked where there is none.
        wrong_side: found hands with the wrong handedness.
    """

    errors: tuple[float, ...]
    missed: int
    false_hands: int
    wrong_side: int


def mark(truth: Sequence[LabelledHand], answer: Sequence[LabelledHand]) -> Marked:
    """Compare an answer with the truth."""
    pairs = pair_hands(
        [hand.points for hand in truth],
        [hand.inside for hand in truth],
        [hand.points for hand in answer],
    )
    return Marked(
        tuple(nme(truth[i].points, answer[j].points, truth[i].inside) for i, j in pairs),
        len(truth) - len(pairs),
        len(answer) - len(pairs),
        sum(truth[i].handedness is not answer[j].handedness for i, j in pairs),
    )


def write_practice(
    folder: Path,
    count: int = HANDS,
    seed: int = 20,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw pictures with one hand each, and record them with a wrong guess.

    Args:
        folder: new or empty.
        count: how many.
        seed: of everything.
        progress: called with the number drawn so far and the total.

    Raises:
        DatasetError: the folder can't be used.
    """
    header = Dataset(
        created=now(),
        edgehands=__version__,
        camera=CameraRecord(kind="drawn", width=640, height=480),
        origin=f"practice set of {count} drawn hands, seed {seed}",
    )
    store = AnnotationStore(folder, TRUTH)
    with DatasetWriter(folder, header) as writer:
        for i in range(count):
            drawn = render_scene(random_scene(seed * 10_000 + i))
            hand = drawn.truth.hands[0]
            rng = np.random.default_rng([seed, i])
            guess = _wrong(hand, MISTAKES[i % len(MISTAKES)], rng)
            frame = writer.add(Frame(drawn.image, i, i / 2, float(i)), guess, why=["interval"])
            store.save(frame, [true_hand(hand, 640, 480)], revision=0)
            if progress is not None:
                progress(i + 1, count)


def true_hand(hand: HandTruth, width: int, height: int) -> AnnotatedHand:
    """The truth about a drawn hand, in the form of an answer."""
    points = hand.mediapipe.image
    states: list[PointState] = [
        state if state == "outside" or seen else "occluded"
        for state, seen in zip(states_of(points, width, height), hand.visible, strict=True)
    ]
    depth = (hand.mediapipe.camera[:, 2] - hand.mediapipe.camera[0, 2]) * 1000
    return AnnotatedHand(
        handedness=hand.handedness.value,
        points=[(round(float(x), 2), round(float(y), 2)) for x, y in points],
        states=states,
        z_mm=[round(float(z), 1) for z in depth],
        z_from=["truth"] * len(depth),
        gesture="" if hand.gesture == "none" else hand.gesture,
    )


def _wrong(hand: HandTruth, mistake: Mistake, rng: np.random.Generator) -> list[RecordedHand]:
    """The report of a tracker that makes this mistake."""
    if mistake == "missing":
        return []
    points = _moved(hand.mediapipe.image, mistake, rng)
    right = (hand.handedness.value == "right") != (mistake == "side")
    first = _reported(points, hand, 1, right=right)
    if mistake != "false":
        return [first]
    shift = np.array([1.2, 0.3]) * hand.palm_size * (1 if points[9, 0] < 320 else -1)
    return [first, _reported(points + shift, hand, 2, right=not right)]


def _moved(
    true: NDArray[np.float64], mistake: Mistake, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(21, 2) the points moved so that their mean error is :data:`ERROR` palm sizes."""
    off = np.zeros_like(true)
    if mistake == "shifted":
        off[:] = rng.normal(0, 1, 2)
    elif mistake == "turned":
        middle, turn = true.mean(axis=0), rng.choice([-0.1, 0.1])
        spin = np.array([[0.04, -turn], [turn, 0.04]])
        off[:] = (true - middle) @ spin.T
    elif mistake == "finger":
        first = 4 * int(rng.integers(5)) + 1
        step = rng.normal(0, 1, 2)
        off[first : first + 4] = step * np.array([[0.15], [0.5], [0.8], [1.0]])
    elif mistake == "points":
        chosen = rng.choice(21, 6, replace=False)
        off[chosen] = rng.normal(0, 1, (6, 2))
    elif mistake == "all":
        off[:] = rng.normal(0, 1, true.shape)
    else:
        return true
    palm = float(np.linalg.norm(true[9] - true[0]))
    size = float(np.linalg.norm(off, axis=1).mean())
    return np.asarray(true + off * (ERROR * palm / size))


def _reported(
    points: NDArray[np.float64], hand: HandTruth, number: int, *, right: bool
) -> RecordedHand:
    roi = landmarks_roi(points.astype(np.float32))
    return RecordedHand(
        id=number,
        handedness="right" if right else "left",
        handedness_score=0.9,
        presence=0.9,
        landmarks=[(round(float(x), 2), round(float(y), 2), 0.0) for x, y in points],
        world=[
            (round(float(x), 4), round(float(y), 4), round(float(z), 4))
            for x, y, z in hand.mediapipe.world
        ],
        roi=RecordedRoi(cx=roi.cx, cy=roi.cy, size=roi.size, rotation=roi.rotation),
        gesture=hand.gesture,
    )
