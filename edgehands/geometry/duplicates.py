"""Whether two sets of landmarks show the same hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.geometry.boxes import box_iou
from edgehands.geometry.constants import (
    DUPLICATE_BOX_IOU,
    DUPLICATE_MEAN_DISTANCE,
    DUPLICATE_POINT_COUNT,
    DUPLICATE_POINT_DISTANCE,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _scale(points: NDArray[np.float32]) -> float:
    """The longest side of the triangle wrist, index MCP, pinky MCP."""
    sides = points[[0, 5, 17]] - points[[5, 17, 0]]
    return float(np.sqrt((sides * sides).sum(axis=1).max()))


def _bounds(points: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def lie_together(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two hands' landmarks (21, 2 or more), frame pixels, are too close for two hands.

    Landmarks of a hand seen edge-on slide along it, so :func:`same_hand` fails, but their mean
    distance stays small. Clasped hands come as near, so use this only for two hands of the same
    side.
    """
    a, b = one[:, :2], other[:, :2]
    apart = float(np.sqrt(((a - b) ** 2).sum(axis=1)).mean())
    return apart < DUPLICATE_MEAN_DISTANCE * max(_palm(a), _palm(b))


def _palm(points: NDArray[np.float32]) -> float:
    """Palm size; if the hand points at the camera, half of the palm's width."""
    length, width = points[9] - points[0], points[17] - points[5]
    return max(float(np.hypot(*length)), 0.5 * float(np.hypot(*width)))


def same_hand(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two hands' landmarks (21, 2 or more), frame pixels, lie on the same hand.

    MediaPipe's rule (HandLandmarksDeduplicationCalculator): enough landmarks within a share of
    the palm's longest side, and boxes that overlap.
    """
    a, b = one[:, :2], other[:, :2]
    apart = np.sqrt(((a - b) ** 2).sum(axis=1))
    near = apart < DUPLICATE_POINT_DISTANCE * max(_scale(a), _scale(b))
    if int(near.sum()) < DUPLICATE_POINT_COUNT:
        return False
    return bool(box_iou(_bounds(a), _bounds(b)[None])[0] > DUPLICATE_BOX_IOU)
