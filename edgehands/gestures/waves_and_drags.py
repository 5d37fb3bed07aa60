"""Waves and pinch-and-drags: movements of more than one stroke."""

from __future__ import annotations

import itertools
import math
from collections import deque
from typing import Final

from edgehands.gestures.events import EventType, Movement
from edgehands.gestures.strokes import Stroke

WAVE_SWING: Final = 0.05
"""Least length of one swing of a wave at the finger tips, metres."""

WAVE_SWINGS: Final = 3
"""Swings that make a wave: there, back and there."""

DRAG_LENGTH: Final = 0.04
"""Least displacement of a pinch-and-drag, metres."""


class WaveDetector:
    """Counts the finger tips' swings to and fro and reports a wave once.

    Args:
        least: seconds that the swings must take in total.
    """

    def __init__(self, least: float = 0.0) -> None:
        self._least = least
        self._low = self._high = 0.0
        self._direction = 0
        self._turns: deque[tuple[float, float]] = deque(maxlen=WAVE_SWINGS + 1)
        self._started = False
        self._told_at: float | None = None

    def reset(self) -> None:
        """Forget all swings."""
        self._started = False
        self._direction = 0
        self._turns.clear()

    def swinging(self, t: float) -> bool:
        """Whether the tips have reversed at least twice, the last time a moment ago."""
        return len(self._turns) > 1 and t - self._turns[-1][0] < 0.5

    def update(self, t: float, x: float) -> Movement | None:
        """Add the tips' position (metres); returns the wave once it is complete."""
        if not self._started:
            self._started = True
            self._low = self._high = x
            return None
        self._low, self._high = min(self._low, x), max(self._high, x)
        if self._direction <= 0 and x - self._low > WAVE_SWING:
            return self._turned(t, self._low, 1, x)
        if self._direction >= 0 and self._high - x > WAVE_SWING:
            return self._turned(t, self._high, -1, x)
        return None

    def _turned(self, t: float, extreme: float, direction: int, x: float) -> Movement | None:
        """The tips have moved away from an extreme by more than a swing's least length."""
        first = self._direction == 0
        self._direction = direction
        self._low = self._high = x
        if first:
            self._turns.append((t, extreme))
            return None
        if self._turns and not 0.08 < t - self._turns[-1][0] < 0.8:
            self._turns.clear()
        self._turns.append((t, extreme))
        if len(self._turns) <= WAVE_SWINGS - 1:
            return None
        if self._turns[-1][0] - self._turns[0][0] < self._least:
            return None
        if self._told_at is not None and t - self._told_at < 1.0:
            self._told_at = t
            return None
        self._told_at = t
        turns = list(self._turns)
        duration = turns[-1][0] - turns[0][0]
        way = sum(abs(b[1] - a[1]) for a, b in itertools.pairwise(turns))
        return Movement(EventType.WAVE, duration, way / max(duration, 1e-3))


class Drag:
    """A pinch from closing to opening.

    Attributes:
        held: the pinch is closed now.
    """

    def __init__(self) -> None:
        self.held = False
        self._closed_for = 0
        self._start = (0.0, 0.0, 0.0)
        self._last = (0.0, 0.0)
        self._path = 0.0

    def update(self, t: float, x: float, y: float, pinch: float) -> Stroke | None:
        """Add the pinch's position (metres) and strength; returns a drag that ended."""
        at = (x, y)
        if not self.held:
            self._closed_for = self._closed_for + 1 if pinch >= 0.75 else 0
            if self._closed_for >= 3:
                self.held = True
                self._start, self._last, self._path = (t, *at), at, 0.0
            return None
        if pinch >= 0.4:
            self._path += math.dist(at, self._last)
            self._last = at
            return None
        # The tips separate as the pinch opens: the last closed position counts.
        self.held, self._closed_for = False, 0
        start, x0, y0 = self._start
        dx, dy = self._last[0] - x0, self._last[1] - y0
        if math.hypot(dx, dy) < DRAG_LENGTH:
            return None
        return Stroke(start, t, dx, dy, self._path, 0.0, turned=False)
