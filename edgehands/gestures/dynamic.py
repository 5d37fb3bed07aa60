"""Dynamic gestures: the meaning of one hand's movement, reported once when it is over.

Lengths are metres at the hand, so that thresholds don't depend on distance: pixels are divided by
the pixels per metre at the hand's distance, derived from the world landmarks.

A stroke that reverses at once is part of a wave or of fidgeting, not a swipe; so swipes, pushes and
rotations are reported a moment after they end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.gestures.events import EventType, Movement
from edgehands.gestures.intent import WAVE_S, Intent, Place
from edgehands.gestures.strokes import Stroke, StrokeFinder
from edgehands.gestures.waves_and_drags import Drag, WaveDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.gestures.shape import HandShape
    from edgehands.hand import Hand

SWIPE_LENGTH: Final = 0.13
"""Least length of a swipe, metres: about one and a half palms."""

SWIPE_SPEED: Final = 0.6
"""Least top speed of a swipe, metres a second."""

PUSH_RATIO: Final = 0.22
"""Least change of distance in a push or pull, natural logarithm: 0.22 is from 50 cm to 40 cm."""

ROTATE_ANGLE: Final = 30.0
"""Least angle of a rotation, degrees."""

_CONFIRM_S: Final = 0.18
_RETURN_S: Final = 0.8
"""After a swipe the hand returns: for this long the opposite stroke isn't a swipe."""

_GAP_S: Final = 0.3
_SWIPES: Final = frozenset(
    {EventType.SWIPE_LEFT, EventType.SWIPE_RIGHT, EventType.SWIPE_UP, EventType.SWIPE_DOWN}
)
_PUSHES: Final = frozenset({EventType.PUSH, EventType.PULL})
_TURNS: Final = frozenset({EventType.ROTATE})
_PALM: Final = np.array([0, 5, 9, 13, 17])


@dataclass(frozen=True, slots=True)
class _Pending:
    """A movement that is reported unless the hand reverses at once."""

    movement: Movement
    since: float


