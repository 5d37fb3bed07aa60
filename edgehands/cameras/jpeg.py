"""JPEG bytes to pixels, where a picture with a hole in its data is told from a whole one.

OpenCV and Pillow hide what libjpeg warns of: a JPEG that lost some bytes on its way over USB comes
out at full size, with everything behind the hole shifted. simplejpeg is the binding that says so.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from edgehands.cameras.limits import MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)


def decode_jpeg(data: bytes | NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Decode a grey or YCbCr JPEG, as stored: its EXIF orientation is not applied.

    Bytes between the segments or before the end mark, which many cameras write, do no harm.

    Args:
        data: the bytes of the file, or those as (N,) uint8.

    Returns:
        (H, W, 3) uint8 RGB; None when it is damaged, ends early, or is no such JPEG.
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
            # The only warning that is no damage; the words are those of libjpeg's jerror.h.
            if "extraneous bytes before marker" not in str(error):
                raise
            image = simplejpeg.decode_jpeg(data, strict=False)
    except (ValueError, MemoryError) as error:
        log.debug("JPEG: %s", error)
        return None
    return np.asarray(image, np.uint8)
