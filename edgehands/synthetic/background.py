"""Backgrounds behind the hands, drawn from a seed; none contains a hand."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, get_args

import cv2
import numpy as np

from edgehands.errors import SourceError, SourceNotFound, UsageError
from edgehands.synthetic.scene import BackgroundKind

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KINDS: tuple[BackgroundKind, ...] = tuple(k for k in get_args(BackgroundKind) if k != "photo")
"""The kinds that need no photograph."""


def _colour(rng: np.random.Generator, lo: float = 20, hi: float = 235) -> NDArray[np.float64]:
    """An sRGB colour, rarely a saturated one."""
    grey = rng.uniform(lo, hi)
    tint = rng.normal(0, 1, 3)
    tint -= tint.mean()
    return np.clip(grey + tint * (2 + 34 * rng.random() ** 2), 0, 255)


def _cloud(
    rng: np.random.Generator, h: int, w: int, octaves: tuple[int, ...]
) -> NDArray[np.float32]:
    """Smooth noise, mean 0, about +-1."""
    out = np.zeros((h, w), np.float32)
    total = 0.0
    for n in octaves:
        grid = rng.standard_normal((max(2, n * h // w + 2), n + 2)).astype(np.float32)
        gain = 1.0 / n**0.6
        out += cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC) * np.float32(gain)
        total += gain * gain
    return out / np.float32(total**0.5)


def _axes(h: int, w: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return np.linspace(-1, 1, w, dtype=np.float32), np.linspace(-1, 1, h, dtype=np.float32)


def _gradient(rng: np.random.Generator, h: int, w: int) -> NDArray[np.float32]:
    a = rng.uniform(0, 2 * np.pi)
    x, y = np.meshgrid(*_axes(h, w))
    t = np.clip(0.5 + 0.4 * (float(np.cos(a)) * x + float(np.sin(a)) * y), 0, 1)[..., None]
    first, second = _colour(rng).astype(np.float32), _colour(rng).astype(np.float32)
    return np.asarray(first + (second - first) * t, np.float32)


def _vignette(rng: np.random.Generator, h: int, w: int) -> NDArray[np.float32]:
    x, y = np.meshgrid(*_axes(h, w))
    cx, cy = rng.uniform(-0.5, 0.5, 2).tolist()
    fall = 1 - float(rng.uniform(0.0, 0.25)) * ((x - cx) ** 2 + (y - cy) ** 2)
    return np.asarray(fall[..., None], np.float32)


def _shapes(rng: np.random.Generator, h: int, w: int) -> NDArray[np.float32]:
    image = _gradient(rng, h, w)
    for _ in range(int(rng.integers(8, 30))):
        colour = _colour(rng, 5, 250).tolist()
        x, y = int(rng.uniform(-0.1, 1.1) * w), int(rng.uniform(-0.1, 1.1) * h)
        size = rng.uniform(0.03, 0.3) * w
        kind = int(rng.integers(4))
        if kind == 0:
            cv2.circle(image, (x, y), int(size / 2), colour, -1, cv2.LINE_AA)
        elif kind == 1:
            axes = (int(size * rng.uniform(0.2, 0.8)), int(size * rng.uniform(0.2, 0.8)))
            cv2.ellipse(image, (x, y), axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        elif kind == 2:
            box = ((x, y), (size, size * rng.uniform(0.2, 1.5)), rng.uniform(0, 180))
            corners = np.round(cv2.boxPoints(box)).astype(np.int32)
            cv2.fillConvexPoly(image, corners, colour, cv2.LINE_AA)
        else:
            points = (rng.uniform(-0.5, 0.5, (3, 2)) * size + (x, y)).astype(np.int32)
            cv2.fillConvexPoly(image, points, colour, cv2.LINE_AA)
    return _soft(image, rng.uniform(0.3, 6.0))


def _soft(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    if sigma < 0.3:
        return image
    if sigma > 2.5:  # a wide blur on a smaller picture looks the same at a tenth of the cost
        h, w = image.shape[:2]
        small = cv2.resize(image, (w // 3, h // 3), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / 3)
        return np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def _stripes(rng: np.random.Generator, h: int, w: int) -> NDArray[np.float32]:
    """Planks, bricks or a curtain: a periodic pattern."""
    a = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)])
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    u = np.cos(a) * x + np.sin(a) * y + 6 * _cloud(rng, h, w, (3, 6))
    period = rng.uniform(0.03, 0.2) * w
    phase = u / period
    cell = np.floor(phase).astype(int)
    tone = rng.normal(0, 14, cell.max() - cell.min() + 1)[cell - cell.min()]
    gap = np.abs(phase - np.round(phase)) < rng.uniform(0.01, 0.06)
    grain = _cloud(rng, h, w, (9, 30, 90)) * rng.uniform(1, 9)
    image = _colour(rng) + (tone + grain - 35 * gap * rng.uniform(0, 1))[..., None]
    return _soft(image.astype(np.float32), rng.uniform(0.3, 3.0))


def _room(rng: np.random.Generator, h: int, w: int) -> NDArray[np.float32]:
    """A wall, a floor or table, furniture, a window or lamp, out of focus."""
    wall, floor = _colour(rng, 90, 235), _colour(rng, 30, 170)
    image = np.empty((h, w, 3), np.float32)
    horizon = int(h * rng.uniform(0.55, 0.95))
    image[:horizon] = wall
    image[horizon:] = floor
    for _ in range(int(rng.integers(2, 6))):  # furniture stands on the floor
        bw, bh = rng.uniform(0.08, 0.45) * w, rng.uniform(0.15, 0.7) * h
        x = rng.uniform(-0.1, 0.95) * w
        y1 = horizon + rng.uniform(0.0, 0.2) * h
        colour = _colour(rng, 15, 210)
        lo, hi = (int(x), int(y1 - bh)), (int(x + bw), int(y1))
        cv2.rectangle(image, lo, hi, colour.tolist(), -1)
        for k in range(int(rng.integers(0, 5))):  # shelves or drawers
            yy = int(y1 - bh * (k + 1) / 5)
            cv2.line(image, (lo[0], yy), (hi[0], yy), (colour * 0.7).tolist(), 2)
            for _ in range(int(rng.integers(0, 7))):  # books
                bx = rng.uniform(lo[0], hi[0])
                top = yy - rng.uniform(0.03, 0.09) * h
                cv2.rectangle(
                    image,
                    (int(bx), int(top)),
                    (int(bx + rng.uniform(4, 14)), yy),
                    _colour(rng, 10, 240).tolist(),
                    -1,
                )
    for _ in range(int(rng.integers(0, 3))):  # window, picture
        x, y = rng.uniform(0, 0.8) * w, rng.uniform(0, 0.35) * h
        bw, bh = rng.uniform(0.1, 0.3) * w, rng.uniform(0.1, 0.35) * h
        bright = _colour(rng, 60, 255)
        cv2.rectangle(
            image, (int(x), int(y)), (int(x + bw), int(y + bh)), (bright * 0.6).tolist(), -1
        )
        cv2.rectangle(
            image, (int(x) + 5, int(y) + 5), (int(x + bw) - 5, int(y + bh) - 5), bright.tolist(), -1
        )
    image = image * _vignette(rng, h, w) + 3 * _cloud(rng, h, w, (4, 12))[..., None]
    return _soft(image, rng.uniform(0.6, 5.0))


@functools.lru_cache(maxsize=4)
def _photo(path: Path, w: int, h: int) -> NDArray[np.uint8]:
    """A photograph, cropped to the picture's aspect ratio."""
    if not path.is_file():
        raise SourceNotFound(f"{path}: no such photograph; give the path of a JPEG or PNG file")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path}: not a picture OpenCV can read; give a JPEG or PNG file")
    scale = max(w / image.shape[1], h / image.shape[0])
    size = (max(w, round(image.shape[1] * scale)), max(h, round(image.shape[0] * scale)))
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    x, y = (size[0] - w) // 2, (size[1] - h) // 2
    return np.ascontiguousarray(image[y : y + h, x : x + w, ::-1])


