"""How a tracked hand moves compared with the true one: jitter and lag."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STILL: Final = 0.0005
"""A true hand that moves less than this per frame, in palm sizes, is still."""

SETTLED: Final = 10
"""Frames after a hand is found before its jitter counts."""

LEAST_STILL: Final = 30
"""Least number of steps of a still hand for measuring jitter."""

LEAST_SPEED: Final = 0.01
"""Least RMS of the true speed for measuring lag, palm sizes per frame."""

LEAST_MOVING: Final = 20
"""Least number of steps of a moving hand for measuring lag."""

LEAST_LIKENESS: Final = 0.5
"""Correlation below which reported and true motion are unrelated."""

_LAGS = np.arange(-2.0, 5.001, 0.02)  # frames


def jitter(
    points: NDArray[np.float64], palms: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[float, int]:
    """Motion of a still hand.

    Args:
        points: (F, 21, 2) as reported, NaN in frames where the hand wasn't tracked.
        palms: (F,) true palm sizes, pixels.
        truth: (F, 21, 2) true landmarks.

    Returns:
        Sum of the squared motion from frame to frame, in palm sizes, mean of the 21 landmarks;
        and the number of steps in it.
    """
    tracked = [bool(np.isfinite(frame).all()) for frame in points]
    since = [0]  # consecutive frames tracked
    for before, now in itertools.pairwise(tracked):
        since.append(since[-1] + 1 if before and now else 0)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=2) / palms[1:, None]
    moved = np.linalg.norm(np.diff(truth, axis=0), axis=2).mean(axis=1) / palms[1:]
    counts = (moved < STILL) & (np.array(since[1:]) > SETTLED)
    return float((steps[counts] ** 2).mean(axis=1).sum()), int(counts.sum())


def lag(
    points: NDArray[np.float64], palms: NDArray[np.float64], truth: NDArray[np.float64]
) -> float | None:
    """How many frames reported motion lags behind true motion; arguments as in :func:`jitter`.

    The delay at which the reported steps from frame to frame correlate best with the true ones,
    which are interpolated between frames (Catmull-Rom). None where the hand moves too little, or
    the two don't correlate.
    """
    steps = np.diff(points, axis=0)
    when = np.arange(1, len(points))
    inside = (when - 1 - _LAGS[-1] >= 0) & (when - _LAGS[0] <= len(points) - 1)
    counts = inside & np.isfinite(steps).all(axis=(1, 2))
    if counts.sum() < LEAST_MOVING:
        return None
    steps, when = steps[counts], when[counts]
    speed = np.linalg.norm(np.diff(truth, axis=0), axis=2)[counts] / palms[1:][counts, None]
    if float((speed**2).mean()) ** 0.5 < LEAST_SPEED:
        return None
    likeness = [_likeness(steps, _at(truth, when - d) - _at(truth, when - 1 - d)) for d in _LAGS]
    best = int(np.argmax(likeness))
    if likeness[best] < LEAST_LIKENESS or best in (0, len(_LAGS) - 1):
        return None
    return float(_LAGS[best])


def _likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    scale = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / scale if scale else 0.0


def _at(path: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of a path (F, ...) between its frames, on a Catmull-Rom spline."""
    last = len(path) - 1
    i = np.clip(np.floor(times).astype(int), 0, last - 1)
    u = (times - i).reshape(-1, *[1] * (path.ndim - 1))
    before, a, b, after = (path[np.clip(i + k, 0, last)] for k in (-1, 0, 1, 2))
    return np.asarray(
        a
        + 0.5 * u * (b - before)
        + u**2 * (before - 2.5 * a + 2 * b - 0.5 * after)
        + u**3 * (1.5 * (a - b) + 0.5 * (after - before))
    )
