"""Whether an image is one that can be tracked in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.errors import FrameError
from edgehands.geometry.constants import LONGEST_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray


def checked_image(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame's image, contiguous; raises :class:`FrameError` where it isn't (H, W, 3) uint8."""
    shape = getattr(image, "shape", None)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = getattr(image, "dtype", type(image).__name__)
        raise FrameError(f"frame is {kind}, not a uint8 array: convert it to RGB, 0 to 255")
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise FrameError(f"frame has shape {shape}, not (height, width, 3): convert it to RGB")
    if max(image.shape) > LONGEST_SIDE:
        raise FrameError(
            f"frame is {image.shape[1]} x {image.shape[0]} pixels, more than {LONGEST_SIDE} a side:"
            " make it smaller"
        )
    return np.ascontiguousarray(image)
