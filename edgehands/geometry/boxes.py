"""Axis-aligned boxes: overlap and weighted non-maximum suppression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""(..., 4) float32: x0, y0, x1, y1."""


def box_iou(one: Boxes, many: Boxes) -> NDArray[np.float32]:
    """Intersection over union of one box (4,) with each of ``many`` (N, 4), as (N,) float32."""
    size = np.minimum(one[2:], many[:, 2:]) - np.maximum(one[:2], many[:, :2])
    intersection = np.prod(np.maximum(size, 0.0), axis=1)
    union = (
        np.prod(np.maximum(one[2:] - one[:2], 0.0))
        + np.prod(np.maximum(many[:, 2:] - many[:, :2], 0.0), axis=1)
        - intersection
    )
    iou: NDArray[np.float32] = np.divide(
        intersection, union, out=np.zeros_like(intersection), where=union > 0
    )
    return iou


def weighted_nms(
    boxes: Boxes, coordinates: NDArray[np.float32], scores: NDArray[np.float32], min_iou: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Merge overlapping detections into their mean, weighted by score.

    Blending is steadier from frame to frame than picking the best: "BlazeFace:
    Sub-millisecond Neural Face Detection on Mobile GPUs" (arXiv:1907.05047), section 3.

    Args:
        boxes: (N, 4), used for the overlap.
        coordinates: (N, C), averaged.
        scores: (N,), weights.
        min_iou: detections that overlap the best remaining one by more than this are merged with
            it.

    Returns:
        (M, C) averaged coordinates and (M,) the best score of each, by descending score.
    """
    order = np.argsort(-scores, kind="stable")
    merged: list[NDArray[np.float32]] = []
    best: list[np.float32] = []
    while order.size:
        together = box_iou(boxes[order[0]], boxes[order]) > min_iou
        together[0] = True  # a box without area overlaps nothing, not even itself
        group = order[together]
        weights = scores[group]
        merged.append(weights @ coordinates[group] / weights.sum())
        best.append(scores[order[0]])
        order = order[~together]
    if not merged:
        return np.empty((0, coordinates.shape[1]), np.float32), np.empty(0, np.float32)
    return np.stack(merged), np.array(best, np.float32)