@functools.lru_cache(maxsize=8)
def background(
    seed: int,
    kind: BackgroundKind = "room",
    size: tuple[int, int] = (640, 480),
    photo: Path | None = None,
) -> NDArray[np.uint8]:
    """A picture without hands, (H, W, 3) uint8 sRGB; read-only, the same for the same seed.

    Args:
        seed: determines its content.
        kind: one of :data:`KINDS`, or ``photo``.
        size: width and height, pixels.
        photo: the file, for ``photo``.

    Raises:
        UsageError: ``photo`` without a file, or an unknown kind.
        SourceNotFound, SourceError: the photograph isn't there or can't be read.
    """
    w, h = size
    rng = np.random.default_rng([seed, 11])
    image: NDArray[np.float32] | NDArray[np.uint8]
    if kind == "photo":
        if photo is None:
            raise UsageError("background photo: no file; give the path of a photograph")
        image = _photo(photo, w, h)
    elif kind == "plain":
        image = np.full((h, w, 3), _colour(rng), np.float32) * _vignette(rng, h, w)
        image = image + 1.5 * _cloud(rng, h, w, (3, 8))[..., None]
    elif kind == "gradient":
        image = _gradient(rng, h, w)
    elif kind == "shapes":
        image = _shapes(rng, h, w)
    elif kind == "noise":
        image = np.stack([_cloud(rng, h, w, (4, 9, 20, 45, 100)) for _ in range(3)], -1)
        image = _colour(rng, 60, 190) + (image * 0.35 + image.mean(-1, keepdims=True)) * 28
    elif kind == "stripes":
        image = _stripes(rng, h, w)
    elif kind == "room":
        image = _room(rng, h, w)
    else:
        raise UsageError(
            f"background kind {kind!r}: unknown; give one of {', '.join(KINDS)}, photo"
        )
    out: NDArray[np.uint8] = np.clip(np.round(image), 0, 255).astype(np.uint8)
    out.flags.writeable = False
    return out
