"""The loop's policy: ids, misses, when detection runs, and what bad frames do.

The fake backend sees a hand wherever the frame has a bright disc, so every case is exact.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands import Handedness, HandTracker, Roi, TrackingConfig
from edgehands.errors import ConfigError, FrameError
from edgehands.geometry.roi import landmarks_roi
from edgehands.tracking.association import claim
from edgehands.tracking.landmark_model import LandmarkReading
from edgehands.tracking.schedule import IDLE_AFTER, INTERVAL_IDLE, SPARING
from edgehands.tracking.track import Track
from edgehands.tracking.tracker import MISSES_TOLERATED
from tests.hands import frame, open_hand
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from edgehands import Hand

FPS = 30


def tracker(**settings: object) -> HandTracker:
    """A tracker on the fake backend."""
    return HandTracker(TrackingConfig(backend="fake", **settings))  # type: ignore[arg-type]


def play(
    hands: HandTracker, frames: Iterable[NDArray[np.uint8]], start: int = 0
) -> list[tuple[Hand, ...]]:
    """The hands of each frame, at 30 fps from frame ``start`` on."""
    return [hands.process(f, (start + i) / FPS) for i, f in enumerate(frames)]


def ids(seen: Iterable[tuple[Hand, ...]]) -> list[list[int]]:
    """The ids in each frame."""
    return [[hand.id for hand in hands] for hands in seen]


def test_a_hand_is_found_where_it_is() -> None:
    """Landmarks must be in the frame's own pixels, whatever the models' inputs are."""
    (hand,) = tracker().process(frame((400, 200), diameter=100), 0)
    assert hand.landmarks.shape == hand.world_landmarks.shape == (21, 3)
    assert hand.landmarks.dtype == hand.world_landmarks.dtype == np.float32
    expected = open_hand() * 100 + (400, 200, 0)
    assert np.abs(hand.landmarks - expected).max() < 6
    assert hand.handedness is Handedness.RIGHT
    assert 0.9 < hand.handedness_score <= 1
    assert hand.presence == pytest.approx(0.99)


def test_mirrored_frames_swap_sides() -> None:
    """In a selfie view a right hand looks like a left one; the person's side is what counts."""
    (hand,) = tracker(mirrored=True).process(frame((300, 200)), 0)
    assert hand.handedness is Handedness.LEFT


def test_id_stays_while_the_hand_moves() -> None:
    """A subscriber follows a hand by its id: it must not change on the way."""
    path = [frame((100 + 12 * i, 240 + 60 * math.sin(i / 5))) for i in range(36)]
    assert ids(play(tracker(), path)) == [[1]] * 36


def test_fast_hand_is_followed_by_prediction() -> None:
    """A hand that moves most of a palm a frame would outrun a ROI that only follows."""
    hands = tracker(max_hands=1)
    path = [frame((60 + 0.5 * 2 * i * i, 240), diameter=100) for i in range(22)]
    assert ids(play(hands, path)) == [[1]] * 22
    assert hands.workload.palm_runs == 1


def test_ids_are_never_reused() -> None:
    """A new hand under an old id would be taken for the one that left."""
    hands = tracker()
    gone = [frame()] * (MISSES_TOLERATED + 2)
    seen = play(hands, [frame((200, 200)), *gone, frame((450, 300))])
    assert ids(seen) == [[1], *[[]] * len(gone), [2]]
    hands.reset()
    assert ids(play(hands, [frame((200, 200))])) == [[3]]


def test_a_short_miss_keeps_the_id() -> None:
    """One bad frame must not make a new hand of an old one."""
    hands = tracker()
    missing = [frame()] * MISSES_TOLERATED
    seen = play(hands, [frame((200, 200)), *missing, frame((210, 200)), frame((215, 200))])
    assert ids(seen) == [[1], *[[]] * MISSES_TOLERATED, [1], [1]]


def test_at_most_max_hands() -> None:
    """The configured number is a promise about cost."""
    three = frame((120, 120), (320, 240), (520, 360), diameter=90)
    for limit in (1, 2, 3):
        assert len(tracker(max_hands=limit).process(three, 0)) == limit


def test_second_hand_joins() -> None:
    """A second hand must be found while the first is followed."""
    one, both = frame((150, 200)), frame((150, 200), (450, 250))
    seen = ids(play(tracker(), [one] * 40 + [both] * SPARING.last))
    assert seen[39] == [1]
    assert seen[-1] == [1, 2]


