"""Turns single frames' gestures into one that neither flickers nor sticks.

One :class:`GestureDebouncer` follows one hand. Three things stabilise it: each gesture's score is
averaged over a few hundredths of a second, a gesture starts at a higher score than it ends at, and
a change must last a moment before it counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgehands.gestures.static import GESTURES, NONE
from edgehands.hand import Gesture

if TYPE_CHECKING:
    from edgehands.config.gestures import GesturesConfig

_AVERAGE_S: Final = 0.04
"""Time constant of the scores' average: at 30 fps a new shape reaches 0.56 in its first frame."""

_GAP_S: Final = 0.5
"""After a gap this long the past is discarded."""


@dataclass(frozen=True, slots=True)
class GestureChange:
    """The published gesture changed: what it was, since when, and what it is now."""

    before: str
    since: float
    now: Gesture


class GestureDebouncer:
    """The gesture of one hand over time.

    Not thread-safe; use one object per hand. ``update`` costs about 3 us.
    """

    def __init__(self, config: GesturesConfig) -> None:
        self._hold = config.hold
        self._release = config.release
        self._enter = config.enter_score
        self._exit = config.exit_score
        self._scores: list[float] = [0.0] * len(GESTURES)
        self._name = NONE
        self._since = 0.0
        self._candidate = NONE
        self._candidate_since = 0.0
        self._last: float | None = None

    @property
    def name(self) -> str:
        """The current gesture."""
        return self._name

    @property
    def since(self) -> float:
        """Since when it is current, seconds of the frames' clock."""
        return self._since

    def update(
        self, t: float, scores: tuple[float, ...], taught: Gesture | None = None
    ) -> tuple[Gesture, GestureChange | None]:
        """Take one frame's scores.

        Args:
            t: the frame's time, seconds.
            scores: of :data:`~edgehands.gestures.static.GESTURES`, each 0..1.
            taught: the taught gesture recognised in this frame; it takes precedence over the
                built-in ones.

        Returns:
            The current gesture, and the change if it changed in this frame.
        """
        self._average(t, scores)
        seen = self._seen(taught)
        if seen.name == self._name:
            self._candidate = self._name
            return seen, None
        if seen.name != self._candidate:
            self._candidate, self._candidate_since = seen.name, t
        # Half a frame of tolerance: at 30 fps the third frame comes 0.0667 s after the first, or
        # 0.0666 by a camera's own clock, and both should count as the same.
        patience = self._release if seen.name == NONE else self._hold
        if t - self._candidate_since < patience - 0.004:
            return Gesture(self._name, self._score_of(self._name, taught)), None
        change = GestureChange(self._name, self._since, seen)
        self._name, self._since = seen.name, t
        return seen, change

    def _average(self, t: float, scores: tuple[float, ...]) -> None:
        last, self._last = self._last, t
        if last is None or not 0.0 < t - last < _GAP_S:
            self._scores = list(scores)
            return
        keep = math.exp((last - t) / _AVERAGE_S)
        self._scores = [
            new + keep * (old - new) for old, new in zip(self._scores, scores, strict=True)
        ]

    def _seen(self, taught: Gesture | None) -> Gesture:
        """This frame's gesture, biased towards the current one."""
        if taught is not None and taught.name != NONE:
            return taught
        best = max(self._scores)
        if self._name in GESTURES:
            own = self._scores[GESTURES.index(self._name)]
            if own >= self._exit and best - own < self._enter - self._exit:
                return Gesture(self._name, own)
        if best >= self._enter:
            return Gesture(GESTURES[self._scores.index(best)], best)
        return Gesture(NONE, 1.0 - best)

    def _score_of(self, name: str, taught: Gesture | None) -> float:
        if name == NONE:
            return 1.0 - max(self._scores)
        if name in GESTURES:
            return self._scores[GESTURES.index(name)]
        return taught.score if taught is not None and taught.name == name else 0.0
