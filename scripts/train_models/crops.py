"""Pictures of single hands as the landmark model sees them: ROIs cut out and varied.

A crop is drawn at the teacher's size; the student gets the same ROI at its own size from the same
picture, so that both see one hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from build_models.samples import stray

from edgehands.geometry.roi import crop_to_frame

from . import hands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgehands.hand import Roi

    from .hands import Square

    Pixels = NDArray[np.uint8]

_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True)
class Pair:
    """One hand at two sizes: (T, T, 3) for the teacher, (S, S, 3) for the student, uint8 RGB."""

    teacher: Pixels
    student: Pixels


def cut(image: Pixels, roi: Roi, size: int) -> Pixels:
    """A ROI of a picture, (size, size, 3); beyond the picture its border is repeated."""
    out = cv2.warpAffine(
        image, crop_to_frame(roi, size), (size, size), flags=_FLAGS, borderMode=cv2.BORDER_REPLICATE
    )
    return out.astype(np.uint8)


def pair(image: Pixels, roi: Roi, sizes: tuple[int, int], *, flip: bool) -> Pair:
    """A ROI at the teacher's and the student's size, mirrored if so wished."""
    both = [cut(image, roi, size) for size in sizes]
    if flip:
        both = [np.ascontiguousarray(picture[:, ::-1]) for picture in both]
    return Pair(both[0], both[1])


def photographs(
    squares: Sequence[Square], sizes: tuple[int, int], rng: np.random.Generator
) -> list[Pair]:
    """A pair of each square, with a tracker's errors, light and sharpness of its own."""
    by_path: dict[str, list[Square]] = {}
    for square in squares:
        by_path.setdefault(square.path, []).append(square)
    out: list[Pair] = []
    for path, group in by_path.items():
        image = hands.read(path, margin=hands.needs_margin(group[0].source))
        if image is None:
            continue
        for square in group:
            seen = vary(image, rng)
            out.append(pair(seen, stray(square.roi(), rng), sizes, flip=bool(rng.integers(2))))
    return out


def vary(image: Pixels, rng: np.random.Generator) -> Pixels:
    """A picture in another light: gain, gamma, colour, and now and then blur, noise or JPEG."""
    levels = np.arange(256) / 255
    gain = np.exp(rng.normal(0, 0.25))
    gamma = np.exp(rng.normal(0, 0.2))
    table = np.empty((256, 1, 3), np.uint8)
    for channel in range(3):
        tint = np.exp(rng.normal(0, 0.06))
        table[:, 0, channel] = np.clip(255 * gain * tint * levels**gamma, 0, 255)
    out = cv2.LUT(image, table)
    choice = rng.random()
    if choice < 0.15:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.5, 1.0 + max(image.shape) / 400)))
    elif choice < 0.25:
        noise = rng.normal(0, rng.uniform(2, 14), image.shape).astype(np.float32)
        out = np.clip(out + noise, 0, 255)
    elif choice < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        out = np.asarray(cv2.imdecode(cv2.imencode(".jpg", out, quality)[1], cv2.IMREAD_COLOR))
    return np.ascontiguousarray(out, dtype=np.uint8)


def stack(pictures: Sequence[Pixels]) -> NDArray[np.uint8]:
    """Pictures as one array, (N, 3, H, W) uint8."""
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
