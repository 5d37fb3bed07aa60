"""One image file to one RGB picture, or to one line that says why not."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.cameras.image_header import HeaderCutOff, ImageHeader, read_image_header
from edgehands.errors import SourceError, SourceNotFound
from edgehands.geometry.constants import LONGEST_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
MAX_IMAGE_PIXELS = 120_000_000
"""Larger images are refused unread: 120 million pixels are 360 MB of RGB."""
MAX_IMAGE_BYTES = 512 * 1024 * 1024
"""Larger files are refused unread."""


def quiet_opencv() -> None:
    """Keep OpenCV's and FFmpeg's own chatter off stderr: we say what is wrong, in one line.

    Whoever sets ``OPENCV_LOG_LEVEL`` or ``OPENCV_FFMPEG_LOGLEVEL`` gets it back.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    if "OPENCV_LOG_LEVEL" not in os.environ:
        # OpenCV 5 moved the function.
        place = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
        place.setLogLevel(0)


quiet_opencv()


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a JPEG, PNG, WebP, BMP or TIFF file; its content decides, not its name.

    Grey becomes RGB, of 16 bits the upper 8 count, transparency is dropped, and the EXIF
    orientation is applied.

    Returns:
        (H, W, 3) uint8 RGB, contiguous.

    Raises:
        SourceNotFound: There is no such file.
        SourceError: The file is empty, cut off, damaged, no image, larger than
            :data:`MAX_IMAGE_PIXELS`, :data:`MAX_IMAGE_BYTES` or :data:`LONGEST_SIDE`, or may not
            be read.
    """
    data = read_bytes(path)
    header = check_header(data, path)
    image = decode_rgb(np.frombuffer(data, np.uint8))
    if image is None:
        raise SourceError(
            f"{path}: damaged, or a kind of {header.format} that can't be read: save it again "
            "as an 8-bit JPEG or PNG"
        )
    return image


def decode_rgb(data: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Decode a file's or a webcam's bytes, (N,), to (H, W, 3) uint8 RGB; None when it can't be."""
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if image is None or image.dtype != np.uint8 or image.ndim != 3:
            return None
        # OpenCV 4.11's IMREAD_COLOR_RGB saves neither time nor memory (8,000 x 8,000 pixels: 388
        # MB either way), so there is one way for all releases.
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    except (cv2.error, MemoryError) as error:
        log.debug("decoding: %s", error)
        return None


def read_bytes(path: str | os.PathLike[str], limit: int = MAX_IMAGE_BYTES) -> bytes:
    """Read a regular file whole.

    Raises:
        SourceNotFound: There is no such file.
        SourceError: It is empty, no regular file, above the limit, or may not be read.
    """
    check_file(path, limit)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None


def check_file(path: str | os.PathLike[str], limit: int | None = None) -> None:
    """Raise what :func:`read_bytes` would raise, as far as that shows without reading."""
    try:
        status = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFound(f"{path}: no such file or folder: check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise SourceError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path}: not a regular file: give an image, a video or a folder")
    if status.st_size == 0:
        raise SourceError(f"{path}: empty file (0 bytes): copy it again")
    if limit is not None and status.st_size > limit:
        raise SourceError(
            f"{path}: {status.st_size / 2**20:.0f} MB, the limit for an image is "
            f"{limit / 2**20:.0f} MB: scale it down"
        )


def check_header(data: bytes, path: str | os.PathLike[str]) -> ImageHeader:
    """Refuse what isn't worth decoding: unknown formats, cut-off files, absurd sizes."""
    try:
        header = read_image_header(data)
    except HeaderCutOff:
        raise SourceError(
            f"{path}: the image is cut off inside its header ({len(data)} bytes): copy it again"
        ) from None
    if header is None:
        raise SourceError(f"{path}: not an image (JPEG, PNG, WebP, BMP or TIFF)")
    pixels = header.width * header.height
    if pixels < 1:
        raise SourceError(f"{path}: {header.width}x{header.height} pixels: damaged header")
    if pixels > MAX_IMAGE_PIXELS:
        raise SourceError(
            f"{path}: {header.width}x{header.height} pixels, the limit is "
            f"{MAX_IMAGE_PIXELS // 1_000_000} million: scale it down"
        )
    if max(header.width, header.height) > LONGEST_SIDE:
        raise SourceError(
            f"{path}: {header.width}x{header.height} pixels, the limit is {LONGEST_SIDE} a side:"
            " scale it down"
        )
    if not header.complete:
        raise SourceError(
            f"{path}: the {header.format} is cut off ({len(data)} bytes): copy it again"
        )
    return header
