"""JPEG bytes to pixels, with missing data detected.

OpenCV and Pillow hide libjpeg's warnings: a JPEG that lost some bytes over USB is decoded at full
size, with everything after the gap shifted. simplejpeg is the binding that reports them.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import numpy as np

from edgehands.cameras.limits import MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

PADDING = 64
"""Some cameras write a few extra bytes; more than these mean missing data."""


def decode_jpeg(data: bytes | NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Decode a grey or YCbCr JPEG, as stored: its EXIF orientation is not applied.

    Bytes between the segments or before the end mark, which many cameras write, are harmless.

    Args:
        data: the bytes of the file, or those as (N,) uint8.

    Returns:
        (H, W, 3) uint8 RGB; None if it is damaged, truncated, or not such a JPEG.
    """
    import simplejpeg  # noqa: PLC0415 - a CSI camera's service does without

    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
        if height * width > MAX_IMAGE_PIXELS:
            log.debug("JPEG: %dx%d pixels", width, height)
            return None
        try:
            image = simplejpeg.decode_jpeg(data)
        except ValueError as error:
            if not _is_harmless(str(error)):
                raise
            image = simplejpeg.decode_jpeg(_without_junk(bytes(data)), strict=False)
    except (ValueError, KeyError, MemoryError) as error:  # KeyError: an unknown colour space
        log.debug("JPEG: %s", error)
        return None
    return np.asarray(image, np.uint8)


def _is_harmless(warning: str) -> bool:
    """Whether libjpeg (messages in jerror.h) only found extra bytes."""
    found = re.search(r"(\d+) extraneous bytes before marker", warning)
    return found is not None and int(found[1]) <= PADDING


def _without_junk(data: bytes) -> bytes:
    """Remove data between the segments before the picture: simplejpeg stops at it."""
    kept, at = [data[:2]], 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xDA:
            kept.append(data[at:])
            break
        if marker in {0x00, 0xFF}:  # not a marker, or a fill byte before one
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        kept.append(data[at:end])
        at = end
    return b"".join(kept)
