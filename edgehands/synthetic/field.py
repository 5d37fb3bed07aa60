"""The shape of the hand as a signed distance field, from which ``sculpt`` makes the mesh.

Rounded cones along the bones, pads, muscles and webs, joined by a smooth minimum. Everything is in
hand millimetres and in the rest pose (see :mod:`edgehands.synthetic.anatomy`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.synthetic.anatomy import MCP, PHALANGES, REST, Bone, Skeleton, pose_skeleton

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Half widths (mm) along each finger: knuckle, mid proximal, PIP, mid middle, DIP, pulp, tip.
FINGER_RADII = np.array(
    [
        [10.4, 9.7, 9.7, 8.7, 8.3, 8.1, 5.9],
        [10.6, 9.9, 9.9, 8.9, 8.5, 8.3, 6.0],
        [10.0, 9.2, 9.3, 8.4, 8.0, 7.8, 5.8],
        [9.0, 8.1, 8.0, 7.3, 7.0, 6.9, 5.2],
    ]
)
THUMB_RADII = (12.0, 11.5, 10.8, 9.6, 10.0, 9.7, 7.0)
FOREARM_LENGTH = 430.0


def to_segment(
    p: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N,) distances of points to the segment from a to b."""
    return _cone(p, a, b, (0.0, 0.0))


def smooth_min(a: NDArray[np.float64], b: NDArray[np.float64], k: float) -> NDArray[np.float64]:
    """Minimum of two distance fields with a fillet of about ``k`` mm (polynomial blend)."""
    h = np.maximum(k - np.abs(a - b), 0.0) / k
    return np.asarray(np.minimum(a, b) - h * h * k * 0.25)


def _cone(
    p: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    radii: tuple[float, float],
    flat: tuple[NDArray[np.float64], float] | None = None,
) -> NDArray[np.float64]:
    """Distance to a rounded cone from a to b; ``flat`` = (axis, factor) flattens it along axis."""
    ab = b - a
    t = np.clip((p - a) @ ab / max(float(ab @ ab), 1e-9), 0.0, 1.0)
    d = p - (a + t[:, None] * ab)
    if flat is not None:
        axis, factor = flat
        d = d + (d @ axis)[:, None] * axis * (1.0 / factor - 1.0)
    return np.asarray(np.sqrt((d * d).sum(1)) - (radii[0] + t * (radii[1] - radii[0])))


def _ellipsoid(
    p: NDArray[np.float64],
    centre: NDArray[np.float64],
    axes: NDArray[np.float64],
    radii: tuple[float, float, float],
) -> NDArray[np.float64]:
    """Approximate distance to an ellipsoid whose axes are the columns of ``axes``."""
    q = (p - centre) @ axes
    r = np.array(radii)
    k0 = np.sqrt(((q / r) ** 2).sum(1))
    k1 = np.sqrt(((q / (r * r)) ** 2).sum(1))
    return np.asarray(k0 * (k0 - 1.0) / np.maximum(k1, 1e-6))


def _digit(
    p: NDArray[np.float64],
    joints: list[NDArray[np.float64]],
    frames: list[NDArray[np.float64]],
    radii: tuple[float, ...] | NDArray[np.float64],
    *,
    thumb: bool = False,
) -> NDArray[np.float64]:
    """One finger: shafts with a waist, palmar pads, a flattened pulp."""
    r = [float(v) for v in radii]
    d = np.full(len(p), 1e3)
    for k in range(3):
        a, b, f = joints[k], joints[k + 1], frames[k]
        along, pulp = f[:, 1], f[:, 2]
        if k == 2:
            end = b - along * r[6]
            belly = a + (end - a) * 0.55
            squeeze = (pulp, 0.84 if thumb else 0.9)
            d = smooth_min(d, _cone(p, a, belly, (r[4], r[5]), squeeze), 2.0)
            # The tip: flattened, its pulp slightly outside the bone's line.
            tip = end + pulp * 0.6
            d = smooth_min(d, _cone(p, belly, tip, (r[5], r[6]), squeeze), 2.0)
            pad = a + (end - a) * 0.62 + pulp * 1.7
            length = float(np.linalg.norm(b - a))
            d = smooth_min(d, _ellipsoid(p, pad, f, (r[5] * 0.93, length * 0.42, r[5] * 0.80)), 3.0)
        else:
            mid = (a + b) / 2
            flat = (pulp, 0.94)
            shaft = smooth_min(
                _cone(p, a, mid, (r[2 * k], r[2 * k + 1]), flat),
                _cone(p, mid, b, (r[2 * k + 1], r[2 * k + 2]), flat),
                2.0,
            )
            d = smooth_min(d, shaft, 2.0)
            length = float(np.linalg.norm(b - a))
            pad = a + (b - a) * 0.5 + pulp * (r[2 * k + 1] * 0.13)
            size = (r[2 * k + 1] * 0.95, length * 0.42, r[2 * k + 1] * 0.92)
            d = smooth_min(d, _ellipsoid(p, pad, f, size), 3.0)
    return d


