"""Movements are reported once, with the right name and size, and nothing else is."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from edgehands.gestures import EventType, GestureEvent, GesturesConfig, HandInterpreter
from tests.gesture_hands import frame_of, made_hand

FPS = 30.0
HERE = (0.0, 0.05, 0.6)
Place = tuple[float, float, float]
Steps = list[dict[str, Any]]
Setting = Literal["sure", "eager"]


def hold(at: Place, frames: int, **more: Any) -> Steps:
    """The hand rests."""
    return [{"at": at, **more} for _ in range(frames)]


def move(start: Place, end: Place, frames: int, roll: tuple[float, float] = (0, 0)) -> Steps:
    """The hand goes from one place and turn to another, slowly at both ends."""
    steps = []
    for i in range(frames):
        u = (i + 1) / frames
        part = 3 * u * u - 2 * u**3
        at = tuple(a + (b - a) * part for a, b in zip(start, end, strict=True))
        steps.append({"at": at, "roll": roll[0] + (roll[1] - roll[0]) * part})
    return steps


def play(
    steps: Steps, shape: str = "open_palm", seed: int = 0, movements: Setting = "sure"
) -> list[GestureEvent]:
    """The movements reported for a hand with a little noise, until it is lost."""
    rng = np.random.default_rng(seed)
    interpreter = HandInterpreter(GesturesConfig(taught=False, movements=movements))
    events: list[GestureEvent] = []
    for i, step in enumerate(steps):
        hand = made_hand(**{"shape": shape, **step}, noise=0.0015, rng=rng)
        events += interpreter.interpret(frame_of((hand,), i / FPS, i)).events
    events += interpreter.interpret(frame_of((), len(steps) / FPS + 1.0)).events
    told = (EventType.GESTURE_STARTED, EventType.GESTURE_ENDED)
    return [e for e in events if e.event_type not in told]


ENDS = {
    EventType.SWIPE_LEFT: (-0.24, 0.0),
    EventType.SWIPE_RIGHT: (0.24, 0.0),
    EventType.SWIPE_UP: (0.0, -0.24),
    EventType.SWIPE_DOWN: (0.0, 0.24),
}


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("fps_factor", [1, 2])
def test_a_swipe_is_told_once_with_its_size(kind: EventType, fps_factor: int) -> None:
    """The next song must come once, on fast and slow cameras."""
    dx, dy = ENDS[kind]
    start, end = (-dx / 2, 0.05 - dy / 2, 0.6), (dx / 2, 0.05 + dy / 2, 0.6)
    steps = hold(start, 20) + move(start, end, 9) + hold(end, 20)
    events = play(steps[::fps_factor] if fps_factor > 1 else steps)
    assert [e.event_type for e in events] == [kind]
    event = events[0]
    assert event.distance == pytest.approx(0.24, rel=0.2)
    assert event.dx == pytest.approx(dx * 560 / 0.6 / 640, abs=0.08)
    assert event.dy == pytest.approx(dy * 560 / 0.6 / 480, abs=0.08)
    assert event.speed is not None
    assert event.speed > 0.3


def test_the_hand_that_comes_back_is_no_second_swipe() -> None:
    """After a swipe to the left the hand returns; going back a page then would undo it."""
    start, end = (0.12, 0.05, 0.6), (-0.12, 0.05, 0.6)
    steps = hold(start, 20) + move(start, end, 9) + hold(end, 8) + move(end, start, 9)
    events = play(steps + hold(start, 20))
    assert [e.event_type for e in events] == [EventType.SWIPE_LEFT]


def test_a_swipe_may_leave_the_picture() -> None:
    """Large swipes end outside the picture, where their end isn't visible."""
    start, end = (0.1, 0.05, 0.6), (-0.3, 0.05, 0.6)
    events = play(hold(start, 20) + move(start, end, 12)[:8])
    assert [e.event_type for e in events] == [EventType.SWIPE_LEFT]


def test_slow_and_small_movements_are_nothing() -> None:
    """A hand that moves about while its owner talks must not turn pages."""
    end = (-0.2, 0.05, 0.6)
    assert play(hold(HERE, 20) + move(HERE, end, 60) + hold(end, 20)) == []
    near = (0.05, 0.05, 0.6)
    assert play(hold(HERE, 20) + move(HERE, near, 4) + hold(near, 20)) == []
    assert play(hold(HERE, 300)) == []


def test_a_fist_does_not_swipe() -> None:
    """Carrying something past the camera is no gesture."""
    start, end = (0.12, 0.05, 0.6), (-0.12, 0.05, 0.6)
    steps = hold(start, 20) + move(start, end, 9) + hold(end, 20)
    assert play(steps, shape="fist") == []


def test_push_and_pull_tell_the_way() -> None:
    """A button in the air is pressed by pushing, and let go by pulling."""
    near = (0.0, 0.05, 0.42)
    pushed = play(hold(HERE, 20) + move(HERE, near, 10) + hold(near, 20))
    assert [e.event_type for e in pushed] == [EventType.PUSH]
    assert pushed[0].distance == pytest.approx(0.18, abs=0.05)
    pulled = play(hold(near, 20) + move(near, HERE, 10) + hold(HERE, 20))
    assert [e.event_type for e in pulled] == [EventType.PULL]


