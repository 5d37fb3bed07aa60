"""Curves and the figures derived from them: PCK and its area, average precision, percentiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.geometry.boxes import box_iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PCK_STEPS: Final = np.linspace(0.0, 0.5, 51)
"""Thresholds of the PCK curve, in palm sizes."""

RECALL_STEPS: Final = np.linspace(0.0, 1.0, 101)
"""Recalls at which COCO's average precision samples the curve."""


def pck(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of points within each of :data:`PCK_STEPS`; a point of a missed hand is infinite.

    Args:
        errors: (N,) distances in palm sizes.
    """
    if not errors.size:
        return np.zeros(len(PCK_STEPS))
    return np.asarray((errors[:, None] <= PCK_STEPS).mean(axis=0))


def area(curve: NDArray[np.float64], steps: NDArray[np.float64] = PCK_STEPS) -> float:
    """Area under a curve by the trapezium rule, as a share of the maximum: 1 = perfect."""
    widths = np.diff(steps)
    return float((widths * (curve[1:] + curve[:-1]) / 2).sum() / widths.sum())


def average_precision(
    truths: Sequence[NDArray[np.float64]],
    boxes: Sequence[NDArray[np.float64]],
    scores: Sequence[NDArray[np.float64]],
    least_iou: float = 0.5,
) -> float | None:
    """COCO's average precision at one IoU, over pictures.

    Detections are taken by descending score; each may claim the true box of its picture that it
    overlaps most and that none with a higher score has claimed. Precision is made monotonic and
    read at 101 recalls.

    Args:
        truths: (H, 4) true boxes x0, y0, x1, y1 of each picture.
        boxes: (N, 4) detections of each picture.
        scores: (N,) their scores.
        least_iou: overlap that counts as found.

    Returns:
        0..1; None where there is no true box.
    """
    total = sum(map(len, truths))
    if not total:
        return None
    claimed = [np.zeros(len(truth), bool) for truth in truths]
    order = sorted(
        ((float(s), i, k) for i, given in enumerate(scores) for k, s in enumerate(given)),
        key=lambda found: -found[0],
    )
    hits = np.zeros(len(order))
    for place, (_, i, k) in enumerate(order):
        if not len(truths[i]):
            continue
        overlaps = box_iou(boxes[i][k].astype(np.float32), truths[i].astype(np.float32))
        overlaps = np.where(claimed[i], -1.0, overlaps)
        best = int(overlaps.argmax())
        if overlaps[best] >= least_iou:
            claimed[i][best] = True
            hits[place] = 1.0
    found = np.cumsum(hits)
    recall = found / total
    precision = found / np.arange(1, len(order) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALL_STEPS, side="left")
    read = np.append(precision, 0.0)[np.minimum(places, len(precision))]
    return float(read.mean())
