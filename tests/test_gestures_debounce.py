"""The published gesture neither flickers nor sticks nor lags."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgehands.errors import ConfigError
from edgehands.gestures import EventType, GestureEvent, GesturesConfig, HandInterpreter
from edgehands.gestures.debounce import GestureDebouncer
from edgehands.gestures.static import GESTURES
from edgehands.hand import Gesture, Hand, Handedness
from tests.gesture_hands import frame_of, made_hand

FPS = 30.0
CONFIG = GesturesConfig(taught=False)


def changes(hands: list[Hand], config: GesturesConfig = CONFIG) -> list[tuple[float, str]]:
    """When the published gesture changed, and to what."""
    interpreter = HandInterpreter(config)
    seen: list[tuple[float, str]] = []
    for i, hand in enumerate(hands):
        told = interpreter.interpret(frame_of((hand,), i / FPS, i))
        gesture = told.frame_hands.hands[0].gesture
        assert gesture is not None
        if not seen or seen[-1][1] != gesture.name:
            seen.append((i / FPS, gesture.name))
    return seen


@pytest.mark.parametrize(
    "shape", ["open_palm", "fist", "point", "victory", "three", "four", "ok", "pinch", "rock"]
)
def test_a_still_gesture_of_ten_seconds_never_changes(shape: str) -> None:
    """A lamp that flickers with the hand's tremble is unusable."""
    rng = np.random.default_rng(5)
    hands = [made_hand(shape, noise=0.002, rng=rng) for _ in range(int(10 * FPS))]
    told = changes(hands)
    expected = "point_up" if shape == "point" else shape  # the hand stands upright
    assert [name for _, name in told] == ["none", expected]
    assert told[1][0] <= 0.15


def test_a_new_shape_is_published_within_150_ms() -> None:
    """People repeat a gesture that nothing answers to."""
    rng = np.random.default_rng(6)
    fist = [made_hand("fist", noise=0.001, rng=rng) for _ in range(30)]
    victory = [made_hand("victory", noise=0.001, rng=rng) for _ in range(30)]
    told = changes(fist + victory)
    assert [name for _, name in told] == ["none", "fist", "victory"]
    assert told[1][0] <= 0.15
    assert told[2][0] - 1.0 <= 0.15


def test_a_gesture_does_not_stick() -> None:
    """When the hand relaxes, the lamp must learn it."""
    told = changes([made_hand("victory")] * 20 + [made_hand("relaxed")] * 20)
    assert [name for _, name in told] == ["none", "victory", "none"]
    assert told[2][0] - 20 / FPS <= 0.25


def test_a_single_wrong_frame_changes_nothing() -> None:
    """One bad guess of the model must not ring the doorbell."""
    hands = [made_hand("open_palm")] * 20 + [made_hand("fist")] + [made_hand("open_palm")] * 20
    assert [name for _, name in changes(hands)] == ["none", "open_palm"]


def test_events_tell_start_end_and_loss_once() -> None:
    """An automation that counts gestures must count each once."""
    interpreter = HandInterpreter(CONFIG)
    events: list[GestureEvent] = []
    for i in range(40):
        hands = (made_hand("victory"),) if i < 20 else ()
        events += interpreter.interpret(frame_of(hands, i / FPS, i)).events
    assert [e.event_type for e in events] == [EventType.GESTURE_STARTED, EventType.GESTURE_ENDED]
    assert events[0].gesture == events[1].gesture == "victory"
    assert events[1].duration == pytest.approx(19 / FPS - events[0].t, abs=0.01)


def test_two_hands_are_told_apart() -> None:
    """The left hand's fist must not end the right hand's gesture."""
    interpreter = HandInterpreter(CONFIG)
    for i in range(10):
        right = made_hand("victory", hand_id=1)
        left = made_hand("fist", hand_id=2, side=Handedness.LEFT, at=(0.15, 0.05, 0.6))
        told = interpreter.interpret(frame_of((right, left), i / FPS, i))
    names = [hand.gesture.name for hand in told.frame_hands.hands if hand.gesture]
    assert names == ["victory", "fist"]


