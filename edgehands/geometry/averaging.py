"""Frames reduced by averaging before a few of their pixels are sampled.

A model whose input is much smaller than the frame would otherwise see every fifth or tenth pixel:
noise and thin fingers would come and go with the sampling position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES_A_PIXEL: Final = 1.5
"""Least number of averaged pixels per sampled one, along each side."""


def block_size(step: float) -> int:
    """Side of the square blocks to average, in pixels; 1: no averaging.

    Args:
        step: distance of two samples, in pixels of the frame.
    """
    return max(1, int(step / SAMPLES_A_PIXEL))


def to_blocks(to_frame: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """Convert a map to frame pixels, (2, 3), into one to pixels of the averaged frame."""
    out = to_frame / block
    out[:, 2] -= (block - 1) / 2 / block
    return out


def averaged(
    image: NDArray[np.uint8], block: int, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """A frame, (H, W, 3) uint8, with each block reduced to one pixel.

    Args:
        image: the frame; incomplete blocks at its right and lower edge are left out.
        block: side of a block, pixels; at most the frame's shorter side.
        out: (H // block, W // block, 3) to write into; None makes one.
    """
    height, width = image.shape[0] // block, image.shape[1] // block
    whole = image[: height * block, : width * block]
    small = cv2.resize(whole, (width, height), dst=out, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
