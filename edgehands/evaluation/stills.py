"""Sets of stills: all shapes, tones and views in fair and hard conditions; no hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from edgehands.evaluation.matching import match
from edgehands.evaluation.store import SIZE, pictures
from edgehands.hand import Handedness
from edgehands.synthetic import GESTURES, random_scene

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgehands.evaluation.store import Drawn, Progress
    from edgehands.evaluation.values import ReportedHand
    from edgehands.synthetic import Scene

Kind = Literal["fair", "hard", "empty"]

TONES: Final = ("0-1 very light", "2-3", "4-5", "6-7", "8-9 very dark")
"""Bands of skin tone; 0 and 9 are the ends of the scale."""

_VIEWS: Final = ("palm", "back")


@dataclass(frozen=True, slots=True)
class Label:
    """What a still shows: a shape, a band of :data:`TONES`, ``palm`` or ``back``."""

    gesture: str
    tone: str
    view: str


@dataclass(frozen=True, slots=True)
class StillsScript:
    """A set of stills.

    Attributes:
        kind: ``fair`` and ``hard`` have one hand each, as in
            :func:`~edgehands.synthetic.random_scene`; ``empty`` has none, in fair and hard
            conditions alternately.
        frames: how many; shapes, views and tones alternate.
        seed: of everything else.
    """

    kind: Kind
    frames: int
    seed: int = 1

    @property
    def name(self) -> str:
        """The kind, number and seed."""
        return f"stills-{self.kind}-{self.frames}-{self.seed}"

    def label(self, i: int) -> Label:
        """The content of the i-th."""
        shapes = len(GESTURES)
        turn = i // shapes  # every shape gets every view and tone in turn
        return Label(
            GESTURES[i % shapes],
            TONES[(turn // 2 + i % shapes) % len(TONES)],
            _VIEWS[turn % 2],
        )

    def scenes(self, first: int, count: int) -> list[Scene]:
        """The scenes of some of them."""
        return [self._scene(i) for i in range(first, first + count)]

    def _scene(self, i: int) -> Scene:
        seed = 100_000 * self.seed + i
        if self.kind == "empty":
            return random_scene(seed, hands=0, size=SIZE, difficulty="hard" if i % 2 else "fair")
        label = self.label(i)
        band = TONES.index(label.tone)
        within = float(np.random.default_rng([seed, 5]).uniform(0, 9 / len(TONES)))
        return random_scene(
            seed,
            gesture=label.gesture,
            tone=9 / len(TONES) * band + within,
            view="palm" if label.view == "palm" else "back",
            difficulty=self.kind,
            size=SIZE,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A tracker's result for a still.

    Attributes:
        error: NME of the hand, palm sizes; None where it wasn't found, i.e. no report's landmarks
            lie within 0.5 palm sizes on average.
        side: the reported handedness of a hand that was found.
        true_side: the true handedness; None where there is no hand.
        false_hands: reports that match no hand.
    """

    error: float | None
    side: Handedness | None
    true_side: Handedness | None
    false_hands: int


def load_stills(
    scripts: Sequence[StillsScript], folder: Path | None = None, progress: Progress | None = None
) -> list[Drawn]:
    """The pictures of sets of stills; those missing from the folder are drawn."""
    return pictures([(script, script.frames) for script in scripts], folder, progress)


def verdict(drawn: Drawn, i: int, hands: Sequence[ReportedHand]) -> Verdict:
    """Compare the reports for the i-th still, with one hand or none, with the truth."""
    truth = drawn.truths[i]
    count = len(truth.palms)
    found = match(
        np.array(truth.points).reshape(count, 21, 2),
        np.array(truth.palms),
        np.array(truth.shown),
        hands,
    )
    true_side = Handedness(truth.sides[0]) if count else None
    if not found.pairs:
        return Verdict(None, None, true_side, found.false_hands)
    pair = found.pairs[0]
    return Verdict(pair.error, hands[pair.reported].handedness, true_side, found.false_hands)
