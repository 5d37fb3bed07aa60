"""Intrinsics from pictures of a checkerboard, and that checkerboard to print.

OpenCV's own method (Zhang 2000): corners are found in each picture, refined to a fraction of a
pixel, and one camera is fitted to all of them. Nothing here is imported by the running service.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from edgehands.errors import CalibrationError
from edgehands.pose.camera import Intrinsics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

COLUMNS: Final = 9
ROWS: Final = 6
"""Inner corners of the board: 10 x 7 squares. Odd by even, so that it has one way up."""

MIN_VIEWS: Final = 8
_MAX_ERROR: Final = 1.5
_MIN_TILT: Final = 5.0
_A4_MM: Final = (297.0, 210.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted camera.

    Attributes:
        intrinsics: for pictures of the size that was given.
        distortion: k1, k2, p1, p2, k3 of OpenCV's lens model; the pose ignores it, which costs
            little up to about 70 degrees of view.
        error: root mean square distance between found and predicted corners, pixels.
        views: pictures in which the board was found.
    """

    intrinsics: Intrinsics
    distortion: tuple[float, float, float, float, float]
    error: float
    views: int

    def settings(self) -> str:
        """The lines for the ``[pose]`` table of the configuration file."""
        k = self.intrinsics
        return "\n".join(
            (
                "[pose]",
                f"focal_x = {k.fx:.1f}",
                f"focal_y = {k.fy:.1f}",
                f"center_x = {k.cx:.1f}",
                f"center_y = {k.cy:.1f}",
                f"calibrated_width = {k.width}",
                f"calibrated_height = {k.height}",
            )
        )


def checkerboard(dots_per_mm: float = 11.81) -> NDArray[np.uint8]:
    """The board to print on A4 paper, landscape: grey picture, squares of 25 mm at 300 dpi.

    The size of the squares doesn't matter for the intrinsics, but they must be square and flat:
    print without "fit to page" distortion and stick the sheet to something stiff.
    """
    width, height = (round(mm * dots_per_mm) for mm in _A4_MM)
    side = round(25.0 * dots_per_mm)
    page = np.full((height, width), 255, np.uint8)
    left, top = (width - (COLUMNS + 1) * side) // 2, (height - (ROWS + 1) * side) // 2
    for row in range(ROWS + 1):
        for column in range(COLUMNS + 1):
            if (row + column) % 2 == 0:
                y, x = top + row * side, left + column * side
                page[y : y + side, x : x + side] = 0
    return page


def find_corners(image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """(54, 2) corners of the board in pixels, None where the picture doesn't show all of it.

    Args:
        image: (H, W, 3) RGB or (H, W) grey, uint8.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH + cv2.CALIB_CB_NORMALIZE_IMAGE + cv2.CALIB_CB_FAST_CHECK
    found, corners = cv2.findChessboardCorners(grey, (COLUMNS, ROWS), flags=flags)
    if not found:
        return None
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.01)
    refined = cv2.cornerSubPix(grey, corners, (5, 5), (-1, -1), criteria)
    return np.asarray(refined, np.float32).reshape(-1, 2)


def calibrate(images: Iterable[NDArray[np.uint8]]) -> Calibration:
    """Fit a camera to pictures of the printed checkerboard.

    Args:
        images: at least 8 that show the whole board, all of one size, RGB or grey; near and far,
            tilted to all sides, also towards the picture's corners. 15 are better.

    Raises:
        CalibrationError: pictures of different sizes, too few that show the board, or views so
            much alike that no camera can be told from them.
    """
    size: tuple[int, int] | None = None
    views: list[NDArray[np.float32]] = []
    count = 0
    for image in images:
        count += 1
        height, width = image.shape[:2]
        if size is not None and size != (width, height):
            raise CalibrationError(
                f"picture {count} is {width} x {height}, the first was {size[0]} x {size[1]}: "
                "take all with one setting"
            )
        size = (width, height)
        corners = find_corners(image)
        if corners is not None:
            views.append(corners)
    if size is None or len(views) < MIN_VIEWS:
        raise CalibrationError(
            f"the checkerboard was found in {len(views)} of {count} pictures, {MIN_VIEWS} are "
            "needed: show all of it, flat and in even light"
        )
    board = np.zeros((COLUMNS * ROWS, 3), np.float32)
    board[:, :2] = np.mgrid[0:COLUMNS, 0:ROWS].T.reshape(-1, 2)
    boards: list[NDArray[np.float32]] = [board] * len(views)
    error, matrix, distortion, tilts, _ = cv2.calibrateCamera(
        boards, views, size, np.eye(3), np.zeros(5)
    )
    fx, fy, cx, cy = (
        float(matrix[0, 0]),
        float(matrix[1, 1]),
        float(matrix[0, 2]),
        float(matrix[1, 2]),
    )
    sane = (
        math.isfinite(error)
        and error <= _MAX_ERROR
        and 0.2 < fx / size[0] < 10.0
        and 0.9 < fx / fy < 1.1
        and abs(cx / size[0] - 0.5) < 0.2
        and abs(cy / size[1] - 0.5) < 0.2
    )
    # From one direction, any focal length fits some distance: only different tilts tell.
    spread = math.degrees(float(np.std(np.stack(tilts).reshape(-1, 3)[:, :2], axis=0).max()))
    if spread < _MIN_TILT:
        raise CalibrationError(
            f"the board's tilt varies by {spread:.1f} degrees, {_MIN_TILT:.0f} are needed: tilt "
            "the board to all sides between pictures"
        )
    if not sane:
        raise CalibrationError(
            f"the fit is off by {error:.1f} pixels with focal length {fx:.0f}: tilt the board more "
            "and differently in each picture, and keep it flat and sharp"
        )
    k = [float(v) for v in np.ravel(distortion)[:5]]
    return Calibration(
        Intrinsics(size[0], size[1], fx, fy, cx, cy),
        (k[0], k[1], k[2], k[3], k[4]),
        float(error),
        len(views),
    )
