"""Calibration with a printed checkerboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.calibration.views import calibrate, checkerboard
from edgehands.errors import CalibrationError, ConfigError
from edgehands.pose import PoseConfig, from_fov, intrinsics_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOCAL, CX, CY = 610.0, 330.0, 236.0


def views(count: int, size: tuple[int, int] = (640, 480)) -> list[NDArray[np.uint8]]:
    """Pictures of the printed sheet by a known camera, tilted differently each time."""
    page = checkerboard(dots_per_mm=4.0)
    height, width = page.shape
    matrix = np.array([[FOCAL, 0, CX], [0, FOCAL, CY], [0, 0, 1.0]])
    rng = np.random.default_rng(3)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    sheet = np.hstack([(corners - (width / 2, height / 2)) / 4000.0, np.zeros((4, 1))])
    made = []
    for _ in range(count):
        tilt = rng.uniform(-0.5, 0.5, 3) * (1.0, 1.0, 0.6)
        place = np.array(
            [rng.uniform(-0.05, 0.05), rng.uniform(-0.03, 0.03), rng.uniform(0.36, 0.5)]
        )
        pixels, _ = cv2.projectPoints(sheet, tilt, place, matrix, np.zeros(5))
        warp = cv2.getPerspectiveTransform(
            corners.astype(np.float32), pixels.reshape(4, 2).astype(np.float32)
        )
        picture = cv2.warpPerspective(page, warp, size, flags=cv2.INTER_AREA, borderValue=128.0)
        made.append(np.asarray(picture, np.uint8))
    return made


def test_a_known_camera_is_found_again() -> None:
    """A wrong focal length would put every hand at a wrong distance."""
    found = calibrate(views(14))
    assert found.intrinsics.fx == pytest.approx(FOCAL, rel=0.01)
    assert found.intrinsics.fy == pytest.approx(FOCAL, rel=0.01)
    assert found.intrinsics.cx == pytest.approx(CX, abs=6)
    assert found.intrinsics.cy == pytest.approx(CY, abs=6)
    assert found.error < 0.5
    assert "focal_x = 6" in found.settings()


def test_too_few_views_say_how_many_are_needed() -> None:
    """Somebody who holds the board badly must learn what to do, not get a bad calibration."""
    empty = [np.full((480, 640), 200, np.uint8)] * 5
    with pytest.raises(CalibrationError, match=r"in 3 of 8 pictures, 8 different views are needed"):
        calibrate([*views(3), *empty])


def test_pictures_of_two_sizes_are_refused() -> None:
    """A camera switched to another mode half-way has another focal length in pixels."""
    with pytest.raises(CalibrationError, match=r"picture 9 is 320 x 240, the first was 640 x 480"):
        calibrate([*views(8), np.zeros((240, 320), np.uint8)])


def test_views_that_are_all_alike_are_refused() -> None:
    """From one view only, any focal length fits: the result would be chance."""
    one = views(1)[0]
    with pytest.raises(CalibrationError, match=r"tilt varies by 0.0 degrees, 5 are needed"):
        calibrate([one] * 10)


def test_field_of_view_gives_the_textbook_focal_length() -> None:
    """Without a calibration the field of view from the data sheet must do."""
    k = from_fov(90.0, 640, 480)
    assert k.fx == pytest.approx(320.0)
    assert (k.cx, k.cy) == (320.0, 240.0)
    assert k.horizontal_fov == pytest.approx(90.0)
    with pytest.raises(CalibrationError, match="field of view of 5"):
        from_fov(5.0, 640, 480)


def test_a_calibration_serves_other_picture_sizes() -> None:
    """Changing the resolution must not need a new calibration."""
    config = PoseConfig(focal_x=600.0, center_x=330.0, calibrated_width=640, calibrated_height=480)
    half = intrinsics_of(config, 320, 240)
    assert half.fx == pytest.approx(300.0)
    assert half.cx == pytest.approx(165.0)
    wide = intrinsics_of(config, 1280, 720)
    assert wide.fx == pytest.approx(1200.0)
    assert wide.cy == pytest.approx(360.0)


def test_half_given_settings_are_refused() -> None:
    """A focal length in pixels means nothing without the picture size it belongs to."""
    with pytest.raises(ConfigError, match="calibrated_width"):
        PoseConfig(focal_x=600.0)
    with pytest.raises(ConfigError, match=r"pose.hand_length = 0.05"):
        PoseConfig(hand_length=0.05)
