"""Overlapping layers of a picture: hands and objects, their motion blur and shadows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.synthetic.skin import to_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.synthetic.scene import Camera, Lighting, Occluder, SceneHand

_BLUR_STEPS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer over the rest of the picture.

    Attributes:
        x, y: its top-left corner, image pixels.
        colour: (h, w, 3) float32 linear light, already multiplied by alpha.
        alpha: (h, w) float32.
        depth: (h, w) float32 metres, infinite where nothing is.
        order: metres; nearer layers go over farther ones.
        hand: the index of the hand it shows; -1 for an object.
    """

    x: int
    y: int
    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32]
    order: float
    hand: int

    @property
    def box(self) -> tuple[slice, slice]:
        """Where it lies in the picture."""
        h, w = self.alpha.shape
        return slice(self.y, self.y + h), slice(self.x, self.x + w)


def part_overlaps(layers: list[Layer]) -> list[Layer]:
    """Where two hands cover a pixel, keep the nearer one: fingers may interleave."""
    out = list(layers)
    for i in range(len(out)):
        for j in range(i + 1, len(out)):
            a, b = out[i], out[j]
            x0, y0 = max(a.x, b.x), max(a.y, b.y)
            x1 = min(a.x + a.alpha.shape[1], b.x + b.alpha.shape[1])
            y1 = min(a.y + a.alpha.shape[0], b.y + b.alpha.shape[0])
            if x1 <= x0 or y1 <= y0:
                continue
            sa = (slice(y0 - a.y, y1 - a.y), slice(x0 - a.x, x1 - a.x))
            sb = (slice(y0 - b.y, y1 - b.y), slice(x0 - b.x, x1 - b.x))
            # The layer drawn later covers the other anyway; only its hidden parts must be removed.
            far_drawn_last, cut, near = (
                (a, sa, b.depth[sb]) if a.order <= b.order else (b, sb, a.depth[sa])
            )
            behind = far_drawn_last.depth[cut] > near
            far_drawn_last.colour[cut][behind] = 0
            far_drawn_last.alpha[cut][behind] = 0
    return out


def motion_blur(layer: Layer, hand: SceneHand, camera: Camera, shutter: float) -> Layer:
    """Blur a hand along its motion during the exposure."""
    origin = np.array(hand.wrist)
    half = 0.5 * shutter * np.array(hand.velocity)
    start, middle, end = camera.project(np.stack([origin - half, origin, origin + half]))
    travel, turn = end - start, hand.spin * shutter
    h, w = layer.alpha.shape
    reach = float(np.hypot(*travel)) + abs(turn) * 0.6 * max(h, w)
    if reach < 1.0:
        return layer
    pad = int(reach * 0.75) + 2
    x0, y0 = max(layer.x - pad, 0), max(layer.y - pad, 0)
    x1, y1 = min(layer.x + w + pad, camera.width), min(layer.y + h + pad, camera.height)
    size = (x1 - x0, y1 - y0)
    stack = np.dstack([layer.colour, layer.alpha])
    total = np.zeros((size[1], size[0], 4), np.float32)
    pivot = middle - (layer.x, layer.y)
    steps = max(3, min(_BLUR_STEPS, int(reach / 2) + 2))
    for u in np.linspace(-0.5, 0.5, steps):
        c, s = np.cos(turn * u), np.sin(turn * u)
        m = np.array([[c, -s, 0.0], [s, c, 0.0]])
        m[:, 2] = pivot - m[:, :2] @ pivot + travel * u + (layer.x - x0, layer.y - y0)
        total += cv2.warpAffine(stack, m, size, flags=cv2.INTER_LINEAR)
    total /= steps
    depth = cv2.copyMakeBorder(
        layer.depth,
        layer.y - y0,
        y1 - layer.y - h,
        layer.x - x0,
        x1 - layer.x - w,
        cv2.BORDER_CONSTANT,
        value=float("inf"),
    )
    return Layer(
        x0,
        y0,
        np.ascontiguousarray(total[..., :3]),
        np.ascontiguousarray(total[..., 3]),
        np.asarray(depth, np.float32),
        layer.order,
        layer.hand,
    )


def draw_occluder(thing: Occluder, camera: Camera) -> Layer:
    """An object as a layer over the whole picture."""
    h, w = camera.height, camera.width
    mask = np.zeros((h, w), np.uint8)
    (cx, cy), (sx, sy) = thing.centre, thing.size
    if thing.kind == "ball":
        axes = (round(sx * 8), round(sy * 8))
        centre = (round(cx * 16), round(cy * 16))
        cv2.ellipse(mask, centre, axes, thing.angle, 0, 360, 255, -1, cv2.LINE_AA, 4)
    else:
        long = 4.0 * (w + h) if thing.kind == "bar" else sy
        corners = cv2.boxPoints(((cx, cy), (sx, long), thing.angle))
        cv2.fillConvexPoly(mask, np.round(corners * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    alpha = mask.astype(np.float32) / np.float32(255)
    base = to_linear(np.array(thing.colour, np.float64)).astype(np.float32)
    c, s = np.cos(np.radians(thing.angle)), np.sin(np.radians(thing.angle))
    x = (np.arange(w, dtype=np.float32)[None] - cx) * c + (
        np.arange(h, dtype=np.float32)[:, None] - cy
    ) * s
    light = 1.0 - 0.45 * np.clip(np.abs(2 * x / max(sx, 1.0) + 0.3), 0, 1.4) ** 2
    colour = base * (light * alpha)[..., None]
    depth = np.where(alpha > 0.5, np.float32(thing.depth), np.float32(np.inf))
    return Layer(0, 0, colour.astype(np.float32), alpha, depth.astype(np.float32), thing.depth, -1)


def cast_shadow(canvas: NDArray[np.float32], layer: Layer, palm: float, light: Lighting) -> None:
    """Darken the background where the hand blocks the lamp."""
    h, w = canvas.shape[:2]
    mask = np.zeros((h, w), np.float32)
    mask[layer.box] = layer.alpha
    small = cv2.resize(mask, (w // 4, h // 4), interpolation=cv2.INTER_AREA)
    dx, dy = light.cast_offset[0] * palm / 4, light.cast_offset[1] * palm / 4
    moved = cv2.warpAffine(small, np.array([[1, 0, dx], [0, 1, dy]]), (w // 4, h // 4))
    moved = cv2.GaussianBlur(moved, (0, 0), max(0.8, 0.10 * palm / 4))
    shade_of = 1 - np.float32(light.cast) * cv2.resize(moved, (w, h))
    canvas *= shade_of[..., None]
