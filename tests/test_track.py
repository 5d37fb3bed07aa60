"""One hand over time: where it is expected, how long it keeps its id, when it is read twice."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.tracking.schedule import MotionGate
from edgehands.tracking.smoothing import LONGEST_GAP, HandSmoother
from edgehands.tracking.track import SIDE_WEIGHT, Track
from tests.hands import open_hand
from tests.readings import Seen, follow, reading

if TYPE_CHECKING:
    from edgehands.hand import Roi
    from edgehands.tracking.landmark_model import LandmarkReading

FRAME_S = 1 / 30


def at(x: float, y: float, *, looks_right: float = 0.95) -> LandmarkReading:
    """A hand whose ROI's centre is found there."""
    found = reading(300, 0.95, looks_right=looks_right)
    return replace(found, found_roi=replace(found.found_roi, cx=x, cy=y))


def seen(*places: tuple[float, float]) -> Track:
    """A hand that was at these places, a frame apart."""
    track = Track(1, at(*places[0]), 0.0, mirrored=False, smoothing=False)
    for i, place in enumerate(places[1:], 1):
        track.see(at(*place), i * FRAME_S)
    return track


def test_a_hand_is_expected_where_its_velocity_takes_it() -> None:
    """A fast hand would leave the square that it is looked for in."""
    track = seen((300, 200), (310, 195))
    for frames in (1, 2):
        expected = track.predict((1 + frames) * FRAME_S)
        assert (expected.cx, expected.cy) == pytest.approx((310 + 10 * frames, 195 - 5 * frames))
    far = track.predict(10.0)
    way = math.hypot(far.cx - 310, far.cy - 195)
    assert way == pytest.approx(0.35 * far.size)


@pytest.mark.parametrize("sense", [1, -1])
def test_a_hand_on_a_curve_is_expected_further_along_it(sense: int) -> None:
    """Circling hands would be looked for outside their circle."""
    circle = [
        (300 + 50 * math.cos(sense * 0.3 * i), 240 + 50 * math.sin(sense * 0.3 * i))
        for i in range(4)
    ]
    expected = seen(*circle[:3]).predict(3 * FRAME_S)
    assert (expected.cx, expected.cy) == pytest.approx(circle[3], abs=0.01)


def test_a_hand_that_is_where_it_is_expected_is_no_surprise() -> None:
    """Of two tracks on one hand the better one could not be told from the other."""
    track = seen((300, 200), (310, 200))
    size = track.predict(2 * FRAME_S).size
    assert track.surprise(at(320, 200), 2 * FRAME_S) == pytest.approx(0)
    assert track.surprise(at(320, 200 + size), 2 * FRAME_S) == pytest.approx(1)
    other_side = track.surprise(at(320, 200, looks_right=0.05), 2 * FRAME_S)
    assert other_side == pytest.approx(0.9 * SIDE_WEIGHT)
    track.missed = 1
    assert track.surprise(at(320, 200), 2 * FRAME_S) == pytest.approx(0)
    track.missed = 3
    assert track.surprise(at(320, 200), 2 * FRAME_S) == pytest.approx(0.3)


@pytest.mark.parametrize(("frames", "same"), [(8, True), (9, False)])
def test_a_lost_hand_keeps_its_id_for_eight_frames(frames: int, *, same: bool) -> None:
    """A blink of the light would give a hand another id, or a stranger the id of one who left."""
    there = [Seen(300, 0.95, 0.95)]
    told = follow(lambda i: [] if 10 <= i < 10 + frames else there, 40)
    assert [len(hands) for hands in told[10 : 10 + frames]] == [0] * frames
    assert (told[9][0].id == told[-1][0].id) == same


@pytest.mark.parametrize(("others", "reads"), [((), 2), (((420.0, 240.0),), 1), (((300, 400),), 2)])
def test_a_hand_found_astray_is_read_again_unless_another_is_expected_there(
    others: tuple[tuple[float, float], ...], reads: int
) -> None:
    """Where two hands pass, one would be read as both, and take the other one's id."""
    with HandTracker(TrackingConfig(backend="fake")) as hands:
        looked: list[Roi] = []

        def read(_image: object, roi: Roi, _before: object = None) -> LandmarkReading:
            looked.append(roi)
            return at(420, 240)

        hands._landmarks.read = read  # type: ignore[assignment]
        hands._tracks = [seen((300, 240)), *(seen(place) for place in others)]
        hands._read(np.zeros((480, 640, 3), np.uint8), hands._tracks[0], 0.0)
    assert len(looked) == reads


def test_smoothing_begins_again_after_half_a_second() -> None:
    """A hand that comes back elsewhere would be drawn on its way there."""
    for gap, smoothed in ((LONGEST_GAP - 0.01, True), (0.51, False)):
        smoother = HandSmoother()
        points = (100 * open_hand()).astype(np.float32)
        smoother.smooth(points, open_hand(), 80.0, 0.0)
        told, _ = smoother.smooth(points + 30, open_hand(), 80.0, gap)
        assert np.array_equal(told, points + 30) != smoothed


@pytest.mark.parametrize(("change", "moved"), [(9, False), (12, True)])
def test_what_is_hardly_darker_than_before_has_not_moved(change: int, *, moved: bool) -> None:
    """A camera's noise would cost a detection in every frame, or a dark hand go unnoticed."""
    gate = MotionGate()
    image = np.full((480, 640, 3), 100, np.uint8)
    gate.keep(image)
    image[100:200, 100:200] += np.uint8(change)
    assert gate.moved(image, []) == moved