class MotionTracker:
    """Tracks one hand's movement. Not thread-safe; ``update`` costs about 30 us.

    Args:
        width, height: of the frames, pixels.
        focal: focal length, pixels: converts sizes to distances for the speed of a push.
        sure: report only movements that look intended (see :mod:`edgehands.gestures.intent`).
    """

    def __init__(self, width: int, height: int, focal: float, *, sure: bool = True) -> None:
        self._intent = Intent() if sure else None
        self._width = width
        self._height = height
        self._focal = focal
        self._scale: float | None = None
        self._points: np.ndarray[tuple[int, int], np.dtype[np.float32]] | None = None
        self._roll = 0.0
        self._t: float | None = None
        self._across = StrokeFinder(start_speed=0.35, end_speed=0.2)
        self._depth = StrokeFinder(start_speed=0.5, end_speed=0.25)
        self._turn = StrokeFinder(start_speed=math.radians(70), end_speed=math.radians(30))
        self._swings = WaveDetector(WAVE_S if sure else 0.0)
        self._drag = Drag()
        self._pending: list[_Pending] = []
        self._last_swipe: tuple[float, float, float] | None = None
        self._openness = 0.0

    def update(self, t: float, hand: Hand, shape: HandShape) -> list[Movement]:
        """Process one frame; returns the movements that are reported now."""
        if self._t is None or not 0.0 < t - self._t < _GAP_S:
            self._restart()
        place = self._locate(t, hand)
        self._t = t
        if self._intent is not None:
            self._intent.add(place)
        open_now = sum(shape.extension[1:]) / 4.0
        self._openness += 0.3 * (open_now - self._openness)

        told: list[Movement] = []
        drag = self._drag.update(t, place.pinch_x, place.pinch_y, shape.pinch)
        if drag is not None and (self._intent is None or self._intent.drag(drag)):
            told.append(self._drag_movement(drag))
        stroke = self._across.update(t, place.x, place.y)
        pushed = self._depth.update(t, place.depth)
        turned = self._turn.update(t, place.roll)
        if self._drag.held:
            self._drop(_SWIPES | _PUSHES)
            self._swings.reset()
        else:
            self._consider_swipe(t, stroke)
            self._consider_push(t, pushed, place)
            wave = self._swings.update(t, place.tip_x)
            if wave is not None and self._openness > 0.5 and self._is_wave(wave):
                self._pending.clear()
                told.append(wave)
        self._consider_turn(t, turned)
        # A new stroke or turn right after one cancels it: it was a wave or a shake.
        if self._across.moving:
            self._drop(_SWIPES)
        if self._turn.moving or self._swings.swinging(t):
            self._drop(_TURNS)
        if self._swings.swinging(t):
            self._drop(_SWIPES)
        told += self._confirmed(t)
        return told

    def lost(self) -> list[Movement]:
        """End the current movement: the hand is gone. A swipe may well leave the picture."""
        if self._t is None or self._drag.held:
            return []
        stroke = self._across.cut()
        # Dropped arms leave it downwards.
        if stroke is None or (self._intent is not None and abs(stroke.dy) > abs(stroke.dx)):
            return []
        self._consider_swipe(self._t, stroke)
        return self._confirmed(math.inf)

    def _restart(self) -> None:
        for finder in (self._across, self._depth, self._turn):
            finder.reset()
        self._swings.reset()
        if self._intent is not None:
            self._intent.reset()
        self._drag = Drag()
        self._pending.clear()
        self._points = None
        self._scale = None
        self._roll = 0.0

    def _locate(self, t: float, hand: Hand) -> Place:
        image = hand.landmarks[:, :2]
        world = hand.world_landmarks[:, :2]
        image_mean = image.mean(axis=0)
        a, b = image - image_mean, world - world.mean(axis=0)
        # Pixels per metre at the hand (weak perspective): foreshortening cancels out, as it
        # shortens both.
        scale = math.sqrt(
            max(float(np.einsum("ij,ij->", a, a)), 1e-6)
            / max(float(np.einsum("ij,ij->", b, b)), 1e-12)
        )
        if self._scale is None:
            self._scale = scale
        # Slowly, so that size jitter doesn't move a hand that is far from the picture's corner.
        self._scale += 0.1 * (scale - self._scale)
        palm = image[_PALM]
        middle = palm.mean(axis=0)
        points = palm - middle
        if self._points is not None:
            before = self._points
            sine = float(np.einsum("i,i->", before[:, 0], points[:, 1])) - float(
                np.einsum("i,i->", before[:, 1], points[:, 0])
            )
            self._roll += math.atan2(sine, float(np.einsum("ij,ij->", before, points)))
        self._points = points
        k = 1.0 / self._scale
        x, y = middle.tolist()
        tips: list[list[float]] = image[[4, 8, 12]].tolist()
        return Place(
            t=t,
            x=x * k,
            y=y * k,
            tip_x=tips[2][0] * k,
            pinch_x=0.5 * (tips[0][0] + tips[1][0]) * k,
            pinch_y=0.5 * (tips[0][1] + tips[1][1]) * k,
            depth=-math.log(scale),
            roll=self._roll,
            up=_upward(image[0], image[9]),
        )

    def _consider_swipe(self, t: float, stroke: Stroke | None) -> None:
        if stroke is None:
            return
        self._drop(_SWIPES)
        main, other = stroke.dx, stroke.dy
        kind = EventType.SWIPE_LEFT if main < 0 else EventType.SWIPE_RIGHT
        if abs(stroke.dy) > abs(stroke.dx):
            main, other = other, main
            kind = EventType.SWIPE_UP if main < 0 else EventType.SWIPE_DOWN
        duration = max(stroke.end - stroke.start, 1e-3)
        fits = (
            abs(main) >= SWIPE_LENGTH
            and abs(other) <= 0.5 * abs(main)
            and stroke.path <= 1.3 * stroke.length
            and stroke.peak >= SWIPE_SPEED
            and duration <= 1.0
            and self._openness > 0.2
            and not stroke.turned
        )
        if not fits or self._returns(t, stroke):
            return
        if self._intent is not None and not self._intent.swipe(stroke):
            return
        pixels = self._scale or 1.0
        self._pending.append(
            _Pending(
                Movement(
                    kind,
                    duration,
                    stroke.length / duration,
                    dx=stroke.dx * pixels / self._width,
                    dy=stroke.dy * pixels / self._height,
                    distance=stroke.length,
                ),
                stroke.end,
            )
        )

    def _returns(self, t: float, stroke: Stroke) -> bool:
        if self._last_swipe is None:
            return False
        then, dx, dy = self._last_swipe
        return t - then < _RETURN_S and dx * stroke.dx + dy * stroke.dy < 0.0

    def _consider_push(self, t: float, stroke: Stroke | None, place: Place) -> None:
        if stroke is None:
            return
        self._drop(_PUSHES)
        duration = max(stroke.end - stroke.start, 1e-3)
        if abs(stroke.dx) < PUSH_RATIO or stroke.turned or duration > 1.2:
            return
        nearer = stroke.dx < 0.0
        after = self._focal * math.exp(place.depth)
        before = after * math.exp(-stroke.dx)
        distance = abs(after - before)
        if self._intent is not None and not self._intent.push(stroke, distance):
            return
        kind = EventType.PUSH if nearer else EventType.PULL
        self._pending.append(
            _Pending(Movement(kind, duration, distance / duration, distance=distance), t)
        )

    def _consider_turn(self, t: float, stroke: Stroke | None) -> None:
        if stroke is None:
            return
        self._drop(_TURNS)
        angle = math.degrees(stroke.dx)
        duration = max(stroke.end - stroke.start, 1e-3)
        if abs(angle) < ROTATE_ANGLE or stroke.turned or duration > 2.0 or self._across.moving:
            return
        if self._intent is not None and not self._intent.turn(stroke):
            return
        self._pending.append(
            _Pending(Movement(EventType.ROTATE, duration, abs(angle) / duration, angle=angle), t)
        )

    def _is_wave(self, wave: Movement) -> bool:
        return self._intent is None or self._intent.wave(wave.duration)

    def _drag_movement(self, drag: Stroke) -> Movement:
        duration = max(drag.end - drag.start, 1e-3)
        pixels = self._scale or 1.0
        return Movement(
            EventType.PINCH_DRAG,
            duration,
            drag.path / duration,
            dx=drag.dx * pixels / self._width,
            dy=drag.dy * pixels / self._height,
            distance=drag.length,
        )

    def _drop(self, kinds: frozenset[EventType]) -> None:
        if self._pending:
            self._pending = [p for p in self._pending if p.movement.event_type not in kinds]

    def _confirmed(self, t: float) -> list[Movement]:
        """The pending movements that are due; a swipe that also turned is a swipe."""
        due = [p.movement for p in self._pending if t - p.since >= _CONFIRM_S]
        if not due:
            return []
        self._pending = [p for p in self._pending if t - p.since < _CONFIRM_S]
        if self._intent is not None and math.isfinite(t) and not self._intent.settled(t):
            return []
        swipes = [m for m in due if m.event_type in _SWIPES]
        if swipes:
            self._last_swipe = (t, swipes[-1].dx or 0.0, swipes[-1].dy or 0.0)
            pushes = [m for m in due if m.event_type in _PUSHES]
            # A hand that swings past the camera also comes nearer: the longer path counts.
            if pushes and (pushes[0].distance or 0.0) > (swipes[0].distance or 0.0):
                return pushes
            return swipes
        return due


def _upward(wrist: NDArray[np.float32], knuckle: NDArray[np.float32]) -> float:
    """1 when the hand points up in the picture, -1 when it points down."""
    x, y = (knuckle - wrist).tolist()
    return float(-y / max(math.hypot(x, y), 1e-6))