def test_two_tracks_on_one_hand_become_one() -> None:
    """When two hands merge into one for the eye, one id must remain: the older."""
    apart = [frame((200 + 4 * i, 240), (440 - 4 * i, 240), diameter=110) for i in range(26)]
    merged = [frame((320, 240), diameter=130)] * (MISSES_TOLERATED + 4)
    seen = ids(play(tracker(), apart + merged))
    assert seen[0] == [1, 2]
    assert seen[-1] == [1]


def reading_at(x: float, *, looks_right: float = 0.95) -> LandmarkReading:
    """An open hand, 100 pixels tall, around (x, 240)."""
    landmarks = (open_hand() * 100 + (x, 240, 0)).astype(np.float32)
    roi = Roi(x, 240, 200, 0)
    thumbnail = np.zeros((28, 28, 3), np.uint8)
    found = landmarks_roi(landmarks)
    return LandmarkReading(roi, found, 0.99, looks_right, landmarks, open_hand(), thumbnail)


def track_at(number: int, x: float, **side: float) -> Track:
    """A track of the hand at (x, 240), begun at second 0."""
    return Track(number, reading_at(x, **side), 0.0, mirrored=False, smoothing=False)


def test_a_hand_that_passes_before_another_keeps_its_own_id() -> None:
    """While one hand hides another, the older id must not move over to the hand in front."""
    hidden, front = track_at(1, 200), track_at(2, 260)
    claims: list[tuple[Track, LandmarkReading]] = []
    for track in (hidden, front):  # both now see the front hand
        claim(claims, track, reading_at(255), 1 / FPS)
    assert [track.id for track, _ in claims] == [2]
    left, right = track_at(3, 250, looks_right=0.02), track_at(4, 260)
    claims = []
    for track in (left, right):
        claim(claims, track, reading_at(255), 1 / FPS)
    assert [track.id for track, _ in claims] == [4]


def test_of_two_tracks_on_one_hand_the_older_stays() -> None:
    """Where both fit alike, subscribers keep the id that they know."""
    claims: list[tuple[Track, LandmarkReading]] = []
    for track in (track_at(1, 252), track_at(2, 255)):
        claim(claims, track, reading_at(255), 1 / FPS)
    assert [track.id for track, _ in claims] == [1]


def test_detection_rests_while_all_hands_are_tracked() -> None:
    """Palm detection on every frame is what makes others slow and hot."""
    hands = tracker(max_hands=1)
    play(hands, [frame((200 + i, 200)) for i in range(60)])
    assert hands.workload.palm_runs == 1
    assert hands.workload.landmark_runs == 60


def test_detection_is_rare_beside_a_tracked_hand() -> None:
    """With one of two hands seen, looking for the other must cost little."""
    hands = tracker(max_hands=2)
    play(hands, [frame((200, 200))] * 160)
    assert hands.workload.palm_runs <= 1 + 160 / SPARING.last + 3


@pytest.mark.parametrize("empty", [30, 31])
def test_a_hand_that_comes_in_is_seen_in_its_first_frame(empty: int) -> None:
    """An empty, still picture costs half of the detections, and a hand must not wait for that."""
    hands = tracker()
    play(hands, [frame()] * empty)
    # Every eighth look is at the enlarged middle as well.
    assert hands.workload.palm_runs <= empty * 9 / 16 + 1
    assert len(hands.process(frame((300, 300)), (empty + 1) / FPS)) == 1


def test_empty_room_is_looked_at_rarely_until_something_moves() -> None:
    """An empty room must leave the Pi cool, and still a hand must not wait."""
    hands = tracker()
    play(hands, [frame()] * IDLE_AFTER)
    before = hands.workload.palm_runs
    play(hands, [frame()] * 100, IDLE_AFTER)
    assert hands.workload.palm_runs - before <= 100 / INTERVAL_IDLE + 1
    seen = play(hands, [frame((300, 300))] * 2, IDLE_AFTER + 100)
    assert len(seen[-1]) == 1


def test_static_image_takes_every_frame_alone() -> None:
    """A folder of unrelated photos must not be followed like a film."""
    hands = tracker(static_image=True)
    seen = play(hands, [frame((200, 200)), frame((400, 200)), frame()])
    assert ids(seen) == [[1], [2], []]
    assert hands.workload.palm_runs == 3


def test_same_frames_same_hands() -> None:
    """Whoever records a session must be able to repeat it."""
    rng = np.random.default_rng(1)
    path = [
        frame((200 + 5 * i, 200), (500 - 3 * i, 300))
        + rng.integers(0, 9, (480, 640, 3), dtype=np.uint8)
        for i in range(40)
    ]
    first, second = play(tracker(), path), play(tracker(), path)
    for one, other in zip(first, second, strict=True):
        assert [h.id for h in one] == [h.id for h in other]
        for a, b in zip(one, other, strict=True):
            assert (a.landmarks == b.landmarks).all()
            assert (a.world_landmarks == b.world_landmarks).all()