def test_each_part_can_be_switched_off() -> None:
    """Users who only want landmarks pay for nothing else and receive nothing else."""
    silent = HandInterpreter(GesturesConfig(enabled=False))
    told = silent.interpret(frame_of((made_hand(),)))
    assert told.frame_hands.hands[0].gesture is None
    assert told.events == ()
    only_moves = GesturesConfig(static=False, taught=False)
    assert [name for _, name in changes([made_hand("fist")] * 20, only_moves)] == ["none"]


def test_damaged_landmarks_are_none_and_do_no_harm() -> None:
    """One frame of not-a-number from a model must not stop the stream."""
    interpreter = HandInterpreter(CONFIG)
    good = made_hand("fist")
    bad = made_hand("fist")
    bad.world_landmarks[:] = np.nan
    bad.landmarks[:] = np.nan
    for i, hand in enumerate([good] * 10 + [bad] + [good] * 10):
        told = interpreter.interpret(frame_of((hand,), i / FPS, i))
    gesture = told.frame_hands.hands[0].gesture
    assert gesture is not None
    assert gesture.name == "fist"


def test_thresholds_that_cross_are_refused() -> None:
    """With the ending score above the starting score every gesture would flicker."""
    with pytest.raises(ConfigError, match="exit_score"):
        GesturesConfig(enter_score=0.5, exit_score=0.6)


def shaped(**scores: float) -> tuple[float, ...]:
    """Scores of the built-in gestures, 0 where none is given."""
    return tuple(scores.get(name, 0.0) for name in GESTURES)


def test_the_score_told_is_the_average_of_the_last_hundredths() -> None:
    """Programs that act on scores above 0.8 would react to single frames, or never."""
    steady = GestureDebouncer(CONFIG)
    t = 0.0
    for _ in range(10):
        told, _ = steady.update(t, shaped(fist=0.9))
        t += 0.03
    assert told.name == "fist"
    assert told.score == pytest.approx(0.9)
    told, change = steady.update(t, shaped(fist=0.6))
    assert change is None
    assert told.score == pytest.approx(0.6 + math.exp(-0.03 / 0.04) * (0.9 - 0.6))


def test_while_another_shape_must_still_last_the_old_one_has_its_own_score() -> None:
    """Its score would drop to nothing, or jump to the other's, in each moment of doubt."""
    steady = GestureDebouncer(CONFIG)
    t = 0.0
    for _ in range(10):
        steady.update(t, shaped(fist=0.9))
        t += 0.03
    told, _ = steady.update(t, shaped(victory=1.0))
    keep = math.exp(-0.03 / 0.04)
    assert told.name == "fist"
    assert told.score == pytest.approx(keep * 0.9)
    # The same where nothing stood before, and with a taught one.
    fresh = GestureDebouncer(CONFIG)
    told, _ = fresh.update(0.0, shaped(fist=0.8))
    assert told.name == "none"
    assert told.score == pytest.approx(0.2)
    told, _ = fresh.update(0.03, shaped(), Gesture("mine", 0.7))
    assert told.name == "none"
    for i in range(10):
        told, _ = fresh.update(0.06 + 0.03 * i, shaped(), Gesture("mine", 0.7))
    assert (told.name, told.score) == ("mine", 0.7)
    told, _ = fresh.update(0.4, shaped(fist=1.0))
    assert (told.name, told.score) == ("mine", 0.0)


def test_of_two_likely_shapes_the_standing_one_stays_until_the_other_is_clearly_better() -> None:
    """Between two shapes that look alike the published one would go to and fro."""
    steady = GestureDebouncer(CONFIG)
    margin = CONFIG.enter_score - CONFIG.exit_score
    own = CONFIG.exit_score + 0.02

    def show(begin: float, **scores: float) -> str:
        for i in range(20):
            told, _ = steady.update(begin + 0.03 * i, shaped(**scores))
        return told.name

    assert show(0.0, fist=0.9) == "fist"
    assert show(1.0, fist=own, victory=own + margin - 0.01) == "fist"
    assert show(2.0, fist=own, victory=own + margin + 0.01) == "victory"
    assert show(3.0, victory=CONFIG.exit_score + 0.01) == "victory"
    assert show(4.0, victory=CONFIG.exit_score - 0.01) == "none"
