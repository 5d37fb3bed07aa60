"""Which palm and which reading belong to which track, and where no hand is looked for again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.errors import FrameError
from edgehands.hand import PalmDetection, Roi
from edgehands.tracking.association import bounds, claim, lost_at, was_lost_at
from edgehands.tracking.checks import checked_frame
from edgehands.tracking.doubt import RefusedPlaces
from edgehands.tracking.filling import read_filling
from edgehands.tracking.track import Track
from tests.hands import frame
from tests.readings import Seen, palm, reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.tracking.landmark_model import LandmarkReading


def lost(x: float) -> Track:
    """A hand around (x, 240) that wasn't seen in the last frame."""
    track = Track(1, reading(x, 0.95), 0.0, mirrored=False, smoothing=False)
    track.missed = 1
    return track


def found_from(track: Track, away: float) -> LandmarkReading:
    """A hand whose middle knuckle lies so far below a track's ROI's centre, in the ROI's sizes."""
    roi = track.predict(0.0)
    found = reading(300, 0.95)
    shift = (roi.cx - found.landmarks[9, 0], roi.cy + away * roi.size - found.landmarks[9, 1], 0)
    return replace(found, landmarks=found.landmarks + np.array(shift, np.float32))


def test_a_hand_found_within_half_a_roi_of_a_lost_one_is_that_one() -> None:
    """Further away it would inherit the id of a hand that left, nearer it would get a new one."""
    track = lost(300)
    assert lost_at([track], found_from(track, 0.45), 0.0) is track
    assert lost_at([track], found_from(track, 0.55), 0.0) is None
    track.missed = 0
    assert lost_at([track], found_from(track, 0.0), 0.0) is None


def test_of_two_lost_hands_the_nearest_is_found_again() -> None:
    """Two hands that cross and are lost would come back with each other's ids."""
    far, near = lost(280), lost(310)
    assert lost_at([far, near], reading(312, 0.95), 0.0) is near
    assert lost_at([near, far], reading(278, 0.95), 0.0) is far


def test_a_palm_is_where_a_hand_was_lost_if_its_middle_knuckle_is() -> None:
    """A palm in a lost hand's place is read again at once; one next to it would cost a reading."""
    track = lost(300)
    roi = track.predict(0.0)
    points = np.full((7, 2), (roi.cx + 2 * roi.size, roi.cy), np.float32)
    points[2] = roi.cx, roi.cy + 0.45 * roi.size
    box = np.array([0, 0, 100, 100], np.float32)
    assert was_lost_at([track], PalmDetection(box, points, 0.9), 0.0)
    points[2, 1] = roi.cy + 0.55 * roi.size
    assert not was_lost_at([track], PalmDetection(box, points, 0.9), 0.0)


def test_of_two_tracks_on_one_hand_the_older_keeps_it_unless_the_younger_fits_better() -> None:
    """When a hand passes before another, ids would change hands."""
    seen = reading(300, 0.95)
    size = seen.found_roi.size

    def beside(share: float) -> Track:
        return Track(1, reading(300 + share * size, 0.95), 0.0, mirrored=False, smoothing=False)

    for older, younger, winner in ((0.15, 0.1, "older"), (0.25, 0.1, "younger")):
        tracks = {"older": beside(older), "younger": beside(younger)}
        claims: list[tuple[Track, LandmarkReading]] = []
        claim(claims, tracks["older"], seen, 0.0)
        claim(claims, tracks["younger"], seen, 0.0)
        assert [track for track, _ in claims] == [tracks[winner]]


def test_the_square_around_a_track_is_its_roi() -> None:
    """Where a hand was drawn smaller than it is, a picture's part of it would be looked at."""
    track = lost(300)
    x0, y0, x1, y1 = bounds(track)
    roi = track.reading.roi
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((roi.cx, roi.cy), abs=1)
    assert (x1 - x0, y1 - y0) == pytest.approx((roi.size, roi.size), abs=1)


def test_where_a_track_was_given_up_no_hand_is_taken_for_two_seconds() -> None:
    """Without an end, a hand could never be shown where a face had been."""
    face = reading(300, 0.8)
    refused = RefusedPlaces()
    refused.refuse(face, ())
    roi = face.roi
    within = replace(roi, cx=roi.cx + 0.45 * roi.size)
    beyond = replace(roi, cx=roi.cx + 0.55 * roi.size)
    for _ in range(60):
        refused.tick()
        assert refused.holds(within)
        assert not refused.holds(beyond)
    refused.tick()
    assert not refused.holds(within)


def test_a_palm_that_was_read_in_vain_is_left_alone_for_four_frames() -> None:
    """Each would cost a reading of the landmark model in every frame, or a hand its start."""
    seen = palm(Seen(300, 0.6, 0.3))
    width = float(seen.box[2] - seen.box[0])

    def moved(x: float, y: float) -> PalmDetection:
        shift = np.array([x * width, y * width], np.float32)
        return PalmDetection(seen.box + np.tile(shift, 2), seen.keypoints + shift, seen.score)

    refused = RefusedPlaces()
    refused.refuse_palm(seen)
    for _ in range(4):
        refused.tick()
        assert refused.holds_palm(seen)
        assert refused.holds_palm(moved(0.1, 0.0))
        assert refused.holds_palm(moved(0.0, -0.1))
        assert not refused.holds_palm(moved(0.2, 0.0))
        assert not refused.holds_palm(moved(0.0, 0.2))
    refused.tick()
    assert not refused.holds_palm(seen)


class Landmarks:
    """A landmark model that sees the same hand wherever it looks."""

    def __init__(self, presence: float, size: float) -> None:
        one = reading(320, presence)
        self.seen = replace(one, found_roi=replace(one.found_roi, size=size))
        self.looked: list[Roi] = []

    def read(self, _image: NDArray[np.uint8], roi: Roi) -> LandmarkReading:
        """Give it."""
        self.looked.append(roi)
        return self.seen


@pytest.mark.parametrize(("presence", "size", "found"), [
    (0.95, 400, True), (0.85, 400, False), (0.95, 200, False),
])  # fmt: skip
def test_a_hand_that_fills_the_picture_is_read_in_all_of_it(
    presence: float, size: float, *, found: bool
) -> None:
    """Nearer than a palm's length, a hand would vanish; a small or doubtful one is no such hand."""
    landmarks = Landmarks(presence, size)
    image = np.zeros((240, 640, 3), np.uint8)
    assert (read_filling(landmarks, image) is not None) == found  # type: ignore[arg-type]
    whole = landmarks.looked[0]
    assert (whole.cx, whole.cy, whole.rotation) == (320, 120, 0)
    assert whole.size == pytest.approx(1.2 * 640)
    assert landmarks.looked[1] == landmarks.seen.found_roi


def test_a_frame_may_be_as_long_as_opencv_can_sample() -> None:
    """A panorama would end in OpenCV's own assertion, or be refused although it works."""
    assert checked_frame(np.zeros((1, 32766, 3), np.uint8)).shape == (1, 32766, 3)
    with pytest.raises(FrameError, match="32767 x 1 pixels, more than 32766 a side"):
        checked_frame(np.zeros((1, 32767, 3), np.uint8))


def test_what_palm_detection_took_is_counted() -> None:
    """The printed times of a stage would be those of nothing."""
    with HandTracker(TrackingConfig(backend="fake")) as hands:
        detector = hands._detector
        took = [detector.seconds]
        assert (detector.runs, took) == (0, [0.0])
        for count in (1, 2):
            detector.detect(frame((300, 240)))
            took.append(detector.seconds)
            assert detector.runs == count
        assert took[0] < took[1] < took[2]