def test_smoothing_calms_a_still_hand_and_follows_a_moving_one() -> None:
    """A still hand must stand still on the screen; a moving one must not trail behind."""
    rng = np.random.default_rng(2)
    # As restless as the real models under sensor noise: half a percent of palm size, rms.
    shaky = [frame((300 + rng.normal(0, 0.25), 240 + rng.normal(0, 0.25))) for _ in range(90)]

    def restlessness(*, smoothing: bool) -> float:
        seen = play(tracker(max_hands=1, smoothing=smoothing), shaky)
        points = np.stack([hands[0].landmarks[:, :2] for hands in seen[30:]])
        return float(np.abs(np.diff(points, axis=0)).mean())

    assert restlessness(smoothing=True) < 0.5 * restlessness(smoothing=False)
    moving = [frame((100 + 15 * i, 240)) for i in range(30)]
    seen = play(tracker(max_hands=1), moving)
    behind = (100 + 15 * 29) - seen[-1][0].landmarks[:, 0].mean()
    assert behind < 15 + 8  # one frame's way, and the fake hand's own offset


def test_async_detection_finds_hands_and_leaves_no_thread() -> None:
    """Detection beside the loop must find the same hands and end with the tracker."""
    before = threading.active_count()
    with tracker(async_detection=True) as hands:
        assert wait_for(lambda: len(hands.process(frame((150, 200), (450, 250)))) == 2, every=0)
    assert threading.active_count() == before


def test_async_failure_reaches_the_caller() -> None:
    """A dead detection thread must end the service, which is restarted; silence would not."""
    with tracker(async_detection=True) as hands:

        def broken() -> None:
            raise RuntimeError("the model broke")

        hands._detector.infer = broken  # type: ignore[assignment]
        hands.process(frame())
        assert hands._beside is not None
        hands._beside._thread.join(5)
        with pytest.raises(RuntimeError, match="the model broke"):
            hands.process(frame())


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4), np.uint8), r"shape \(4, 4\), not \(height, width, 3\)"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
        (np.zeros((2, 32767, 3), np.uint8), "32767 x 2 pixels, more than 32766 a side"),
        (np.zeros((4, 4, 3), np.uint16), "uint16, not a uint8 array"),
        (np.zeros((4, 4, 3), np.float32), "float32, not a uint8 array"),
        (None, "NoneType, not a uint8 array"),
    ],
)
def test_wrong_images_are_refused(image: NDArray[np.uint8], message: str) -> None:
    """A grey, RGBA or 16-bit frame must be named, not read as nonsense."""
    hands = tracker()
    with pytest.raises(FrameError, match=message):
        hands.process(image, 0)
    assert len(hands.process(frame((300, 200)), 0)) == 1  # and nothing is lost


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (8000, 6000), (7, 3)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    """Frames of any size are frames."""
    hands = tracker()
    assert hands.process(np.zeros((size[1], size[0], 3), np.uint8), 0) == ()


def test_views_are_welcome() -> None:
    """Flipped channels and slices of larger arrays are what OpenCV users have."""
    image = np.repeat(frame((300, 200)), 2, axis=1)[:, ::2, ::-1]
    assert len(tracker().process(image, 0)) == 1


def test_frame_is_not_kept() -> None:
    """A caller may reuse its buffer: what was told must not change behind its back."""
    image = frame((300, 200))
    hands = tracker(smoothing=False)
    (hand,) = hands.process(image, 0)
    before = hand.landmarks.copy()
    image[...] = frame((500, 300))
    hands.process(image, 1)
    assert (hand.landmarks == before).all()


def test_time_must_not_run_backwards() -> None:
    """A clock that jumps back would make speeds, and so predictions, nonsense."""
    hands = tracker()
    hands.process(frame(), 5.0)
    with pytest.raises(FrameError, match=r"timestamp 4\.9 is before the last frame's 5\.0"):
        hands.process(frame(), 4.9)
    with pytest.raises(FrameError, match="nan"):
        hands.process(frame(), math.nan)
    hands.process(frame(), 5.0)
    hands.reset()
    hands.process(frame(), 0.0)


@pytest.mark.parametrize(
    "settings",
    [{"max_hands": 0}, {"max_hands": 9}, {"presence": 1.5}, {"palm_score": 0.0}],
)
def test_settings_out_of_range(settings: dict[str, float]) -> None:
    """A setting that can't work must be refused with its limits."""
    with pytest.raises(ConfigError, match=next(iter(settings))):
        tracker(**settings)
