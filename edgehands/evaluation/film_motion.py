"""Jitter and lag of hands in films without known truth."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.evaluation.values import ReportedHand, Run

STILL: Final = 0.015
"""A hand whose centre moves less than this per frame, in palm sizes, over five frames, is still."""

LEAST_STILL: Final = 10
"""Frames of a still stretch."""

WINDOW: Final = 5
"""Frames whose mean motion isn't jitter."""

LEAST_SPEED: Final = 0.02
"""Least speed of a hand whose lag is measured, palm sizes per frame."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames in which a hand is still: the first, the last, and where it is, frame pixels."""

    first: int
    last: int
    x: float
    y: float
    palm: float


def still_stretches(run: Run) -> list[Stretch]:
    """Stretches in which the hands of a run, with ids, hold still."""
    found: list[Stretch] = []
    for path in _paths(run).values():
        quiet: list[int] = []
        for i in sorted(path):
            if i - 2 in path and i + 2 in path:
                way = _middle(path[i + 2]) - _middle(path[i - 2])
                if np.hypot(*way) / 4 < STILL * _palm(path[i]):
                    if quiet and quiet[-1] != i - 1:
                        _close(found, quiet, path)
                    quiet.append(i)
        _close(found, quiet, path)
    return found


def _close(found: list[Stretch], quiet: list[int], path: dict[int, ReportedHand]) -> None:
    if len(quiet) >= LEAST_STILL:
        x, y = _middle(path[quiet[0]]).tolist()
        found.append(Stretch(quiet[0], quiet[-1], x, y, _palm(path[quiet[0]])))
    quiet.clear()


def restlessness(run: Run, still: list[Stretch], *, smooth: bool) -> tuple[float, int]:
    """Sum of squares and count of still hands' motion beyond its mean, in palm sizes."""
    square, count = 0.0, 0
    paths = _paths(run)
    for stretch, path in itertools.product(still, paths.values()):
        hands = [path.get(i) for i in range(stretch.first, stretch.last + 1)]
        there = [hand for hand in hands if hand is not None]
        if len(there) < len(hands) or not _lies_at(there[0], stretch):
            continue
        points = np.stack([_points(hand, smooth=smooth) for hand in there])
        steps = np.diff(points, axis=0) / np.mean([_palm(hand) for hand in there])
        if len(steps) < WINDOW + 1:
            continue
        padded = np.cumsum(np.concatenate([np.zeros((1, 21, 2)), steps]), axis=0)
        mean = (padded[WINDOW:] - padded[:-WINDOW]) / WINDOW
        edge = WINDOW // 2
        rest = steps[edge:-edge] - mean
        square += float((rest**2).sum())
        count += rest[..., 0].size
    return square, count


def lag(run: Run, fps: float) -> tuple[float, float]:
    """Sum and weight of how far smoothed landmarks lag behind the raw ones, ms."""
    total = weight = 0.0
    for path in _paths(run).values():
        for i, hand in path.items():
            if i - 1 not in path or i + 1 not in path:
                continue
            speed = (path[i + 1].points - path[i - 1].points) / 2
            palm = _palm(hand)
            if np.abs(speed).mean() > LEAST_SPEED * palm:
                behind = hand.points - _points(hand, smooth=True)
                total += float((speed * behind).sum()) / palm**2 / fps * 1e3
                weight += float((speed * speed).sum()) / palm**2
    return total, weight


def _paths(run: Run) -> dict[int, dict[int, ReportedHand]]:
    """Each id's hands by frame."""
    paths: dict[int, dict[int, ReportedHand]] = {}
    for i, hands in enumerate(run.frames):
        for hand in hands:
            if hand.id is not None:
                paths.setdefault(hand.id, {})[i] = hand
    return paths


def _points(hand: ReportedHand, *, smooth: bool) -> NDArray[np.float64]:
    smoothed: NDArray[np.float64] | None = getattr(hand, "smooth", None) if smooth else None
    return hand.points if smoothed is None else smoothed


def _middle(hand: ReportedHand) -> NDArray[np.float64]:
    middle: NDArray[np.float64] = hand.points.mean(axis=0)
    return middle


def _palm(hand: ReportedHand) -> float:
    return max(float(np.hypot(*(hand.points[9] - hand.points[0]))), 1e-6)


def _lies_at(hand: ReportedHand, stretch: Stretch) -> bool:
    x, y = _middle(hand).tolist()
    return bool(np.hypot(x - stretch.x, y - stretch.y) < 0.5 * stretch.palm)
