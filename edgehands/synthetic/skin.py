"""The appearance of skin: a tone, and the lines and spots of one person.

The rest pose has flat textures of both sides, palm and back; a pixel of the picture takes its
colour from the place on the rest hand that it shows.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.synthetic.creases import SCALE, X0, Y0, paint_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


@functools.lru_cache(maxsize=24)
def skin_maps(tone: float, identity: int) -> SkinMaps:
    """Paint one person's skin.

    Args:
        tone: 0 (very light) to 9 (very dark); fractions lie between two of :data:`TONES`.
        identity: seed of everything that differs between people.
    """
    rng = np.random.default_rng([identity, 8])
    paint = paint_of(identity)
    table = to_linear(np.array(TONES, np.float64))
    base = np.array([np.interp(tone, np.arange(10), table[:, c]) for c in range(3)])
    base = base * np.exp(rng.normal(0, 0.04, 3)) * np.exp(rng.normal(0, 0.05))
    dark = float(np.clip((tone - 2.0) / 6.0, 0.0, 1.0))
    # Palms have little pigment: about as light as the back in light skin, far lighter in dark skin.
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
        return np.asarray(cv2.merge(planes), np.float32)

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
    # OpenCV's remap needs a picture less than 32768 wide: fold the list into rows.
    n = len(rest_xy)
    width = 1024
    rows = -(-n // width)
    grid = np.zeros((2, rows * width), np.float32)
    grid[0, :n] = (rest_xy[:, 0] - X0) * SCALE - 0.5
    grid[1, :n] = (rest_xy[:, 1] - Y0) * SCALE - 0.5
    x, y = grid.reshape(2, rows, width)
    found = cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(found.reshape(-1, 3)[:n], np.float32)
