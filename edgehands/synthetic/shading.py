"""Light on a hand: one lamp, ambient light, soft shadows, translucent flesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.synthetic.scene import Lighting

# How far light scatters around an edge inside skin; red travels furthest.
_WRAP = np.array([0.34, 0.17, 0.12], np.float32)
_GLOSS = 0.16
_GLOSS_POWER = 14.0


@dataclass(frozen=True, slots=True)
class Shaded:
    """Light on each vertex.

    Attributes:
        diffuse: (N, 3) light to be multiplied by the skin's colour.
        gloss: (N,) light reflected at the surface itself.
        tint: (3,) its colour and intensity.
    """

    diffuse: NDArray[np.float32]
    gloss: NDArray[np.float32]
    tint: NDArray[np.float32]


def shade(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    lighting: Lighting,
    centres: NDArray[np.float32],
    radii: NDArray[np.float32],
) -> Shaded:
    """Light on points of a surface (camera frame, metres), with balls as occluders.

    Each ball's ambient occlusion is n·v (r/d)² (Inigo Quilez's analytic form); the lamp's shadow is
    the softened nearest miss of a ball by the ray to the lamp.
    """
    lamp = np.array(lighting.direction, np.float32)
    lamp /= np.linalg.norm(lamp)
    square = (points * points).sum(1)[:, None] + (centres * centres).sum(1)
    square -= 2 * points @ centres.T
    np.maximum(square, 1e-8, out=square)
    facing = normals @ centres.T
    facing -= (normals * points).sum(1)[:, None]
    np.maximum(facing, 0, out=facing)
    facing /= np.sqrt(square)
    facing *= np.minimum(radii**2 / square, 1.0)
    open_share = np.exp(-1.05 * facing.sum(1))

    towards = centres @ lamp - (points @ lamp)[:, None]
    square -= towards * towards
    miss = np.sqrt(np.maximum(square, 0, out=square), out=square)
    softness = np.maximum(towards, 0)
    softness *= 0.12
    softness += 0.35 * radii
    blocked = radii - miss
    blocked /= softness
    blocked += 0.5
    np.clip(blocked, 0, 1, out=blocked)
    towards /= 0.5 * radii
    towards -= 1.1
    blocked *= np.clip(towards, 0, 1, out=towards)
    lit = 1.0 - 0.92 * blocked.max(1)

    slope = normals @ lamp
    wrapped = np.maximum((slope[:, None] + _WRAP) / (1 + _WRAP), 0)
    key = np.array(lighting.key, np.float32)
    up = (0.5 - 0.5 * normals[:, 1])[:, None]
    sky, ground = np.array(lighting.sky, np.float32), np.array(lighting.ground, np.float32)
    around = sky * up + ground * (1 - up)
    # Light that bounces between fingers turns red: occluded parts lose red last.
    closed = open_share[:, None] ** np.array([0.72, 1.0, 1.08], np.float32)
    glow = lit[:, None] ** np.array([0.8, 1.0, 1.05], np.float32)
    diffuse = key * wrapped * glow + around * closed

    view = -points / np.sqrt((points * points).sum(1))[:, None]
    half = view + lamp
    half /= np.sqrt((half * half).sum(1))[:, None]
    shine = np.maximum((normals * half).sum(1), 0) ** _GLOSS_POWER * lit * (slope > 0)
    rim = (1 - np.clip((normals * view).sum(1), 0, 1)) ** 4 * open_share
    gloss = _GLOSS * shine + (0.10 * float(sky.mean() / max(key.mean(), 1e-3))) * rim
    return Shaded(diffuse.astype(np.float32), gloss.astype(np.float32), key)
