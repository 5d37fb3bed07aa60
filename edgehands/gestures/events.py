"""The events of gestures and movements, in addition to the gesture of each hand."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from edgehands.hand import FrameHands, Handedness

_DETAILS: Final = ("gesture", "score", "duration", "speed", "angle", "dx", "dy", "distance")


class EventType(enum.StrEnum):
    """The events of this package (``hand_appeared`` and ``hand_lost`` are the publisher's own)."""

    GESTURE_STARTED = "gesture_started"
    GESTURE_ENDED = "gesture_ended"
    SWIPE_LEFT = "swipe_left"
    SWIPE_RIGHT = "swipe_right"
    SWIPE_UP = "swipe_up"
    SWIPE_DOWN = "swipe_down"
    PUSH = "push"
    PULL = "pull"
    WAVE = "wave"
    ROTATE = "rotate"
    PINCH_DRAG = "pinch_drag"


@dataclass(frozen=True, slots=True)
class GestureEvent:
    """Something a hand did, reported once.

    Left, right, up and down refer to the picture. Fields that don't apply to the event's type are
    None.

    Attributes:
        event_type: what happened.
        hand_id: the hand's id.
        handedness: of the person.
        t: when it was recognised, seconds, the clock of ``Frame.t_mono``.
        gesture: name of the gesture that started or ended.
        score: 0..1, of the gesture that started.
        duration: seconds that the movement (or the gesture that ended) took.
        speed: swipes, push, pull, wave, pinch_drag: mean speed in metres a second, for the hand
            size in the pose settings; rotate: degrees a second.
        angle: rotate: degrees, clockwise as seen in the picture is positive.
        dx, dy: swipes, pinch_drag: displacement as parts of the picture's width and height.
        distance: swipes, push, pull, pinch_drag: displacement in metres, positive.
    """

    event_type: EventType
    hand_id: int
    handedness: Handedness
    t: float
    gesture: str | None = None
    score: float | None = None
    duration: float | None = None
    speed: float | None = None
    angle: float | None = None
    dx: float | None = None
    dy: float | None = None
    distance: float | None = None

    def details(self) -> dict[str, Any]:
        """The fields that apply to this event type, as in messages: 4 decimals."""
        values = {name: getattr(self, name) for name in _DETAILS}
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in values.items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement that is over; the fields are those of :class:`GestureEvent`."""

    event_type: EventType
    duration: float
    speed: float
    angle: float | None = None
    dx: float | None = None
    dy: float | None = None
    distance: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Interpretation:
    """A frame's hands with gesture and pose filled in, and what began or ended in it."""

    frame_hands: FrameHands
    events: tuple[GestureEvent, ...]