def _palm(p: NDArray[np.float64], s: Skeleton) -> NDArray[np.float64]:
    """The body of the hand: metacarpals, muscles, webs between the fingers."""
    z = np.array([0.0, 0.0, 1.0])
    base = [[13.0, 16.0, 3.0], [3.0, 16.0, 3.0], [-8.0, 15.0, 3.0], [-17.0, 14.0, 4.0]]
    radii = (11.2, 11.6, 11.0, 10.0)
    d = np.full(len(p), 1e3)
    for i in range(4):
        head = MCP[i] + np.array([0.0, -4.0, 2.6])
        d = smooth_min(d, _cone(p, np.array(base[i]), head, (14.5, radii[i])), 9.0)
    # Pads over the finger roots; the hollow of the palm stays between the two muscles.
    for i in range(4):
        pp = s.rotations[Bone.INDEX_PP + 3 * i][:, 1]
        root = MCP[i] + pp * 9.0 + np.array([0.0, 0.0, 4.2])
        d = smooth_min(d, _cone(p, root, root - pp * 7, (8.2, 8.8)), 6.0)
    thumb = s.rotations[Bone.THUMB_MC]
    cmc, mcp1 = s.joints[1], s.joints[2]
    thenar = cmc + (mcp1 - cmc) * 0.50 + np.array([-5.0, -2.0, 3.0])
    d = smooth_min(d, _ellipsoid(p, thenar, thumb, (13.5, 30.0, 14.5)), 9.0)
    hypo = np.array([-22.0, 36.0, 7.5])
    tilt = np.stack(
        [
            np.array([0.96, 0.27, 0.0]),
            np.array([-0.27, 0.96, 0.0]),
            np.array([0.0, 0.0, 1.0]),
        ],
        axis=1,
    )
    d = smooth_min(d, _ellipsoid(p, hypo, tilt, (13.5, 32.0, 14.0)), 9.0)
    # The first web: from thumb to index knuckle.
    a = cmc + (mcp1 - cmc) * 0.80
    b = MCP[0] + np.array([-2.0, -16.0, 3.0])
    d = smooth_min(d, _cone(p, a, b, (7.0, 9.0), (z, 0.9)), 11.0)
    a = cmc + (mcp1 - cmc) * 0.45
    d = smooth_min(d, _cone(p, a, np.array([14.0, 58.0, 3.0]), (11.0, 12.0)), 9.0)
    # Webs between neighbouring fingers.
    for i in range(3):
        f0 = s.rotations[Bone.INDEX_PP + 3 * i][:, 1]
        f1 = s.rotations[Bone.INDEX_PP + 3 * i + 3][:, 1]
        a = MCP[i] + f0 * PHALANGES[i, 0] * 0.30 + np.array([0.0, 0.0, 2.0])
        b = MCP[i + 1] + f1 * PHALANGES[i + 1, 0] * 0.30 + np.array([0.0, 0.0, 2.0])
        d = smooth_min(d, _cone(p, a, b, (6.2, 6.0)), 4.0)
    return d


def _arm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Wrist and forearm: an oval tube with a square end."""
    y = -p[:, 1]
    t = np.clip(y / 220.0, 0.0, 1.0)
    rise = t * t * (3 - 2 * t)
    # Inside the hand the tube tapers, so that it fills the heel without enlarging it.
    inside = np.clip((p[:, 1] + 14.0) / 50.0, 0.0, 1.0)
    slim = inside * inside * (3 - 2 * inside)
    wide = 27.5 + 17.0 * rise - 11.0 * slim
    thick = 18.5 + 20.0 * rise - 12.5 * slim
    q = np.sqrt((p[:, 0] / wide) ** 2 + ((p[:, 2] - 2.0) / thick) ** 2)
    tube = (q - 1.0) * np.minimum(wide, thick)
    ulna = _ellipsoid(p, np.array([-18.5, -14.0, -8.5]), np.eye(3), (7.0, 13.0, 7.5))
    tube = smooth_min(tube, ulna, 9.0)
    return np.maximum(tube, np.maximum(y - FOREARM_LENGTH, -y - 42.0))


def distance(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Signed distance (mm, < 0 inside) of (N, 3) points to the hand in its rest pose."""
    s = pose_skeleton(REST)
    fingers = np.full(len(p), 1e3)
    for i in range(4):
        joints = [s.joints[5 + 4 * i + k] for k in range(4)]
        frames = [s.rotations[Bone.INDEX_PP + 3 * i + k] for k in range(3)]
        fingers = smooth_min(fingers, _digit(p, joints, frames, FINGER_RADII[i]), 2.0)
    thumb = _digit(
        p,
        [s.joints[1 + k] for k in range(4)],
        [s.rotations[Bone.THUMB_MC + k] for k in range(3)],
        THUMB_RADII,
        thumb=True,
    )
    body = smooth_min(_palm(p, s), _arm(p), 10.0)
    body = smooth_min(body, thumb, 7.0)
    return smooth_min(body, fingers, 4.5)
