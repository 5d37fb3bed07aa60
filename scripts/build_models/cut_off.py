"""Synthetic hands of which the picture shows a part, or which are pasted onto a plain ground.

Palms are hardest to place there: the model's answers change most with small errors, and the ROI
that follows from them turns. Models that are calibrated on whole hands alone are worse at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.synthetic import random_scene, render_scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Floats = NDArray[np.float32]

SIZES = ((640, 480), (480, 640), (512, 512), (640, 360))
"""Widths and heights of the frames."""

SEED = 100_000
"""Added to a set's seed: its scenes are nobody else's."""


def draw(seed: int, count: int) -> list[Pixels]:
    """Frames of one hand each; every other one is pasted, the rest are cut off by the edge.

    Returns:
        ``count`` frames of (H, W, 3) uint8 RGB.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for i in range(count):
        size = SIZES[i // 2 % 4]
        scene = random_scene(
            SEED + seed + i, hands=1, difficulty=("fair", "hard")[i // 2 % 2], size=size
        )
        picture = render_scene(scene)
        points = np.asarray(picture.truth.hands[0].mediapipe.image, np.float32)[:, :2]
        frames.append((_pasted, _at_the_edge)[i % 2](picture.image, points, size, rng))
    return frames


def _square(points: Floats, rng: np.random.Generator) -> tuple[Floats, float]:
    """Centre and side of a square that holds most of a hand."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max()) * float(np.exp(rng.uniform(np.log(0.7), np.log(1.3))))
    return (low + high) / 2 + rng.uniform(-0.2, 0.2, 2).astype(np.float32) * side, side


def _moved(image: Pixels, scale: float, shift: Floats, size: tuple[int, int]) -> Pixels:
    to_frame = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    out = cv2.warpAffine(image, to_frame, size, borderMode=cv2.BORDER_REPLICATE)
    return out.astype(np.uint8)


def _pasted(
    image: Pixels, points: Floats, size: tuple[int, int], rng: np.random.Generator
) -> Pixels:
    """A tight square of the picture, somewhere in a frame of its border's colour."""
    centre, side = _square(points, rng)
    pixels = int(rng.uniform(140, 300))
    scale = pixels / side
    tight = _moved(image, scale, pixels / 2 - centre * scale, (pixels, pixels))
    border = np.concatenate([tight[0], tight[-1], tight[:, 0], tight[:, -1]])
    frame = np.full((size[1], size[0], 3), np.median(border, axis=0), np.uint8)
    x = int(rng.integers(0, size[0] - pixels + 1))
    y = int(rng.integers(0, size[1] - pixels + 1))
    frame[y : y + pixels, x : x + pixels] = tight
    return frame


def _at_the_edge(
    image: Pixels, points: Floats, size: tuple[int, int], rng: np.random.Generator
) -> Pixels:
    """The picture enlarged and shifted, so that the hand is near an edge or beyond it."""
    centre, side = _square(points, rng)
    scale = rng.uniform(0.45, 0.95) * min(size) / side
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.5)
    middle = np.array(size) * (0.5 + np.array([np.cos(angle), np.sin(angle)]) * far)
    return _moved(image, scale, (middle - centre * scale).astype(np.float32), size)
