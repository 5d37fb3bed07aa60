"""Matches reported to true hands in a frame, and assigns ids for trackers without them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.dataset.matching import assign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgehands.evaluation.values import ReportedHand, Run

TRACKED: Final = 0.5
"""A hand counts as tracked if a report's landmarks lie within this on average, in palm sizes."""

NEAR: Final = 1.0
"""A report this near to a true hand without a better report is inaccurate, not a false hand."""

CONTINUES: Final = 2.0
"""A hand without an id continues one within this mean distance, in that hand's palm sizes."""

REMEMBERED: Final = 5
"""Frames for which an unreported hand can still be continued."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A true hand and the report of it.

    Attributes:
        true, reported: indices.
        error: NME, palm sizes.
    """

    true: int
    reported: int
    error: float


@dataclass(frozen=True, slots=True)
class FrameMatch:
    """The pairs of a frame, and the number of false hands."""

    pairs: tuple[Pair, ...]
    false_hands: int


def distances(
    points: NDArray[np.float64], palms: NDArray[np.float64], hands: Sequence[ReportedHand]
) -> NDArray[np.float64]:
    """(H, N) mean distance of N hands' landmarks from points (H, 21, 2), in palm sizes (H,)."""
    if not hands:
        return np.zeros((len(points), 0))
    reported = np.stack([hand.points for hand in hands])
    apart = np.linalg.norm(points[:, None] - reported[None], axis=3).mean(axis=2)
    return np.asarray(apart / np.maximum(palms, 1e-6)[:, None])


def match(
    points: NDArray[np.float64],
    palms: NDArray[np.float64],
    shown: NDArray[np.float64],
    hands: Sequence[ReportedHand],
) -> FrameMatch:
    """Pair a frame's reports with its true hands.

    Args:
        points: (H, 21, 2) true landmarks, frame pixels.
        palms: (H,) palm sizes, pixels.
        shown: (H,) visible share of each hand; a hand with 0 isn't matched.
        hands: what was reported.

    An unmatched report is a false hand, unless it lies near a true hand without a report.
    """
    costs = distances(points, palms, hands)
    costs[shown <= 0] = np.inf
    pairs = assign(costs, TRACKED)
    used = {column for _, column in pairs}
    reported = {row for row, _ in pairs}
    false_hands = 0
    for column in range(len(hands)):
        if column in used:
            continue
        nearest = int(np.argmin(costs[:, column])) if len(costs) else -1
        if nearest < 0 or nearest in reported or costs[nearest, column] >= NEAR:
            false_hands += 1
        else:
            reported.add(nearest)
    return FrameMatch(tuple(Pair(r, c, float(costs[r, c])) for r, c in pairs), false_hands)


def with_ids(run: Run) -> Run:
    """The same run with ids assigned by nearest continuation, as a client would without ids."""
    given = 0
    known: dict[int, tuple[int, ReportedHand]] = {}  # id -> frame and hand when last seen
    frames = []
    for number, hands in enumerate(run.frames):
        known = {i: seen for i, seen in known.items() if number - seen[0] <= REMEMBERED + 1}
        ids = list(known)
        named: list[ReportedHand] = list(hands)
        if known and hands:
            points = np.stack([known[i][1].points for i in ids])
            palms = np.linalg.norm(points[:, 9] - points[:, 0], axis=1)
            for row, column in assign(distances(points, palms, hands), CONTINUES):
                named[column] = replace(hands[column], id=ids[row])
        for column, hand in enumerate(named):
            if hand.id is None:
                given += 1
                named[column] = replace(hand, id=given)
        known |= {hand.id: (number, hand) for hand in named if hand.id is not None}
        frames.append(tuple(named))
    return replace(run, frames=tuple(frames))
