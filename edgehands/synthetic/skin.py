"""What skin looks like: tones, creases, veins, nails.

The rest pose is painted flat from both sides (palm and back), in hand millimetres, at
``SCALE`` pixels a millimetre; a pixel of the picture looks its colour up by the place on the rest
hand that it shows.
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

# sRGB of the back of the hand, from very light to very dark.
TONES: tuple[tuple[int, int, int], ...] = (
    (244, 214, 197),
    (236, 198, 176),
    (226, 180, 152),
    (211, 160, 126),
    (190, 137, 102),
    (164, 112, 80),
    (134, 88, 62),
    (105, 67, 48),
    (80, 51, 38),
    (58, 38, 31),
)
"""The ten skin tones; a tone is an index 0-9 into them."""


@dataclass(frozen=True, slots=True, eq=False)
class SkinMaps:
    """Painted textures (H, W, 3) float32, linear light: the palm's side and the back's side."""

    palm: NDArray[np.float32]
    back: NDArray[np.float32]
    nail: NDArray[np.float32]


def to_linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear light 0..1 of sRGB values 0..255 (IEC 61966-2-1)."""
    v = np.asarray(srgb, np.float64) / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


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
    strength: float,
    blur: float,
) -> None:
    """Add a soft line (mm) to a layer, strongest in its middle."""
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


def _blob(layer: NDArray[np.float32], x: float, y: float, radius: float, strength: float) -> None:
    """Add a soft round spot (mm)."""
    cx, cy, r = (x - X0) * SCALE, (y - Y0) * SCALE, radius * SCALE
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
class _Paint:
    crease: NDArray[np.float32]
    wrinkle: NDArray[np.float32]
    red_palm: NDArray[np.float32]
    red_back: NDArray[np.float32]
    vein: NDArray[np.float32]
    mottle_palm: NDArray[np.float32]
    mottle_back: NDArray[np.float32]


@functools.lru_cache(maxsize=16)
def _paint(identity: int) -> _Paint:
    """The lines and spots of one person's hand, whatever its tone."""
    rng = np.random.default_rng([identity, 7])
    s = pose_skeleton(REST)
    zeros = [np.zeros((_H, _W), np.float32) for _ in range(5)]
    crease, wrinkle, red_palm, red_back, vein = zeros

    def wobble(scale: float = 1.0) -> float:
        return float(rng.normal(0, scale))

    # Across each finger at its joints; double at the middle one.
    for digit in range(5):
        for k in range(3):
            if digit == 0 and k == 0:
                continue
            bone = (Bone.THUMB_MC if digit == 0 else Bone.INDEX_PP + 3 * (digit - 1)) + k
            along = s.rotations[bone][:2, 1]
            side = np.array([along[1], -along[0]])
            joint = s.joints[1 + 4 * digit + k][:2]
            if digit and k == 0:
                joint = MCP[digit - 1, :2] + along * PHALANGES[digit - 1, 0] * 0.47
            half = (11.0, 10.0, 9.0)[k]
            offsets = (
                ((0.0,), (-1.3, 1.2), (0.0,))[k] if digit else ((-1.5, 1.5), (-1.5, 1.5), (0.0,))[k]
            )
            for offset in offsets:
                bow = 0.6 + wobble(0.4)
                line = [
                    joint + along * (offset - bow * (1 - u * u) + wobble(0.15)) + side * u * half
                    for u in np.linspace(-1, 1, 7)
                ]
                _stroke(crease, np.array(line), 0.5, 1.0, 0.45)
            if k > 0:
                for _ in range(7 if k == 1 else 4):
                    offset, bow = wobble(2.4), wobble(1.0)
                    reach = rng.uniform(0.35, 0.75) * half
                    line = [
                        joint + along * (offset + bow * (1 - u * u)) + side * u * reach
                        for u in np.linspace(-1, 1, 6)
                    ]
                    _stroke(wrinkle, np.array(line), 0.5, rng.uniform(0.5, 1.0), 0.4)
                _blob(red_back, joint[0], joint[1], 5.5, 0.8)
        tip = s.joints[4 + 4 * digit][:2]
        _blob(red_palm, tip[0], tip[1] - 5.0, 8.0, 1.0)
        _blob(red_back, tip[0], tip[1] - 3.0, 8.0, 0.6)
    for i in range(4):
        _blob(red_back, MCP[i, 0], MCP[i, 1], 7.0, 0.8)
        _blob(red_palm, MCP[i, 0], MCP[i, 1] + 6.0, 8.0, 0.4)
    _blob(red_palm, 30.0, 38.0, 14.0, 0.5)
    _blob(red_palm, -24.0, 34.0, 14.0, 0.5)
    # The palm's three great lines, and the wrist's.
    j = [wobble(2.0) for _ in range(8)]
    lines = (
        [(34.0, 72.0 + j[0]), (17.0, 66.0), (7.0 + j[1], 46.0), (6.0, 25.0), (11.0, 8.0)],
        [(33.0, 71.0 + j[0]), (14.0, 66.0 + j[2]), (-8.0, 57.0 + j[3]), (-27.0, 45.0 + j[4])],
        [(-42.0, 62.0 + j[5]), (-24.0, 66.0), (-5.0, 75.0 + j[6]), (9.0, 90.0 + j[7])],
    )
    for line in lines:
        _stroke(crease, _curve(line), 0.6, 1.1, 0.5)
    for y in (-3.0, 3.0):
        wrist = [(-26.0, y + wobble()), (0.0, y - 2.0 + wobble()), (26.0, y + wobble())]
        _stroke(crease, _curve(wrist), 0.5, 0.7, 0.6)
    for _ in range(14):  # finer lines of the palm
        x, y, a = rng.uniform(-32, 26), rng.uniform(15, 82), rng.uniform(-0.9, 0.9)
        r = rng.uniform(4, 11)
        line = [
            (x - r * np.cos(a), y - r * np.sin(a)),
            (x + wobble(), y + wobble()),
            (x + r * np.cos(a), y + r * np.sin(a)),
        ]
        _stroke(crease, _curve(line, 10), 0.4, rng.uniform(0.15, 0.4), 0.4)
    for i in range(3):  # veins on the back
        x = (12.0, -6.0, -22.0)[i] + wobble(3)
        line = [
            (x * 0.5 + wobble(3), -60.0),
            (x * 0.6 + wobble(3), 0.0),
            (x + wobble(3), 35.0),
            (x + 4 + wobble(3), 60.0),
            (x - 2 + wobble(3), 82.0),
        ]
        _stroke(vein, _curve(line), 2.0, rng.uniform(0.3, 0.9), 1.5)
    return _Paint(
        crease,
        wrinkle,
        red_palm,
        red_back,
        vein,
        _mottle(rng, (1.2, 4.0, 14.0)),
        _mottle(rng, (1.0, 3.0, 12.0)),
    )


