"""Whole pictures for the palm model: photographs and drawn scenes as other cameras see them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from edgehands.geometry.averaging import averaged, block_size, to_blocks
from edgehands.geometry.constants import PALM_INPUT_SIZE
from edgehands.geometry.roi import crop_to_frame, letterbox_to_frame
from edgehands.hand import Roi
from edgehands.synthetic import random_scene, render_scene

from . import crops, hands

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

MOSAICS = 0.3
"""Share of the views that show four photographs at once."""

NEAREST, FARTHEST = 0.55, 2.6
"""Sides of a view's square, in longer sides of the photograph."""

RULES = (MOSAICS, NEAREST, FARTHEST)
"""What pictures are made by: a lesson made by others is made again."""


@dataclass(frozen=True)
class Frames:
    """The same pictures for the teacher, (N, 3, 192, 192) uint8, and the student, (N, 3, S, S)."""

    large: torch.Tensor
    small: torch.Tensor


def photographs(
    paths: Sequence[tuple[Path, bool]], size: int, rng: np.random.Generator, *, views: int
) -> Frames:
    """Photographs, letterboxed; with ``views``, seen by so many other cameras each."""
    pairs = []
    latest: deque[Pixels] = deque(maxlen=8)
    for path, margin in paths:
        image = hands.read(path, margin=margin)
        if image is None:
            continue
        latest.append(image)
        whole = letterbox_to_frame(image.shape[1], image.shape[0], PALM_INPUT_SIZE)
        if not views:
            scaled = whole.copy()
            scaled[:, :2] *= PALM_INPUT_SIZE / size
            large = _draw(image, whole, PALM_INPUT_SIZE, average=False)
            pairs.append((large, _draw(image, scaled, size, average=size < PALM_INPUT_SIZE)))
        for _ in range(views):
            seen = _mosaic(image, latest, rng) if rng.random() < MOSAICS else image
            pairs.append(_view(crops.vary(seen, rng), size, rng))
    return _stacked(pairs, rng)


def _mosaic(image: Pixels, others: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """A picture of twice the sides in which three others lie beside this one: small hands."""
    height, width = image.shape[:2]
    out = np.zeros((2 * height, 2 * width, 3), np.uint8)
    for number, place in enumerate(rng.permutation(4)):
        chosen = others[int(rng.integers(len(others)))] if number else image
        y, x = divmod(int(place), 2)
        tile = out[y * height : (y + 1) * height, x * width : (x + 1) * width]
        tile[...] = cv2.resize(_of_shape(chosen, width / height), (width, height))
    return out


def _of_shape(image: Pixels, aspect: float) -> Pixels:
    """The middle of a picture, as wide against its height as ``aspect``."""
    height, width = image.shape[:2]
    wide, high = min(width, round(height * aspect)), min(height, round(width / aspect))
    x, y = (width - wide) // 2, (height - high) // 2
    return image[y : y + max(high, 1), x : x + max(wide, 1)]


def drawn(count: int, size: int, rng: np.random.Generator, seed: int) -> Frames:
    """Drawn scenes with no, one or two hands."""
    pairs = []
    for i in range(count):
        scene = random_scene(
            seed + i,
            hands=(1, 2, 1, 0)[i % 4],
            difficulty=("fair", "hard")[i // 4 % 2],
            size=((640, 480), (480, 640), (512, 512))[i % 3],
        )
        pairs.append(_view(render_scene(scene).image, size, rng))
    return _stacked(pairs, rng)


def joined(parts: Sequence[Frames]) -> Frames:
    """Several as one; those without any picture are left out."""
    parts = [part for part in parts if len(part.large)]
    return Frames(torch.cat([p.large for p in parts]), torch.cat([p.small for p in parts]))


def _view(image: Pixels, size: int, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """A picture from nearer or farther, shifted, a little turned, perhaps mirrored."""
    height, width = image.shape[:2]
    side = max(height, width) * float(np.exp(rng.uniform(np.log(NEAREST), np.log(FARTHEST))))
    roi = Roi(
        width / 2 + float(rng.normal(0, 0.12)) * width,
        height / 2 + float(rng.normal(0, 0.12)) * height,
        side,
        float(rng.normal(0, 0.15)),
    )
    both = [_draw(image, crop_to_frame(roi, s), s, average=True) for s in (PALM_INPUT_SIZE, size)]
    if rng.integers(2):
        both = [np.ascontiguousarray(picture[:, ::-1]) for picture in both]
    return both[0], both[1]


def _draw(image: Pixels, to_frame: NDArray[np.float64], size: int, *, average: bool) -> Pixels:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    block = block_size(float(np.hypot(*to_frame[:, 0]))) if average else 1
    if block > 1:
        image, to_frame = averaged(image, block), to_blocks(to_frame, block)
    return cv2.warpAffine(image, to_frame, (size, size), flags=flags).astype(np.uint8)


def _stacked(pairs: Sequence[tuple[Pixels, Pixels]], rng: np.random.Generator) -> Frames:
    if not pairs:
        return Frames(torch.empty(0), torch.empty(0))
    order = rng.permutation(len(pairs))
    return Frames(
        torch.from_numpy(crops.stack([pairs[i][0] for i in order])),
        torch.from_numpy(crops.stack([pairs[i][1] for i in order])),
    )