@pytest.mark.parametrize("from_elbow", [True, False])
def test_a_wave_is_one_wave_and_no_swipe(from_elbow: bool) -> None:
    """A greeting must not turn pages of the photo album."""
    a, b = ((-0.06, 0.05, 0.6), (0.06, 0.05, 0.6)) if from_elbow else (HERE, HERE)
    steps = hold(a, 15)
    for _ in range(4):
        steps += move(a, b, 7, roll=(-20, 20)) + move(b, a, 7, roll=(20, -20))
    events = play(steps + hold(a, 30, roll=-20))
    assert [e.event_type for e in events] == [EventType.WAVE]
    assert events[0].t < 15 / FPS + 1.3


@pytest.mark.parametrize("angle", [60.0, -45.0])
@pytest.mark.parametrize("shape", ["open_palm", "pinch", "fist"])
def test_a_rotation_tells_its_angle(angle: float, shape: str) -> None:
    """Turning an imagined knob by 60 degrees should turn the volume by as much."""
    steps = hold(HERE, 20) + move(HERE, HERE, 14, roll=(0, angle)) + hold(HERE, 20, roll=angle)
    events = play(steps, shape=shape)
    assert [e.event_type for e in events] == [EventType.ROTATE]
    assert events[0].angle == pytest.approx(angle, abs=8)


def test_pinch_and_drag_tells_its_displacement() -> None:
    """Dragging a thing across a wall needs to know how far."""
    end = (0.1, 0.0, 0.6)
    dragged = [{**step, "shape": "pinch"} for step in move(HERE, end, 25)]
    steps = hold(HERE, 10) + hold(HERE, 8, shape="pinch") + dragged
    events = play(steps + hold(end, 5, shape="pinch") + hold(end, 15))
    assert [e.event_type for e in events] == [EventType.PINCH_DRAG]
    assert events[0].distance == pytest.approx(0.112, rel=0.25)
    assert events[0].dx == pytest.approx(0.1 * 560 / 0.6 / 640, abs=0.04)
    assert events[0].dy == pytest.approx(-0.05 * 560 / 0.6 / 480, abs=0.04)


def test_a_pinch_that_stays_is_no_drag() -> None:
    """A click is not a drag."""
    assert play(hold(HERE, 10) + hold(HERE, 20, shape="pinch") + hold(HERE, 15)) == []


NOT_MEANT: dict[str, tuple[Steps, str, set[EventType]]] = {
    # Somebody has finished talking, and the arm drops to the side: the hand ends pointing down.
    "an arm that drops": (
        hold((0.0, -0.1, 0.6), 20)
        + move((0.0, -0.1, 0.6), (0.0, 0.2, 0.6), 9, roll=(0, 100))
        + hold((0.0, 0.2, 0.6), 20, roll=100),
        "open_palm",
        {EventType.SWIPE_DOWN, EventType.ROTATE},
    ),
    # A signing hand is never at rest before it goes somewhere else.
    "from one sign to the next": (
        hold((0.1, 0.0, 0.6), 20)
        + move((0.1, 0.0, 0.6), (0.1, 0.1, 0.6), 8)
        + move((0.1, 0.1, 0.6), (-0.14, 0.1, 0.6), 9)
        + hold((-0.14, 0.1, 0.6), 20),
        "open_palm",
        {EventType.SWIPE_LEFT, EventType.SWIPE_DOWN},
    ),
    # Nobody pushes 20 cm in a tenth of a second: the hand's size was misread.
    "a leap to the camera": (
        hold(HERE, 20) + move(HERE, (0.0, 0.05, 0.4), 3) + hold((0.0, 0.05, 0.4), 20),
        "open_palm",
        {EventType.PUSH},
    ),
    # A hand that swings past the camera comes nearer on its way.
    "past the camera": (
        hold((0.16, 0.05, 0.65), 20)
        + move((0.16, 0.05, 0.65), (-0.02, 0.05, 0.47), 12)
        + hold((-0.02, 0.05, 0.47), 20),
        "fist",
        {EventType.PUSH},
    ),
    # Resting fingers touch, shift a little and part.
    "a pinch by chance": (
        hold(HERE, 10)
        + hold(HERE, 4, shape="pinch")
        + [{**step, "shape": "pinch"} for step in move(HERE, (0.05, 0.05, 0.6), 5)]
        + hold((0.05, 0.05, 0.6), 15),
        "open_palm",
        {EventType.PINCH_DRAG},
    ),
}


@pytest.mark.parametrize("name", NOT_MEANT)
def test_who_does_not_command_is_not_obeyed(name: str) -> None:
    """Lamps must not go out because somebody talks with their hands; all movements on request."""
    steps, shape, eager = NOT_MEANT[name]
    assert play(steps, shape=shape) == []
    told = {event.event_type for event in play(steps, shape=shape, movements="eager")}
    assert told
    assert told <= eager
