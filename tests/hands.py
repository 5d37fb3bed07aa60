"""Hands for tests: landmarks of an open hand, and frames in which the fake backend sees one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.backends.fake import OPEN_HAND

if TYPE_CHECKING:
    from numpy.typing import NDArray


def open_hand() -> NDArray[np.float32]:
    """(21, 3): an upright open hand about one unit tall around (0, 0)."""
    return np.concatenate([OPEN_HAND, np.zeros((21, 1), np.float32)], axis=1)


def frame(
    *blobs: tuple[float, float], size: tuple[int, int] = (640, 480), diameter: int = 120
) -> NDArray[np.uint8]:
    """A dark frame, (H, W, 3), with a bright disc for each hand's centre."""
    image = np.full((size[1], size[0], 3), 30, np.uint8)
    for x, y in blobs:
        centre = (round(x * 16), round(y * 16))  # in sixteenths of a pixel
        cv2.circle(image, centre, diameter * 8, (230, 220, 210), -1, cv2.LINE_AA, 4)
    return image
