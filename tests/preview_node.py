"""Real processes for the tests of the views: a node that sees hands, and our own commands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tools.common.command import Command

if TYPE_CHECKING:
    from pathlib import Path


def write_clip(path: Path) -> Path:
    """A clip of a bright disc on its way round: for the fake backend, a moving hand."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    for number in range(60):
        image = np.full((240, 320, 3), 60, np.uint8)
        angle = 2 * math.pi * number / 60
        centre = (round(160 + 70 * math.cos(angle)), round(120 + 40 * math.sin(angle)))
        cv2.circle(image, centre, 32, (255, 255, 255), -1, cv2.LINE_AA)
        writer.write(image)
    writer.release()
    return path


def disc_pictures() -> list[bytes]:
    """The pictures of such a clip as JPEGs, as a webcam would send them."""
    pictures = []
    for number in range(60):
        image = np.full((480, 640, 3), 60, np.uint8)
        angle = 2 * math.pi * number / 60
        centre = (round(320 + 140 * math.cos(angle)), round(240 + 80 * math.sin(angle)))
        cv2.circle(image, centre, 64, (255, 255, 255), -1, cv2.LINE_AA)
        pictures.append(cv2.imencode(".jpg", image)[1].tobytes())
    return pictures


def node(url: str, folder: Path, name: str = "hall", **settings: str) -> Command:
    """A node that sees a moving hand; not started yet."""
    clip = write_clip(folder / "clip.avi")
    return Command(
        ["run", "--source", f"file:{clip}", "--mqtt", url],
        folder / f"{name}.log",
        EDGEHANDS_NODE__NAME=name,
        EDGEHANDS_CAMERA__LOOP="true",
        EDGEHANDS_TRACKING__BACKEND="fake",
        **settings,
    )
