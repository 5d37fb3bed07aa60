"""Selects frames worth annotating: those in which the tracker may well be wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.geometry.roi import landmarks_roi

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edgehands.dataset.format import Reason
    from edgehands.hand import Frame, Hand, Roi

    SecondOpinion = Callable[[NDArray[np.uint8], Roi], NDArray[np.float32]]
    """(21, 3) landmarks found by another model in a square of an image, frame pixels."""

DOUBTFUL_PRESENCE: Final = (0.3, 0.8)
LONGEST_JUMP: Final = 0.25
"""A hand this far from its place in the last frame, in ROI sizes, needed a second look."""

DISAGREEMENT: Final = 0.15
"""The two models disagree if their landmarks are this far apart on average, in palm sizes."""

NEAR: Final = 1.0
"""A hand that appears this near to a lost one, in ROI sizes, may be the same."""

LONGEST_LOSS_S: Final = 3.0
PAUSE_S: Final = 0.5
"""Least time between two frames kept for the same reason."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A frame to keep, its reported hands, and the reasons."""

    frame: Frame
    hands: tuple[Hand, ...]
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Loss:
    """A lost hand: how it was last seen, and the first frame without it."""

    hand: Hand
    without: Frame
    hands: tuple[Hand, ...]


class DoubtfulFrames:
    """Selects frames from a stream.

    Args:
        second: another model's landmarks in a hand's ROI; None = only one model is asked.
    """

    def __init__(self, second: SecondOpinion | None = None) -> None:
        self._second = second
        self._last: dict[int, Hand] = {}
        self._lost: dict[int, _Loss] = {}
        self._kept_at: dict[Reason, float] = {}
        self._t = -math.inf

    def look(self, frame: Frame, hands: tuple[Hand, ...]) -> list[Kept]:
        """The frames to keep after this one: earlier ones, or this one.

        Args:
            frame: the next one.
            hands: reported by the tracker, without smoothing.
        """
        t = frame.t_mono
        kept: list[Kept] = []
        for hand in hands:
            kept += self._returned(hand, t)
        why: list[Reason] = []
        if any(DOUBTFUL_PRESENCE[0] <= h.presence < DOUBTFUL_PRESENCE[1] for h in hands):
            why.append("presence")
        if t - self._t < PAUSE_S and any(self._jumped(hand) for hand in hands):
            why.append("jump")
        due = self._due("models_disagree", t)
        if due and any(self._disagree(frame.image, hand) for hand in hands):
            why.append("models_disagree")
        new = tuple(reason for reason in why if self._due(reason, t))
        if new:
            kept.append(Kept(frame, hands, tuple(why)))
            self._kept_at.update(dict.fromkeys(why, t))
        self._remember(frame, hands)
        return kept

    def _returned(self, hand: Hand, t: float) -> list[Kept]:
        """The frame in which this hand was missing, if it was."""
        reason: Reason = "lost"
        loss = self._lost.pop(hand.id, None)
        if loss is None and hand.id not in self._last:
            near = [i for i, loss in self._lost.items() if _apart(loss.hand, hand) < NEAR]
            if near:
                reason, loss = "new_id", self._lost.pop(near[0])
        if loss is None or not self._due(reason, t):
            return []
        self._kept_at[reason] = t
        return [Kept(loss.without, loss.hands, (reason,))]

    def _due(self, reason: Reason, t: float) -> bool:
        return t - self._kept_at.get(reason, -math.inf) >= PAUSE_S

    def _jumped(self, hand: Hand) -> bool:
        before = self._last.get(hand.id)
        return before is not None and _apart(before, hand) > LONGEST_JUMP

    def _disagree(self, image: NDArray[np.uint8], hand: Hand) -> bool:
        if self._second is None:
            return False
        other = self._second(image, hand.roi)
        apart = np.linalg.norm(other[:, :2] - hand.landmarks[:, :2], axis=1).mean()
        return bool(apart > DISAGREEMENT * max(hand.palm_size, 1e-6))

    def _remember(self, frame: Frame, hands: tuple[Hand, ...]) -> None:
        seen = {hand.id: hand for hand in hands}
        for hand_id, hand in self._last.items():
            if hand_id not in seen and hand_id not in self._lost:
                self._lost[hand_id] = _Loss(hand, frame, hands)
        self._lost = {
            hand_id: loss
            for hand_id, loss in self._lost.items()
            if frame.t_mono - loss.without.t_mono <= LONGEST_LOSS_S
        }
        self._last = seen
        self._t = frame.t_mono


def _apart(before: Hand, hand: Hand) -> float:
    """Distance of two hands, in sizes of the first one's ROI."""
    one, other = landmarks_roi(before.landmarks), landmarks_roi(hand.landmarks)
    return math.hypot(one.cx - other.cx, one.cy - other.cy) / max(one.size, 1e-6)
