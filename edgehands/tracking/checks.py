"""What a tracker rejects: invalid frames, and settings that need a new tracker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.errors import ConfigError, FrameError
from edgehands.geometry.constants import LONGEST_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.config import TrackingConfig

FIXED: Final = (
    *("model", "precision", "backend", "edgetpu_palm", "num_threads"),
    *("static_image", "async_detection"),
)
"""Settings that can't change during a tracker's life: they choose its models and threads."""


def check_change(before: TrackingConfig, wanted: TrackingConfig) -> None:
    """Raise :class:`ConfigError` if a setting in :data:`FIXED` would change."""
    for key in FIXED:
        is_, to_be = getattr(before, key), getattr(wanted, key)
        if to_be != is_:
            raise ConfigError(
                f"tracking.{key} = {to_be} can't be changed while tracking (it is {is_}):"
                " make another HandTracker"
            )


def checked_frame(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A frame as a contiguous array.

    Raises:
        FrameError: it isn't (H, W, 3) uint8, or too large for OpenCV.
    """
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
