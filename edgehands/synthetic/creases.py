"""The lines and spots of a hand as flat textures: creases, wrinkles, redness, veins, unevenness.

The rest pose is seen from both sides at ``SCALE`` pixels a millimetre; texture rows grow with y.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.synthetic.anatomy import MCP, PHALANGES, REST, Bone, pose_skeleton

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SCALE = 1.6
X0, X1, Y0, Y1 = -76.0, 112.0, -80.0, 206.0
_W, _H = int((X1 - X0) * SCALE), int((Y1 - Y0) * SCALE)


def _to_texture(points: Sequence[tuple[float, float]] | NDArray[np.float64]) -> NDArray[np.int32]:
    p = np.asarray(points, np.float64)[:, :2]
    return np.round(np.stack([(p[:, 0] - X0) * SCALE, (p[:, 1] - Y0) * SCALE], 1) * 16).astype(
        np.int32
    )


def _curve(points: Sequence[tuple[float, float]], n: int = 40) -> NDArray[np.float64]:
    """A smooth curve through points (Catmull-Rom)."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    out = []
    for i in range(1, len(p) - 2):
        t = np.linspace(0, 1, n, endpoint=False)[:, None]
        a, b, c, d = p[i - 1], p[i], p[i + 1], p[i + 2]
        out.append(
            0.5
            * (
                2 * b
                + (c - a) * t
                + (2 * a - 5 * b + 4 * c - d) * t**2
                + (3 * b - a - 3 * c + d) * t**3
            )
        )
    return np.concatenate([*out, p[-2:-1]])


