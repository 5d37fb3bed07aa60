"""What must not break a tracker: threads, callers who edit what they got, numbers that are none."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from edgehands import HandTracker, Roi, TrackingConfig
from edgehands.errors import ConfigError, FrameError
from edgehands.tracking.schedule import IDLE_AFTER, MotionGate
from tests.hands import frame
from tests.test_tracker import FPS, ids, play, tracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edgehands import Hand
    from edgehands.model_store import Role


def test_several_threads_may_share_a_tracker() -> None:
    """A web server's threads got the runtime's own words: "reference to internal data"."""
    picture = frame((300, 240))
    with HandTracker(TrackingConfig(backend="cpu", model="lite")) as hands:
        good: list[int] = []
        trouble: list[BaseException] = []

        def work() -> None:
            try:
                for _ in range(15):
                    hands.process(picture)
                    good.append(1)
            except BaseException as error:  # noqa: BLE001 - shown below
                trouble.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not trouble
    assert len(good) == 60


@pytest.mark.parametrize("smoothing", [True, False])
def test_what_was_told_cannot_be_edited_into_the_next_frames(*, smoothing: bool) -> None:
    """A caller who mirrored the points in place moved the hand in all frames that followed."""
    clean, edited = tracker(smoothing=smoothing), tracker(smoothing=smoothing)
    path = [frame((200 + 6 * i, 240)) for i in range(8)]
    expected = play(clean, path)
    for i, image in enumerate(path):
        (hand,) = edited.process(image, i / FPS)
        for points in (hand.landmarks, hand.world_landmarks):
            with pytest.raises(ValueError, match="read-only"):
                points[:, 0] = 0
        np.testing.assert_array_equal(hand.landmarks, expected[i][0].landmarks)
        own = hand.landmarks.copy()
        own[:, 0] *= -1  # a copy is the caller's


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("role", ["landmarks", "world_landmarks", "presence", "handedness"])
@pytest.mark.parametrize("place", [0, -1])
def test_an_answer_that_is_no_number_is_no_hand(bad: float, role: Role, place: int) -> None:
    """One such answer ended the service: "cannot convert float NaN to integer"."""
    hands = tracker()
    model = hands._landmarks._model
    output: Callable[[Role], NDArray[np.float32]] = model.output
    broken = False

    def answer(asked: Role) -> NDArray[np.float32]:
        values = output(asked)
        if broken and asked == role:
            values[place] = bad
        return values

    model.output = answer  # type: ignore[assignment, method-assign]
    assert len(hands.process(frame((300, 240)), 0)) == 1
    broken = True
    seen = hands.process(frame((304, 240)), 1 / FPS)
    assert seen == () or (role == "presence" and bad == math.inf)
    broken = False
    (hand,) = hands.process(frame((308, 240)), 2 / FPS)
    assert hand.id == 1
    assert np.isfinite(hand.landmarks).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e30])
@pytest.mark.parametrize("place", [0, 2, 4, 9])
def test_a_palm_that_is_no_number_is_none(bad: float, place: int) -> None:
    """A palm's box of such numbers made a ROI that no picture could be cut out of."""
    hands = tracker()
    model = hands._detector._model
    run = model.run

    def broken() -> None:
        run()
        boxes = model.raw("boxes")
        boxes[model.raw("scores")[:, 0] > 0, place] = bad

    model.run = broken  # type: ignore[method-assign]
    assert all(np.isfinite(h.landmarks).all() for h in hands.process(frame((300, 240)), 0))
    model.run = run  # type: ignore[method-assign]
    hands.process(frame((300, 240)), 1 / FPS)  # a still picture is looked at every second frame
    assert len(hands.process(frame((300, 240)), 2 / FPS)) == 1


@pytest.mark.parametrize(
    "roi",
    [
        Roi(math.nan, 1, 1, 0),
        Roi(1, math.inf, 100, 0),
        Roi(1, 1, 0, 0),
        Roi(1, 1, -5, 0),
        Roi(1, 1, math.nan, 0),
        Roi(1, 1, 100, math.nan),
        Roi(1e300, 1, 100, 0),
        Roi(1, 1, 1e300, 0),
    ],
)
def test_there_is_no_hand_in_a_roi_that_is_none(roi: Roi) -> None:
    """A hand of no size divides by nothing in the frame after it."""
    assert tracker()._landmarks.read(frame((300, 240)), roi) is None