@functools.lru_cache(maxsize=24)
def skin_maps(tone: float, identity: int) -> SkinMaps:
    """Paint one person's skin.

    Args:
        tone: 0 (very light) to 9 (very dark); fractions lie between two of :data:`TONES`.
        identity: seed of everything that differs from person to person.
    """
    rng = np.random.default_rng([identity, 8])
    paint = _paint(identity)
    table = to_linear(np.array(TONES, np.float64))
    base = np.array([np.interp(tone, np.arange(10), table[:, c]) for c in range(3)])
    base = base * np.exp(rng.normal(0, 0.04, 3)) * np.exp(rng.normal(0, 0.05))
    dark = float(np.clip((tone - 2.0) / 6.0, 0.0, 1.0))
    # Palms hold little pigment: nearly as light as the back in light people, far lighter in dark.
    pale = np.array([0.62, 0.36, 0.25])
    palm = base * (1 - 0.5 * dark) + pale * (0.5 * dark) if dark > 0 else base
    palm = palm * np.array([1.03, 0.94, 0.92])
    red = np.array([0.02, -0.14, -0.12]) * (1 - 0.55 * dark)

    def compose(
        colour: NDArray[np.float64],
        lines: NDArray[np.float32],
        line_depth: float,
        redness: NDArray[np.float32],
        mottle: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        shade = np.float32(1.0) + np.float32(0.035) * mottle
        flush = np.minimum(redness, 1.3)
        mark = np.minimum(lines, 1.0)
        planes = []
        for c in range(3):
            deep = line_depth * (0.75, 1.0, 1.0)[c]
            plane = (1 - np.float32(deep) * mark) * shade
            plane *= np.float32(colour[c]) + np.float32(colour[c] * red[c]) * flush
            planes.append(plane)
        out = np.asarray(cv2.merge(planes), np.float32)
        return out

    palm_map = compose(palm, paint.crease, 0.36 + 0.12 * dark, paint.red_palm, paint.mottle_palm)
    back_map = compose(base, paint.wrinkle, 0.28, paint.red_back, paint.mottle_back)
    blue = np.array([0.30, 0.16, 0.06]) * (1 - 0.6 * dark)
    back_map *= 1 - paint.vein[..., None] * blue.astype(np.float32)
    if dark > 0.2:  # knuckles are darker than the rest in dark skin
        back_map *= (1 - 0.22 * dark * np.minimum(paint.red_back, 1.0))[..., None]
    nail = base * 0.45 + np.array([0.62, 0.36, 0.30]) * 0.55
    return SkinMaps(palm_map, back_map, nail.astype(np.float32))


def look_up(texture: NDArray[np.float32], rest_xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(P, 3) colours at (P, 2) places of the rest hand (mm)."""
    # OpenCV's remap wants a picture less than 32768 wide: fold the list into rows.
    n = len(rest_xy)
    width = 1024
    rows = -(-n // width)
    grid = np.zeros((rows * width, 2), np.float32)
    grid[:n, 0] = (rest_xy[:, 0] - X0) * SCALE - 0.5
    grid[:n, 1] = (rest_xy[:, 1] - Y0) * SCALE - 0.5
    found = cv2.remap(
        texture,
        grid.reshape(rows, width, 2),
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(found.reshape(-1, 3)[:n], np.float32)
