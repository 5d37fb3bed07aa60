"""Thumbnails for the page's film strip, made in advance; they can be deleted at any time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import cv2

from edgehands.atomic import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

FOLDER: Final = ".thumbnails"
LONG_SIDE: Final = 192
"""Pixels."""


def thumbnail_path(folder: Path, file: str) -> Path:
    """The path of a picture's thumbnail."""
    return folder / FOLDER / f"{file.removeprefix('images/')}.jpg"


def write_thumbnail(folder: Path, file: str, image: NDArray[np.uint8]) -> bytes:
    """Make a picture's thumbnail and keep it if there is room; returns the JPEG."""
    height, width = image.shape[:2]
    scale = min(1.0, LONG_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])
    path = thumbnail_path(folder, file)
    with contextlib.suppress(OSError):  # it is only a copy
        path.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(path, data.tobytes())
    return data.tobytes()
