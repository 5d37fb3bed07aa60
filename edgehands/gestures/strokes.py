"""Finds strokes in a movement: from rest (or a turn) through speed to rest (or a turn)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_SPEED_S: Final = 0.03
"""Time constant of the speed's average."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One stroke, in the units of the positions passed in.

    Attributes:
        start, end: seconds.
        dx, dy: displacement from start to end.
        path: length of the path; more than the displacement if it was curved.
        peak: greatest speed along the path, units a second.
        turned: it ended because the movement reversed, not because it came to rest.
    """

    start: float
    end: float
    dx: float
    dy: float
    path: float
    peak: float
    turned: bool

    @property
    def length(self) -> float:
        """The displacement's length."""
        return math.hypot(self.dx, self.dy)


class StrokeFinder:
    """Cuts a movement in the plane into strokes.

    Args:
        start_speed: a stroke begins above this speed, units a second.
        end_speed: and ends below this one.
    """

    def __init__(self, start_speed: float, end_speed: float) -> None:
        self._start_speed = start_speed
        self._end_speed = end_speed
        self._t: float | None = None
        self._x = self._y = 0.0
        self._vx = self._vy = 0.0
        self._rest = (0.0, 0.0, 0.0)
        self._moving = False
        self._path = 0.0
        self._peak = 0.0

    @property
    def moving(self) -> bool:
        """A stroke is in progress."""
        return self._moving

    def reset(self) -> None:
        """Forget the past: the next position starts again."""
        self._t = None
        self._moving = False

    def update(self, t: float, x: float, y: float = 0.0) -> Stroke | None:
        """Add a position; returns the stroke that ended with it."""
        if self._t is None:
            self._t, self._x, self._y = t, x, y
            self._vx = self._vy = 0.0
            self._rest = (t, x, y)
            return None
        dt = max(t - self._t, 1e-4)
        keep = math.exp(-dt / _SPEED_S)
        step_x, step_y = x - self._x, y - self._y
        self._vx = step_x / dt + keep * (self._vx - step_x / dt)
        self._vy = step_y / dt + keep * (self._vy - step_y / dt)
        speed = math.hypot(self._vx, self._vy)
        ended = None
        if self._moving:
            _, x0, y0 = self._rest
            along = self._vx * (self._x - x0) + self._vy * (self._y - y0)
            reach = math.hypot(self._x - x0, self._y - y0)
            # Below half of its speed in the stroke's direction it is turning.
            turned = along < 0.3 * speed * reach
            if speed < self._end_speed or turned:
                ended = self._end(self._t, turned=turned and speed >= self._end_speed)
            else:
                self._path += math.hypot(step_x, step_y)
                self._peak = max(self._peak, speed)
        before = (self._t, self._x, self._y)
        self._t, self._x, self._y = t, x, y
        if not self._moving:
            if speed > self._start_speed:
                self._moving = True
                self._peak = speed
                _, x0, y0 = self._rest
                self._path = math.hypot(x - x0, y - y0)
            elif speed < self._end_speed:
                self._rest = before if ended else (t, x, y)
        return ended

    def cut(self) -> Stroke | None:
        """End the current stroke here and now (the hand is gone)."""
        if not self._moving or self._t is None:
            return None
        return self._end(self._t, turned=False)

    def _end(self, t: float, *, turned: bool) -> Stroke:
        start, x0, y0 = self._rest
        self._moving = False
        self._rest = (t, self._x, self._y)
        return Stroke(start, t, self._x - x0, self._y - y0, self._path, self._peak, turned=turned)
