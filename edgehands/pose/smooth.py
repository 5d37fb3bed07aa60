"""Smooth poses without lag: One Euro filters (Casiez, Roussel, Vogel 2012) on depth and rotation.

The incoming landmarks are smoothed already, so a hand's place in the picture is steady. What still
jitters is what the picture shows least: distance and rotation. Only these two are filtered, the
distance along the ray to the hand, so that an overlay stays on the hand.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edgehands.hand import Pose

Quaternion = tuple[float, float, float, float]
Vector = tuple[float, float, float]

_MIN_CUTOFF: Final = 0.9
"""Hz, for a hand that is still."""

_DEPTH_BETA: Final = 7.0
"""Hz more for each e-fold of distance a second: a push (0.3 in 0.3 s) is followed at 8 Hz."""

_TURN_BETA: Final = 1.5
"""Hz more for each radian a second."""

_SPEED_CUTOFF: Final = 1.5
_GAP_S: Final = 0.5


def _alpha(cutoff: float, dt: float) -> float:
    return 1.0 - math.exp(-2.0 * math.pi * cutoff * dt)


class PoseFilter:
    """Smooths the poses of one hand. Not thread-safe."""

    def __init__(self) -> None:
        self._t = 0.0
        self._depth: float | None = None
        self._depth_speed = 0.0
        self._turn: Quaternion = (0.0, 0.0, 0.0, 1.0)
        self._turn_speed: Vector = (0.0, 0.0, 0.0)

    def update(self, t: float, pose: Pose) -> Pose:
        """The smoothed pose at time t (seconds); restarts after a gap of half a second."""
        depth = math.log(pose.palm[2]) if pose.palm[2] > 0.0 else 0.0
        dt, self._t = t - self._t, t
        if self._depth is None or not 0.0 < dt < _GAP_S:
            self._depth, self._depth_speed = depth, 0.0
            self._turn, self._turn_speed = pose.quaternion, (0.0, 0.0, 0.0)
            return pose
        keep = _alpha(_SPEED_CUTOFF, dt)
        self._depth_speed += keep * ((depth - self._depth) / dt - self._depth_speed)
        cutoff = _MIN_CUTOFF + _DEPTH_BETA * abs(self._depth_speed)
        self._depth += _alpha(cutoff, dt) * (depth - self._depth)

        # The speed is a vector: jitter cancels out, a rotation adds up.
        turned = between(self._turn, pose.quaternion)
        vx, vy, vz = (
            old + keep * (new / dt - old) for old, new in zip(self._turn_speed, turned, strict=True)
        )
        self._turn_speed = (vx, vy, vz)
        part = _alpha(_MIN_CUTOFF + _TURN_BETA * math.sqrt(vx * vx + vy * vy + vz * vz), dt)
        self._turn = slerp(self._turn, pose.quaternion, part)

        ratio = math.exp(self._depth - depth)
        x, _, z = axes_of(self._turn)
        return replace(
            pose,
            wrist=_times(pose.wrist, ratio),
            palm=_times(pose.palm, ratio),
            quaternion=self._turn,
            palm_normal=z,
            pointing=x,
        )


def between(a: Quaternion, b: Quaternion) -> Vector:
    """The rotation from a to b as a vector: its axis in the frame of a, its length radians."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    w = aw * bw + ax * bx + ay * by + az * bz
    x = aw * bx - bw * ax - (ay * bz - az * by)
    y = aw * by - bw * ay - (az * bx - ax * bz)
    z = aw * bz - bw * az - (ax * by - ay * bx)
    sine = math.sqrt(x * x + y * y + z * z)
    k = 2.0 * math.atan2(sine, abs(w)) / max(sine, 1e-9)
    k = -k if w < 0.0 else k
    return (k * x, k * y, k * z)


def slerp(a: Quaternion, b: Quaternion, part: float) -> Quaternion:
    """From a (part 0) to b (part 1) by the shortest path, w >= 0."""
    dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]
    sign = -1.0 if dot < 0.0 else 1.0
    angle = math.acos(min(1.0, abs(dot)))
    if angle < 1e-4:
        ka, kb = 1.0 - part, part
    else:
        ka = math.sin((1.0 - part) * angle) / math.sin(angle)
        kb = math.sin(part * angle) / math.sin(angle)
    kb *= sign
    q = (
        ka * a[0] + kb * b[0],
        ka * a[1] + kb * b[1],
        ka * a[2] + kb * b[2],
        ka * a[3] + kb * b[3],
    )
    n = math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    n = -n if q[3] < 0.0 else n
    return (q[0] / n, q[1] / n, q[2] / n, q[3] / n)


def axes_of(q: Quaternion) -> tuple[Vector, Vector, Vector]:
    """The columns of the rotation matrix of a unit quaternion (x, y, z, w)."""
    x, y, z, w = q
    return (
        (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + z * w), 2.0 * (x * z - y * w)),
        (2.0 * (x * y - z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + x * w)),
        (2.0 * (x * z + y * w), 2.0 * (y * z - x * w), 1.0 - 2.0 * (x * x + y * y)),
    )


def _times(v: Vector, k: float) -> Vector:
    return (v[0] * k, v[1] * k, v[2] * k)
