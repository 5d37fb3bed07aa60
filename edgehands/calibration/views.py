"""Intrinsics from pictures of a checkerboard (``board.py`` prints it).

OpenCV's own method (Zhang 2000): corners are found in each picture, refined to a fraction of a
pixel, and one camera is fitted to all of them. Nothing here is imported by the running service.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from edgehands.calibration.board import DOTS_PER_MM, Board, board_picture
from edgehands.errors import CalibrationError
from edgehands.pose import Intrinsics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MIN_VIEWS: Final = 8
_MAX_ERROR: Final = 1.5
_MIN_TILT: Final = 5.0

NEW_VIEW: Final = 0.04
"""Least mean distance of the corners from those of each view so far, in picture widths."""

STILL: Final = 0.004
"""Furthest that the corners may move from frame to frame: a moving board is blurred."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted camera.

    Attributes:
        intrinsics: for pictures of the given size.
        distortion: k1, k2, p1, p2, k3 of OpenCV's lens model; the pose ignores it, which costs
            little up to about 70 degrees of view.
        error: root mean square distance between found and predicted corners, pixels.
        views: pictures in which the board was found.
        nearest, furthest: distances of the board from the camera, metres: wrong if its squares
            don't have the stated size, which doesn't affect the intrinsics.
    """

    intrinsics: Intrinsics
    distortion: tuple[float, float, float, float, float]
    error: float
    views: int
    nearest: float
    furthest: float

    def values(self) -> dict[str, float | int]:
        """The keys of the ``[pose]`` table of the configuration file."""
        k = self.intrinsics
        return {
            "focal_x": round(k.fx, 1),
            "focal_y": round(k.fy, 1),
            "center_x": round(k.cx, 1),
            "center_y": round(k.cy, 1),
            "calibrated_width": k.width,
            "calibrated_height": k.height,
        }

    def settings(self) -> str:
        """The lines for the configuration file."""
        return "\n".join(("[pose]", *(f"{key} = {v}" for key, v in self.values().items())))


def checkerboard(dots_per_mm: float = DOTS_PER_MM, board: Board | None = None) -> NDArray[np.uint8]:
    """The board to print on A4 paper, landscape: grey picture, squares of 25 mm at 300 dpi.

    The size of the squares doesn't affect the intrinsics, but they must be square and flat: print
    without "fit to page" distortion and stick the sheet to something stiff.
    """
    return board_picture(board, dots_per_mm)


def find_corners(
    image: NDArray[np.uint8], board: Board | None = None
) -> NDArray[np.float32] | None:
    """(columns * rows, 2) corners of the board in pixels, None if not all of them are visible.

    Args:
        image: (H, W, 3) RGB or (H, W) grey, uint8.
        board: the board; default 9 x 6 inner corners.
    """
    board = board or Board()
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH + cv2.CALIB_CB_NORMALIZE_IMAGE + cv2.CALIB_CB_FAST_CHECK
    found, corners = cv2.findChessboardCorners(grey, (board.columns, board.rows), flags=flags)
    if not found:
        return None
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.01)
    refined = cv2.cornerSubPix(grey, corners, (5, 5), (-1, -1), criteria)
    return np.asarray(refined, np.float32).reshape(-1, 2)


class ViewCollector:
    """Collects views of the board, from chosen pictures or from a stream of frames.

    Args:
        board: the board shown.
        wanted: views after which :attr:`done` is true.
    """

    def __init__(self, board: Board | None = None, wanted: int = 15) -> None:
        self.board = board or Board()
        self.wanted = wanted
        self.views: list[NDArray[np.float32]] = []
        self.looked_at = 0
        self.size: tuple[int, int] | None = None
        self._last: NDArray[np.float32] | None = None

    @property
    def done(self) -> bool:
        """Whether there are as many views as wanted."""
        return len(self.views) >= self.wanted

    def add(self, image: NDArray[np.uint8]) -> bool:
        """Add a chosen picture; False if the board isn't found.

        Raises:
            CalibrationError: the picture has another size than the first.
        """
        corners = self._look(image)
        if corners is not None:
            self.views.append(corners)
        return corners is not None

    def watch(self, image: NDArray[np.uint8]) -> str:
        """Add a frame of a stream if the board is held still in a new place.

        Returns:
            What the person should do; empty if a view was taken.

        Raises:
            CalibrationError: the frame has another size than the first.
        """
        corners, last = self._look(image), self._last
        self._last = corners
        if corners is None:
            return "show the whole board, flat and in even light"
        width = image.shape[1]
        if last is None or _apart(corners, last) > STILL * width:
            return "hold the board still"
        if any(_apart(corners, view) < NEW_VIEW * width for view in self.views):
            return "move it, and tilt it to another side"
        self.views.append(corners)
        return ""

    def _look(self, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        self.looked_at += 1
        height, width = image.shape[:2]
        if self.size is not None and self.size != (width, height):
            raise CalibrationError(
                f"picture {self.looked_at} is {width} x {height}, the first was {self.size[0]} x "
                f"{self.size[1]}: take all with one setting"
            )
        self.size = (width, height)
        return find_corners(image, self.board)

    def calibrate(self) -> Calibration:
        """Fit a camera to the views.

        Raises:
            CalibrationError: too few views, or views too similar to determine a camera.
        """
        board, views = self.board, self.views
        if self.size is None or len(views) < MIN_VIEWS:
            raise CalibrationError(
                f"the checkerboard of {board.columns} x {board.rows} inner corners was found in "
                f"{len(views)} of {self.looked_at} pictures, {MIN_VIEWS} different views are "
                "needed: show all of it, flat and in even light"
            )
        return _fit(board, views, self.size)


def calibrate(images: Iterable[NDArray[np.uint8]], board: Board | None = None) -> Calibration:
    """Fit a camera to pictures of the printed checkerboard.

    Args:
        images: at least 8 that show the whole board, all of one size, RGB or grey; near and far,
            tilted in all directions, also towards the picture's corners. 15 are better.
        board: the board shown; default 9 x 6 inner corners, squares of 25 mm.

    Raises:
        CalibrationError: pictures of different sizes, too few that show the board, or views too
            similar to determine a camera.
    """
    collector = ViewCollector(board)
    for image in images:
        collector.add(image)
    return collector.calibrate()


def _apart(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean distance of corresponding corners, pixels."""
    return float(np.linalg.norm(a - b, axis=1).mean())


def _fit(board: Board, views: list[NDArray[np.float32]], size: tuple[int, int]) -> Calibration:
    boards: list[NDArray[np.float32]] = [board.corners] * len(views)
    error, matrix, distortion, tilts, places = cv2.calibrateCamera(
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
    # From one direction, any focal length fits some distance: only different tilts determine it.
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
    distances = board.square * np.linalg.norm(np.stack(places).reshape(-1, 3), axis=1)
    return Calibration(
        Intrinsics(size[0], size[1], fx, fy, cx, cy),
        (k[0], k[1], k[2], k[3], k[4]),
        float(error),
        len(views),
        float(distances.min()),
        float(distances.max()),
    )