def _stroke(
    layer: NDArray[np.float32],
    points: NDArray[np.float64],
    width: float,
    ink: tuple[float, float],
) -> None:
    """Add a soft line (mm) to a layer; ``ink`` = (strength, blur in mm)."""
    strength, blur = ink
    mask = np.zeros_like(layer)
    texel = _to_texture(points)
    n = len(texel) - 1
    for i in range(n):
        fade = min(1.0, 4.0 * min(i + 0.5, n - i - 0.5) / n) if n > 4 else 1.0
        cv2.line(
            mask,
            texel[i].tolist(),
            texel[i + 1].tolist(),
            fade,
            max(1, round(width * SCALE)),
            cv2.LINE_AA,
            4,
        )
    lo = np.maximum(texel.min(0) // 16 - 24, 0)
    hi = texel.max(0) // 16 + 24
    box = (slice(lo[1], hi[1]), slice(lo[0], hi[0]))
    layer[box] = np.maximum(
        layer[box], strength * cv2.GaussianBlur(mask[box], (0, 0), blur * SCALE)
    )


def _blob(
    layer: NDArray[np.float32], at: NDArray[np.float64], radius: float, strength: float
) -> None:
    """Add a soft round spot (mm)."""
    cx, cy, r = (float(at[0]) - X0) * SCALE, (float(at[1]) - Y0) * SCALE, radius * SCALE
    x0, x1 = max(int(cx - 3 * r), 0), min(int(cx + 3 * r), _W)
    y0, y1 = max(int(cy - 3 * r), 0), min(int(cy + 3 * r), _H)
    gx = np.exp(-0.5 * ((np.arange(x0, x1) - cx) / r) ** 2)
    gy = np.exp(-0.5 * ((np.arange(y0, y1) - cy) / r) ** 2)
    layer[y0:y1, x0:x1] += (strength * gy[:, None] * gx[None, :]).astype(np.float32)


def _mottle(rng: np.random.Generator, sizes: Sequence[float]) -> NDArray[np.float32]:
    """Unevenness of several sizes (mm), mean 0, about +-1."""
    out = np.zeros((_H, _W), np.float32)
    for size in sizes:
        h, w = int(_H / (size * SCALE)) + 3, int(_W / (size * SCALE)) + 3
        grid = rng.standard_normal((h, w)).astype(np.float32)
        out += cv2.resize(grid, (_W, _H), interpolation=cv2.INTER_CUBIC)
    return out / np.float32(len(sizes) ** 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """(H, W) float32 layers of one person's hand, independent of its tone; 0 = nothing there."""

    crease: NDArray[np.float32]
    wrinkle: NDArray[np.float32]
    red_palm: NDArray[np.float32]
    red_back: NDArray[np.float32]
    vein: NDArray[np.float32]
    mottle_palm: NDArray[np.float32]
    mottle_back: NDArray[np.float32]


def _wobble(rng: np.random.Generator, scale: float = 1.0) -> float:
    return float(rng.normal(0, scale))


def _across(
    joint: NDArray[np.float64], along: NDArray[np.float64], shape: tuple[float, float, float]
) -> NDArray[np.float64]:
    """An arc across a finger; ``shape`` = (offset along it, height of the arc, half its width)."""
    offset, bow, half = shape
    side = np.array([along[1], -along[0]])
    u = np.linspace(-1, 1, 7)[:, None]
    return np.asarray(joint + along * (offset + bow * (1 - u * u)) + side * u * half)


def _paint_fingers(paint: Paint, rng: np.random.Generator) -> None:
    """Creases inside each joint, wrinkles on its back, red joints and tips."""
    s = pose_skeleton(REST)
    for digit in range(5):
        for k in range(0 if digit else 1, 3):
            bone = (Bone.THUMB_MC if digit == 0 else Bone.INDEX_PP + 3 * (digit - 1)) + k
            along = s.rotations[bone][:2, 1]
            joint = s.joints[1 + 4 * digit + k][:2]
            if digit and k == 0:  # where the finger leaves the palm
                joint = MCP[digit - 1, :2] + along * PHALANGES[digit - 1, 0] * 0.47
            half = (11.0, 10.0, 9.0)[k]
            for offset in (-1.3, 1.3) if k == 1 else (0.0,):
                bow = -0.6 + _wobble(rng, 0.4)
                line = _across(joint, along, (offset, bow, half))
                _stroke(paint.crease, line, 0.5, (1.0, 0.45))
            if k == 0:
                continue
            for _ in range(7 if k == 1 else 4):
                shape = (_wobble(rng, 2.4), _wobble(rng), float(rng.uniform(0.35, 0.75)) * half)
                strength = float(rng.uniform(0.5, 1.0))
                _stroke(paint.wrinkle, _across(joint, along, shape), 0.5, (strength, 0.4))
            _blob(paint.red_back, joint, 5.5, 0.8)
        tip = s.joints[4 + 4 * digit][:2]
        _blob(paint.red_palm, tip - (0.0, 5.0), 8.0, 1.0)
        _blob(paint.red_back, tip - (0.0, 3.0), 8.0, 0.6)


def _paint_palm(paint: Paint, rng: np.random.Generator) -> None:
    """The palm's three main lines, the wrist's, and the finer ones."""
    for i in range(4):
        _blob(paint.red_back, MCP[i, :2], 7.0, 0.8)
        _blob(paint.red_palm, MCP[i, :2] + (0.0, 6.0), 8.0, 0.4)
    _blob(paint.red_palm, np.array([30.0, 38.0]), 14.0, 0.5)
    _blob(paint.red_palm, np.array([-24.0, 34.0]), 14.0, 0.5)
    j = [_wobble(rng, 2.0) for _ in range(8)]
    lines = (
        [(34.0, 72.0 + j[0]), (17.0, 66.0), (7.0 + j[1], 46.0), (6.0, 25.0), (11.0, 8.0)],
        [(33.0, 71.0 + j[0]), (14.0, 66.0 + j[2]), (-8.0, 57.0 + j[3]), (-27.0, 45.0 + j[4])],
        [(-42.0, 62.0 + j[5]), (-24.0, 66.0), (-5.0, 75.0 + j[6]), (9.0, 90.0 + j[7])],
    )
    for line in lines:
        _stroke(paint.crease, _curve(line), 0.6, (1.1, 0.5))
    for y in (-3.0, 3.0):
        a, b, c = (y + _wobble(rng) for _ in range(3))
        _stroke(paint.crease, _curve([(-26.0, a), (0.0, b - 2.0), (26.0, c)]), 0.5, (0.7, 0.6))
    for _ in range(14):
        x, y, a, r = (
            float(rng.uniform(lo, hi)) for lo, hi in ((-32, 26), (15, 82), (-0.9, 0.9), (4, 11))
        )
        dx, dy = r * float(np.cos(a)), r * float(np.sin(a))
        fine = [(x - dx, y - dy), (x + _wobble(rng), y + _wobble(rng)), (x + dx, y + dy)]
        _stroke(paint.crease, _curve(fine, 10), 0.4, (float(rng.uniform(0.15, 0.4)), 0.4))


def _paint_veins(paint: Paint, rng: np.random.Generator) -> None:
    for middle in (12.0, -6.0, -22.0):
        x = middle + _wobble(rng, 3)
        way = ((0.5, 0, -60.0), (0.6, 0, 0.0), (1.0, 0, 35.0), (1.0, 4, 60.0), (1.0, -2, 82.0))
        line = [(x * f + dx + _wobble(rng, 3), y) for f, dx, y in way]
        _stroke(paint.vein, _curve(line), 2.0, (float(rng.uniform(0.3, 0.9)), 1.5))


@functools.lru_cache(maxsize=16)
def paint_of(identity: int) -> Paint:
    """The lines and spots of one person's hand, the same for the same number."""
    rng = np.random.default_rng([identity, 7])
    crease, wrinkle, red_palm, red_back, vein = np.zeros((5, _H, _W), np.float32)
    skin = _mottle(rng, (1.2, 4.0, 14.0)), _mottle(rng, (1.0, 3.0, 12.0))
    paint = Paint(crease, wrinkle, red_palm, red_back, vein, *skin)
    _paint_fingers(paint, rng)
    _paint_palm(paint, rng)
    _paint_veins(paint, rng)
    return paint
