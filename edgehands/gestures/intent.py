"""Whether a movement is intended, for the ``sure`` setting.

People who talk, sign or work move their hands as fast and as far as people giving commands. A
command begins and ends at rest, the hand stays up, and a push goes forward, not past the camera.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgehands.gestures.strokes import Stroke

REST_S: Final = 0.2
"""How long the hand rests before an intended movement, seconds."""

SETTLE_S: Final = 0.1
"""How long it must have rested again when the movement is reported, seconds."""

REST_WAY: Final = 0.03
"""How far a resting hand may move meanwhile, metres."""

REST_TURN: Final = math.radians(15)
"""How far it may turn meanwhile."""

SWIPE_TURN: Final = math.radians(60)
"""How far a hand may turn in a swipe: sideways it moves around the elbow."""

PUSH_S: Final = 0.2
"""Least duration of a push or pull, seconds."""

PUSH_SPEED: Final = 1.5
"""Its greatest mean speed, metres a second."""

PUSH_SIDEWAYS: Final = 0.7
"""How far the hand may move across the picture meanwhile, as a share of its path."""

TURN_WAY: Final = 0.08
"""How far the hand may move in a rotation, metres."""

WAVE_S: Final = 0.4
"""Least duration of a wave's swings, seconds: anything shorter is a twitch."""

DRAG_S: Final = 0.3
"""Least duration of a pinch-and-drag, seconds."""

DRAG_WAY: Final = 0.06
"""Its least displacement, metres."""

_KEPT_S: Final = 2.5
_SLACK_S: Final = 0.02  # of a frame: camera clocks jitter
_LEAST_UP: Final = 0.0  # not below level


@dataclass(frozen=True, slots=True)
class Place:
    """The hand's position in one frame.

    Attributes:
        t: seconds.
        x, y: the palm, metres at the hand.
        tip_x: the middle finger's tip, metres.
        pinch_x, pinch_y: between the tips of thumb and index finger, metres.
        depth: natural logarithm of the distance.
        roll: radians.
        up: 1 when the hand points up in the picture, -1 when it points down.
    """

    t: float
    x: float
    y: float
    tip_x: float
    pinch_x: float
    pinch_y: float
    depth: float
    roll: float
    up: float


class Intent:
    """Remembers where a hand was, and decides whether a finished movement was intended."""

    def __init__(self) -> None:
        self._places: deque[Place] = deque()

    def reset(self) -> None:
        """Forget the past, as after a hand was away."""
        self._places.clear()

    def add(self, place: Place) -> None:
        """Add the hand's current position."""
        self._places.append(place)
        while place.t - self._places[0].t > _KEPT_S:
            self._places.popleft()

    def swipe(self, stroke: Stroke) -> bool:
        """Whether a stroke across the picture is intended: a dropped arm isn't."""
        before, after = self._at(stroke.start), self._at(stroke.end)
        upright = min(before.up, after.up) > _LEAST_UP
        turned = abs(after.roll - before.roll)
        return upright and turned <= SWIPE_TURN and self._rested(stroke.start)

    def push(self, stroke: Stroke, distance: float) -> bool:
        """Whether a change of distance by ``distance`` metres is a push or pull."""
        duration = max(stroke.end - stroke.start, 1e-3)
        before, after = self._at(stroke.start), self._at(stroke.end)
        sideways = math.hypot(after.x - before.x, after.y - before.y)
        return (
            duration >= PUSH_S - _SLACK_S
            and distance / duration <= PUSH_SPEED
            and sideways <= PUSH_SIDEWAYS * distance
            and self._rested(stroke.start)
        )

    def turn(self, stroke: Stroke) -> bool:
        """Whether a change of roll is a rotation: the hand stays in place."""
        before, after = self._at(stroke.start), self._at(stroke.end)
        moved = math.hypot(after.x - before.x, after.y - before.y)
        return moved <= TURN_WAY and self._rested(stroke.start)

    def drag(self, stroke: Stroke) -> bool:
        """Whether a pinch that moved is a drag."""
        return stroke.end - stroke.start >= DRAG_S and stroke.length >= DRAG_WAY

    def wave(self, duration: float) -> bool:
        """Whether swings that took ``duration`` seconds are a wave, made with a raised hand."""
        recent = self._since(self._places[-1].t - duration)
        return min(place.up for place in recent) > _LEAST_UP

    def settled(self, t: float) -> bool:
        """Whether the hand has come to rest by second ``t``."""
        return _still(self._since(t - SETTLE_S))

    def _rested(self, start: float) -> bool:
        """Whether the hand was seen and at rest for a while before a movement began."""
        first = start - REST_S
        if not self._places or self._places[0].t > first + _SLACK_S:
            return False
        return _still(place for place in self._since(first) if place.t <= start)

    def _since(self, t: float) -> list[Place]:
        return [place for place in self._places if place.t >= t - _SLACK_S] or [self._places[-1]]

    def _at(self, t: float) -> Place:
        return min(self._places, key=lambda place: abs(place.t - t))


def _still(places: Iterable[Place]) -> bool:
    there = list(places)
    if not there:
        return False
    last = there[-1]
    return all(
        math.hypot(place.x - last.x, place.y - last.y) <= REST_WAY
        and abs(place.roll - last.roll) <= REST_TURN
        for place in there
    )
