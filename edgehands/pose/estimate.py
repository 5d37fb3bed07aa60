"""From landmarks and intrinsics to a place and a turn in the camera frame.

The world landmarks say how the hand is shaped and turned, the landmarks say where in the picture
each of those points is seen. A pinhole camera sees ``X + t`` at ``(X + t)_xy / (X + t)_z``;
for a known ``X`` that is linear in the translation ``t``, so ``t`` is one small least-squares
problem with a closed solution: 20 times cheaper than an iterative PnP.

Two things come before it:

* The landmark model sees a crop as if it were taken straight ahead. The hand's true turn is the
  model's, turned by the angle between the optical axis and the ray to the hand.
* The model can't know how large the hand is: its world landmarks are scaled to the hand's length.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.hand import Handedness, Pose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import Hand
    from edgehands.pose.camera import Intrinsics

AVERAGE_HAND_LENGTH: Final = 0.185
"""Metres from the wrist's crease to the middle finger's tip: mean of women's and men's averages."""

PALM_PER_LENGTH: Final = 1.9
"""Sum of the palm's five distances (:func:`palm_measure`) in hand lengths."""

_A: Final = np.array([0, 0, 0, 0, 5])
_B: Final = np.array([5, 9, 13, 17, 17])

Vector = tuple[float, float, float]


def palm_measure(world: NDArray[np.float32]) -> float:
    """How large the palm is: sum of wrist to each finger's root and of the palm's breadth.

    The palm hardly bends, so this stays the same while fingers move.
    """
    d = world[_B] - world[_A]
    return float(np.sqrt(np.einsum("ij,ij->i", d, d)).sum())


def estimate_pose(hand: Hand, intrinsics: Intrinsics, scale: float = 1.0) -> Pose | None:
    """Place one hand in the camera frame.

    Args:
        hand: its landmarks' z isn't used; its handedness decides which side of the palm the
            normal leaves; its presence enters the confidence.
        intrinsics: of pictures of the size that the landmarks belong to.
        scale: what the world landmarks must be multiplied by to be as large as the real hand.

    Returns:
        The pose, or None when the landmarks allow none (all in a line or in one point, behind the
        camera, not finite).
    """
    k = intrinsics
    rays = (hand.landmarks[:, :2] - (k.cx, k.cy)) / (k.fx, k.fy)
    middle: list[float] = rays.mean(axis=0).tolist()
    turn = _turn_to(middle[0], middle[1])
    points = (hand.world_landmarks @ turn) * scale
    shift = points[:, :2] - rays * points[:, 2:]
    ray_mean, shift_mean = rays.mean(axis=0), shift.mean(axis=0)
    rays_c, shift_c = rays - ray_mean, shift - shift_mean
    spread = float(np.einsum("ij,ij->", rays_c, rays_c))
    depth = float(np.einsum("ij,ij->", rays_c, shift_c)) / max(spread, 1e-12)
    if not 0.01 < depth < 1e3:  # also false for nan
        return None
    residual = rays_c * depth - shift_c
    error = math.sqrt(float(np.einsum("ij,ij->", residual, residual)) / 21.0)
    tx, ty = (ray_mean * depth - shift_mean).tolist()

    p: list[list[float]] = points.tolist()
    axes = _palm_axes(p, right=hand.handedness is Handedness.RIGHT)
    if axes is None:
        return None
    pointing, side, normal = axes
    size = math.dist(p[0], p[9])
    centre = [(p[0][i] + p[5][i] + p[9][i] + p[13][i] + p[17][i]) / 5.0 for i in range(3)]
    return Pose(
        wrist=(p[0][0] + tx, p[0][1] + ty, p[0][2] + depth),
        palm=(centre[0] + tx, centre[1] + ty, centre[2] + depth),
        quaternion=_quaternion(pointing, side, normal),
        palm_normal=normal,
        pointing=pointing,
        confidence=hand.presence * math.exp(-0.5 * (error / (0.15 * max(size, 1e-6))) ** 2),
    )


def _turn_to(x: float, y: float) -> NDArray[np.float32]:
    """(3, 3) for row vectors: turns the optical axis to the ray (x, y, 1) by the shortest way."""
    n = math.sqrt(x * x + y * y + 1.0)
    rx, ry, rz = x / n, y / n, 1.0 / n
    f = 1.0 / (1.0 + rz)
    return np.array(
        [
            [1.0 - rx * rx * f, -rx * ry * f, -rx],
            [-rx * ry * f, 1.0 - ry * ry * f, -ry],
            [rx, ry, rz],
        ],
        dtype=np.float32,
    )


def _palm_axes(p: list[list[float]], *, right: bool) -> tuple[Vector, Vector, Vector] | None:
    """The hand frame's axes x, y, z in the frame of ``p``; None where the palm has no area."""
    wrist, index, middle, ring, pinky = p[0], p[5], p[9], p[13], p[17]
    along = [middle[i] - wrist[i] for i in range(3)]
    # Two triangles of the palm that share the wrist: their normals' sum weighs each by its area.
    a = [index[i] - wrist[i] for i in range(3)]
    b = [pinky[i] - wrist[i] for i in range(3)]
    c = [ring[i] - wrist[i] for i in range(3)]
    first, second, third = _cross(a, b), _cross(a, c), _cross(along, b)
    normal = [first[i] + second[i] + third[i] for i in range(3)]
    if not right:
        normal = [-v for v in normal]
    x = _unit(along)
    z = _unit(normal)
    if x is None or z is None:
        return None
    y = _unit(_cross(z, x))
    if y is None:
        return None
    z = _cross(x, y)
    return x, y, z


def _cross(a: list[float] | Vector, b: list[float] | Vector) -> Vector:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def _unit(v: list[float] | Vector) -> Vector | None:
    n = math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    return (v[0] / n, v[1] / n, v[2] / n) if n > 1e-9 else None


def _quaternion(x: Vector, y: Vector, z: Vector) -> tuple[float, float, float, float]:
    """(x, y, z, w), w >= 0, of the rotation whose columns are the three axes (Shepperd 1978)."""
    trace = x[0] + y[1] + z[2]
    squares = (x[0], y[1], z[2], trace)
    largest = squares.index(max(squares))
    if largest == 3:
        q = (y[2] - z[1], z[0] - x[2], x[1] - y[0], 1.0 + trace)
    elif largest == 0:
        q = (1.0 + 2.0 * x[0] - trace, x[1] + y[0], x[2] + z[0], y[2] - z[1])
    elif largest == 1:
        q = (x[1] + y[0], 1.0 + 2.0 * y[1] - trace, y[2] + z[1], z[0] - x[2])
    else:
        q = (x[2] + z[0], y[2] + z[1], 1.0 + 2.0 * z[2] - trace, x[1] - y[0])
    n = math.sqrt(sum(v * v for v in q))
    n = -n if q[3] < 0.0 else n
    return (q[0] / n, q[1] / n, q[2] / n, q[3] / n)
