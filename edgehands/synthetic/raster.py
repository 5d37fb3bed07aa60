"""Rasterise a mesh: find the triangle visible in each pixel, and its values there.

OpenCV fills the triangles back to front with their numbers (about 1 µs each, so a hand is drawn in
milliseconds without a GPU); everything else is then looked up for all pixels at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHIFT = 4  # fractional bits of OpenCV's polygon corners


@dataclass(frozen=True, slots=True)
class Coverage:
    """The result of rasterising triangles.

    Attributes:
        shape: (height, width) of the picture.
        pixels: (P,) flat indices of the covered pixels.
        triangles: (P,) the triangle visible there.
        weights: (P, 3) float32 barycentric weights of its corners.
    """

    shape: tuple[int, int]
    pixels: NDArray[np.int64]
    triangles: NDArray[np.int32]
    weights: NDArray[np.float32]

    def interpolate(
        self, faces: NDArray[np.int32], values: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(P, C) values per vertex (N, C), interpolated at the covered pixels."""
        corners = faces[self.triangles]
        out = values[corners[:, 0]] * self.weights[:, :1]
        out += values[corners[:, 1]] * self.weights[:, 1:2]
        out += values[corners[:, 2]] * self.weights[:, 2:]
        return out


def rasterise(
    xy: NDArray[np.float64],
    depth: NDArray[np.float64],
    faces: NDArray[np.int32],
    shape: tuple[int, int],
    *,
    mirrored: bool = False,
) -> Coverage:
    """Which triangle is nearest in each pixel.

    Args:
        xy: (N, 2) corner positions in pixels of the picture.
        depth: (N,) distance from the camera.
        faces: (M, 3) corners, counter-clockwise from outside in a right-handed space.
        shape: (height, width).
        mirrored: the mesh was mirrored, so its triangles have the opposite winding.
    """
    tri = xy[faces]
    ab, ac = tri[:, 1] - tri[:, 0], tri[:, 2] - tri[:, 0]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    front = area > 1e-9 if mirrored else area < -1e-9
    z = depth[faces]
    lo, hi = tri.min(1), tri.max(1)
    seen = (
        front & (z.min(1) > 1e-3) & (hi > 0).all(1) & (lo[:, 0] < shape[1]) & (lo[:, 1] < shape[0])
    )
    order = np.flatnonzero(seen)
    order = order[np.argsort(-z[order].sum(1), kind="stable")]
    # OpenCV's pixel centres are at whole numbers; ours at +0.5.
    corners = np.round((tri[order] - 0.5) * (1 << _SHIFT)).astype(np.int32)
    ids = np.zeros(shape, np.int32)
    fill = cv2.fillConvexPoly
    for number, points in zip((order + 1).tolist(), corners, strict=True):
        fill(ids, points, number, 8, _SHIFT)
    pixels = np.flatnonzero(ids)
    triangles = ids.ravel()[pixels] - 1
    origin, inverse = tri[:, 0].astype(np.float32), (1.0 / np.where(front, area, 1.0))
    px = (pixels % shape[1]).astype(np.float32) + 0.5 - origin[triangles, 0]
    py = (pixels // shape[1]).astype(np.float32) + 0.5 - origin[triangles, 1]
    m = (np.stack([ac[:, 1], -ac[:, 0], -ab[:, 1], ab[:, 0]], 1) * inverse[:, None]).astype(
        np.float32
    )[triangles]
    # Filled polygons include their border, so a centre may lie a little outside: clamp.
    w1 = np.clip(px * m[:, 0] + py * m[:, 1], 0.0, 1.0)
    w2 = np.minimum(np.clip(px * m[:, 2] + py * m[:, 3], 0.0, 1.0), 1.0 - w1)
    weights = np.stack([1.0 - w1 - w2, w1, w2], axis=1)
    return Coverage(shape, pixels, triangles, weights)
