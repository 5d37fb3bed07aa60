"""Depth pictures: reading them, and the depth of a hand's points in them.

A depth picture is (H, W) uint16, millimetres from the camera's plane, 0 = unknown; it covers the
same view as the colour picture, in the same size or a smaller one of the same aspect ratio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from edgehands.cameras.images import read_bytes
from edgehands.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WINDOW: Final = 0.06
"""Side of the square around a point whose median is taken, in palm sizes; at least 3 pixels."""

HAND_REACH_MM: Final = 160.0
"""No point of a hand is further than this in front of or behind the centre of its palm."""

LEAST_KNOWN: Final = 0.4
"""Share of the square whose depth must be known."""

_PALM: Final = (0, 1, 5, 9, 13, 17)


def read_depth(path: Path) -> NDArray[np.uint16]:
    """Read a 16-bit PNG of millimetres.

    Raises:
        SourceNotFound, SourceError: there is no such file, or it can't be read.
        DatasetError: it isn't one channel of 16 bits.
    """
    try:
        data = np.frombuffer(read_bytes(path), np.uint8)
        depth = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        depth = None
    if depth is None or depth.ndim != 2 or depth.dtype != np.uint16:
        kind = "no image" if depth is None else f"{depth.dtype} {depth.shape}"
        raise DatasetError(f"{path}: {kind}, not a depth picture: give 16-bit PNGs, millimetres")
    return np.asarray(depth, np.uint16)


def depths_at(
    depth: NDArray[np.uint16],
    points: NDArray[np.float64],
    seen: NDArray[np.bool_],
    size: tuple[int, int],
) -> NDArray[np.float64]:
    """Depth of a hand's points, relative to the wrist.

    The median of a small square around each point. A point is unknown if it isn't visible, if the
    depth of more than half of its square is unknown, or if it is further from the palm than a hand
    reaches: then it belongs to the background or another object.

    Args:
        depth: (h, w) millimetres.
        points: (21, 2) in pixels of the colour picture.
        seen: (21,) the point is in the picture and not occluded.
        size: width and height of the colour picture.

    Returns:
        (21,) millimetres behind (+) or in front of (-) the wrist; NaN = unknown. All NaN where the
        wrist itself is unknown.
    """
    scale = np.array([depth.shape[1] / size[0], depth.shape[0] / size[1]])
    places = points * scale
    palm = float(np.linalg.norm(places[9] - places[0]))
    half = max(1, round(WINDOW * palm / 2))
    found = np.full(len(points), np.nan)
    for i, (x, y) in enumerate(places):
        column, row = int(x), int(y)
        if not seen[i] or not (0 <= column < depth.shape[1] and 0 <= row < depth.shape[0]):
            continue
        window = depth[
            max(0, row - half) : row + half + 1, max(0, column - half) : column + half + 1
        ]
        known = window[window > 0]
        if known.size >= LEAST_KNOWN * window.size:
            found[i] = np.median(known)
    palms = found[list(_PALM)]
    if np.isnan(palms).all():
        return np.full(len(points), np.nan)
    middle = float(np.nanmedian(palms))
    with np.errstate(invalid="ignore"):
        found[np.abs(found - middle) > HAND_REACH_MM] = np.nan
    return np.asarray(found - found[0])
