"""A film in which the fake backend sees hands that come, move and go."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FPS = 30
SIZE = (640, 480)


def write_film(path: Path, seconds: int = 12) -> Path:
    """Write a film whose thirds show one hand, two hands, and none for its last second.

    So every round of it has hands that appear and are lost: events, presence and counts change, and
    not only landmarks are sent.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE)
    for number in range(seconds * FPS):
        part = number / (seconds * FPS)
        image: NDArray[np.uint8] = np.full((SIZE[1], SIZE[0], 3), 30, np.uint8)
        empty = number >= (seconds - 1) * FPS
        if not empty:
            _disc(image, 200 + 60 * math.sin(number / 20), 240 + 40 * math.cos(number / 15))
        if part > 0.4 and not empty:
            _disc(image, 460 + 50 * math.cos(number / 25), 250 + 50 * math.sin(number / 18))
        writer.write(image)
    writer.release()
    return path


def write_blinking_film(path: Path, seconds: int = 4) -> Path:
    """Write a film of eight hands that come and go every second: some 30 events a second."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE)
    for number in range(seconds * FPS):
        image: NDArray[np.uint8] = np.full((SIZE[1], SIZE[0], 3), 30, np.uint8)
        if number % FPS < FPS // 2:
            for place in range(8):
                _disc(image, 80 + 160 * (place % 4), 120 + 240 * (place // 4), radius=35)
        writer.write(image)
    writer.release()
    return path


def _disc(image: NDArray[np.uint8], x: float, y: float, radius: int = 55) -> None:
    centre = (round(x * 16), round(y * 16))  # in sixteenths of a pixel
    cv2.circle(image, centre, radius * 16, (230, 220, 210), -1, cv2.LINE_AA, 4)
