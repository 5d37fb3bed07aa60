"""One Euro smoothing of a hand's landmarks, in units of palm size.

Casiez, Roussel, Vogel: "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems" (CHI 2012). Slow points are smoothed strongly and fast ones little, so that a
still hand stays still and a moving hand doesn't lag.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_CUTOFF: Final = 3.0
"""Hz: the cut-off for a point at rest."""

BETA: Final = 30.0
"""Hz a palm size per second: how fast the cut-off rises with speed."""

SPEED_CUTOFF: Final = 2.0
"""Hz: the cut-off for the speed itself."""

LONGEST_GAP: Final = 0.5
"""Seconds: after a longer gap, smoothing restarts."""


class HandSmoother:
    """Smooths the landmarks and world landmarks of one hand.

    Returned arrays are never modified later.
    """

    def __init__(self) -> None:
        self._time = 0.0
        self._points: NDArray[np.float32] | None = None  # (42, 3): frame pixels, then metres
        self._raw: NDArray[np.float32] | None = None
        self._speed = np.zeros((21, 2), np.float32)  # palm sizes per second

    def smooth(
        self, landmarks: NDArray[np.float32], world: NDArray[np.float32], palm_size: float, t: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Smoothed copies of (21, 3) frame pixels and (21, 3) metres, seen at second ``t``."""
        raw: NDArray[np.float32] = np.concatenate([landmarks, world])
        gap = t - self._time
        self._time = t
        points = self._points
        if points is None or self._raw is None or not 0 < gap <= LONGEST_GAP:
            self._points, self._raw = raw, raw
            self._speed[...] = 0
            return landmarks, world
        step = raw[:21, :2] - self._raw[:21, :2]
        step *= 1 / (gap * max(palm_size, 1e-6))
        step -= self._speed
        step *= _alpha(SPEED_CUTOFF, gap)
        self._speed += step
        self._raw = raw
        pace = np.hypot(self._speed[:, 0], self._speed[:, 1])
        pace *= BETA * 2 * math.pi * gap
        pace += MIN_CUTOFF * 2 * math.pi * gap
        pace /= pace + 1  # weight of the raw point
        smooth = (raw - points).reshape(2, 21, 3)
        smooth *= pace[:, None]
        smooth += points.reshape(2, 21, 3)
        self._points = smooth.reshape(42, 3)
        return smooth[0], smooth[1]


def _alpha(cutoff: float, gap: float) -> float:
    pace = 2 * math.pi * cutoff * gap
    return pace / (pace + 1)
