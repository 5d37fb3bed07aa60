"""The palm model's raw outputs as detections, in input pixels, and where in a frame they matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.geometry.anchors import palm_anchors
from edgehands.geometry.boxes import weighted_nms
from edgehands.geometry.constants import PALM_INPUT_SIZE, PALM_LOGIT_CLIP, PALM_NMS_IOU

from .observe import real

if TYPE_CHECKING:
    from .engine import Runner
    from .graph import Array

GRID = 48
"""Cells of an importance map along each side."""

MARGIN = 1.6
"""A palm's surroundings that count, as a multiple of its box."""


def decode(
    boxes: Array, logits: Array, min_score: float, size: int = PALM_INPUT_SIZE
) -> tuple[Array, Array]:
    """Merged detections of one frame.

    Args:
        boxes: (1, anchors, 18), real numbers.
        logits: (1, anchors, 1), real numbers.
        min_score: 0..1.
        size: side of the model's input, pixels.

    Returns:
        (N, 18): x0, y0, x1, y1, 7 key points x, y, in input pixels; (N,) scores.
    """
    scores = 1 / (1 + np.exp(-np.clip(logits.reshape(-1), -PALM_LOGIT_CLIP, PALM_LOGIT_CLIP)))
    chosen = np.flatnonzero(scores >= min_score)
    raw = boxes.reshape(-1, 18)[chosen]
    centres = palm_anchors(size)[chosen] * size
    middle, half = raw[:, :2] + centres, raw[:, 2:4] / 2
    points = raw[:, 4:].reshape(-1, 7, 2) + centres[:, None]
    corners = np.concatenate([middle - half, middle + half], axis=1)
    flat = np.concatenate([corners, points.reshape(len(raw), 14)], axis=1)
    return weighted_nms(corners, flat, scores[chosen].astype(np.float32), PALM_NMS_IOU)


def importance(runner: Runner, frames: Array, elsewhere: float) -> Array:
    """Where palms are: 1 on and around each, ``elsewhere`` in the rest.

    Args:
        runner: a float palm model.
        frames: (N, 192, 192, 3) uint8.
        elsewhere: how much the rest of a frame counts.

    Returns:
        (N, GRID, GRID) float32.
    """
    maps = np.full((len(frames), GRID, GRID), elsewhere, np.float32)
    for one, frame in zip(maps, frames, strict=True):
        boxes, scores = runner(real(frame[None]))
        for detection in decode(boxes, scores, 0.2)[0]:
            x0, y0, x1, y1 = detection[:4]
            reach = (x1 - x0) / 2 * MARGIN
            middle = np.array([(y0 + y1) / 2, (x0 + x1) / 2])
            low, high = middle - reach, middle + reach
            top, left = np.clip(low * GRID / PALM_INPUT_SIZE, 0, GRID).astype(int)
            bottom, right = np.ceil(np.clip(high * GRID / PALM_INPUT_SIZE, 0, GRID)).astype(int)
            one[top:bottom, left:right] = 1.0
    return maps


def box_range(runner: Runner, frames: Array) -> tuple[float, float]:
    """The least and largest box coordinate of anchors that see a palm, with a tenth to spare."""
    low = high = 0.0
    for frame in frames:
        boxes, logits = runner(real(frame[None]))
        speaking = boxes[0][logits.reshape(-1) > 0]
        if len(speaking):
            low, high = min(low, float(speaking.min())), max(high, float(speaking.max()))
    return low * 1.1, high * 1.1