@pytest.mark.parametrize("t", [math.inf, -math.inf, math.nan])
def test_a_time_that_is_none_is_refused_and_changes_nothing(t: float) -> None:
    """A frame at infinity made every later one too early, for ever."""
    hands = tracker()
    hands.process(frame((300, 240)), 0)
    with pytest.raises(FrameError, match="is no time"):
        hands.process(frame((300, 240)), t)
    assert ids([hands.process(frame((300, 240)), 1 / FPS)]) == [[1]]


def test_thresholds_can_be_changed_while_tracking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tuned them by a slider changed nothing: they were read once."""
    monkeypatch.setattr("edgehands.backends.fake._SURE", 0.9)
    monkeypatch.setattr("edgehands.backends.fake._SURE_LOGIT", 2.0)  # a score of 0.88
    hands = tracker()
    usual = hands.config
    assert ids([hands.process(frame((300, 240)), 0)]) == [[1]]
    for strict in ({"presence": 0.95}, {"palm_score": 0.95}):
        hands.reconfigure(msgspec.structs.replace(usual, **strict))
        assert hands.config != usual
        assert hands.process(frame((300, 240)), 0) == ()
    hands.config = usual
    assert ids([hands.process(frame((300, 240)), 0)]) == [[2]]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "lite"},
        {"precision": "float"},
        {"num_threads": 3},
        {"async_detection": True},
        {"static_image": True},
        {"backend": "cpu"},
        {"edgetpu_palm": True},
    ],
)
def test_what_needs_another_tracker_is_refused(change: dict[str, object]) -> None:
    """A setting that was accepted silently and had no effect would be searched for long."""
    hands = tracker()
    before = hands.config
    with pytest.raises(ConfigError, match=next(iter(change))):
        hands.reconfigure(msgspec.structs.replace(before, **change))
    assert hands.config is before


class Slow:
    """A detection that ends when it is told to."""

    def __init__(self, hands: HandTracker) -> None:
        self.begun, self.end = threading.Semaphore(0), threading.Semaphore(0)
        self._infer = hands._detector.infer
        hands._detector.infer = self  # type: ignore[assignment, method-assign]

    def __call__(self) -> object:
        """Say that it has begun, wait, and detect."""
        self.begun.release()
        assert self.end.acquire(timeout=10)
        return self._infer()


def test_palms_of_the_last_video_are_forgotten() -> None:
    """The first frame of another video showed hands where those of the one before had been."""
    with tracker(async_detection=True) as hands:
        slow = Slow(hands)
        hands.process(frame((200, 240)), 0)
        assert slow.begun.acquire(timeout=10)
        hands.reset()
        slow.end.release()
        beside = hands._beside
        assert beside is not None
        while beside.busy:  # what was asked before the reset comes to its end, unheard
            pass
        assert beside.take() is None
        hands.process(frame((200, 240)), 0)
        assert slow.begun.acquire(timeout=10)
        slow.end.release()
        while not beside._result:
            pass
        hands.reset()
        assert beside.take() is None


def test_the_motion_gate_keeps_only_what_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hand that came while a detection ran was taken for the furniture, and waited for."""
    kept: list[NDArray[np.uint8]] = []
    monkeypatch.setattr(MotionGate, "keep", lambda _gate, image: kept.append(image))
    with tracker(async_detection=True) as hands:
        slow = Slow(hands)
        play(hands, [frame()] * 5)
        assert slow.begun.acquire(timeout=10)
        assert len(kept) == 1
        slow.end.release()


def test_a_hand_may_come_while_a_detection_runs_in_an_empty_room() -> None:
    """The same, seen from outside: it must be found as soon as the next look ends."""
    with tracker(async_detection=True) as hands:
        slow = Slow(hands)
        for _ in range(IDLE_AFTER + 30):
            slow.end.release()
        n = 0

        def step(image: NDArray[np.uint8]) -> tuple[Hand, ...]:
            nonlocal n
            n += 1
            return hands.process(image, n / FPS)

        assert hands._beside is not None
        for _ in range(IDLE_AFTER + 1):
            step(frame())
            while hands._beside._asked:
                pass
        seen: tuple[Hand, ...] = ()
        for _ in range(6):
            seen = step(frame((300, 240)))
            while hands._beside._asked:
                pass
        assert len(seen) == 1
