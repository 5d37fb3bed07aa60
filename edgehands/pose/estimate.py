"""From landmarks and intrinsics to position and orientation in the camera frame.

The world landmarks seem to give a hand's orientation, but the model is least certain of depth: on
synthetic hands of known orientation their palm is off by 23 degrees (median), half of it a constant
lean away from the camera that photos of real hands show too. The picture is more accurate: the
apparent length of each bone shows how far it leans. So there are three cheap steps:

1. *Orientation.* The palm's normal is a linear function of all 21 landmarks in the picture, after
   the hand has been set upright, mirrored to one side and scaled. ``tools/fit_pose.py`` fitted the
   function to synthetic hands; one table is for hands that show their palm and one for backs.
2. *Position.* A rigid palm of five points, with that orientation and the given hand length, is put
   where a pinhole camera would see it at these pixels. For a known orientation that is linear in
   the translation: one small least-squares problem with a closed solution. The palm's apparent size
   also depends on the shape (a fist's knuckles are seen further out, from the back and from the
   palm differently): a table of the same kind gives the correction along the ray.
3. The model sees a crop as if it were taken straight ahead: the orientation is that of a hand on
the camera's axis, and is rotated with the ray to the hand.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.hand import Handedness, Pose
from edgehands.pose.tilt_table import BACK, PALM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import Hand
    from edgehands.pose.camera import Intrinsics

AVERAGE_HAND_LENGTH: Final = 0.185
"""Metres from the wrist's crease to the middle finger's tip: mean of women's and men's averages."""

# Where the model puts wrist, index, middle, ring and pinky MCP on a hand of 1 m length, seen from
# the wrist's joint: along the hand, to the thumb's side, out of the palm. It marks creases if the
# palm shows and knuckles if the back does. Medians over synthetic hands; the palms in the photos
# have the same ratio of width to length within 1 %.
_PALM_POINTS: Final = (
    (0.0563, -0.0058, 0.0263),
    (0.4768, 0.1305, 0.0211),
    (0.4763, 0.0153, 0.0158),
    (0.4421, -0.0895, 0.0263),
    (0.3995, -0.1816, 0.0421),
)
_BACK_POINTS: Final = (
    (0.0411, -0.0084, 0.0),
    (0.4537, 0.1326, 0.0),
    (0.4589, 0.0163, -0.0105),
    (0.4305, -0.09, 0.0),
    (0.3874, -0.1821, 0.0263),
)
_CENTRE: Final = 0.24
"""The palm's centre, in hand lengths from the wrist's joint: half-way to the knuckles."""

_ROOTS: Final = np.array([5, 9, 13, 17])
_RIGID: Final = np.array([0, 5, 9, 13, 17])
_TABLES: Final = {
    True: np.array(PALM, dtype=np.float64),
    False: np.array(BACK, dtype=np.float64),
}

Vector = tuple[float, float, float]


def estimate_pose(
    hand: Hand, intrinsics: Intrinsics, hand_length: float = AVERAGE_HAND_LENGTH
) -> Pose | None:
    """Estimate the pose of one hand in the camera frame.

    Args:
        hand: its handedness decides which side of it is seen; its presence enters the confidence.
        intrinsics: of pictures of the size that the landmarks belong to.
        hand_length: metres from the wrist's crease to the tip of the stretched middle finger.

    Returns:
        The pose, or None if the landmarks allow none (all in a line or in one point, behind the
        camera, not finite).
    """
    k = intrinsics
    seen: list[list[float]] = hand.landmarks[_RIGID].tolist()
    # The sense of rotation wrist - index - pinky shows which side of the hand is visible.
    (wx, wy, _), (ix, iy, _), _, _, (px, py, _) = seen
    turning = (ix - wx) * (py - wy) - (iy - wy) * (px - wx)
    right = hand.handedness is Handedness.RIGHT
    shows_palm = (turning < 0.0) == right
    # Mirrored where needed, so that every hand looks like a right palm.
    mirror = 1.0 if turning < 0.0 else -1.0

    tilt = _tilt(hand.landmarks, mirror, shows_palm=shows_palm)
    if tilt is None:
        return None
    normal_x, normal_y, along_x, along_y, further = tilt
    flat = math.hypot(normal_x, normal_y)
    if flat > _STEEPEST:
        normal_x, normal_y = normal_x * _STEEPEST / flat, normal_y * _STEEPEST / flat
    facing = math.sqrt(1.0 - normal_x * normal_x - normal_y * normal_y)
    # The visible side faces the camera, against z.
    sign = 1.0 if shows_palm else -1.0
    z = (sign * normal_x, sign * normal_y, -sign * facing)
    # Along the hand: perpendicular to the normal, and along its direction in the picture.
    x = _unit((along_x, along_y, (along_x * normal_x + along_y * normal_y) / facing))

    centre_x = sum(p[0] for p in seen) / 5.0
    centre_y = sum(p[1] for p in seen) / 5.0
    turn = _turn_to((centre_x - k.cx) / k.fx, (centre_y - k.cy) / k.fy)
    x, z = _turned(turn, x), _turned(turn, z)
    y = _cross(z, x)
    thumb = -1.0 if right else 1.0  # the thumb's direction along y
    model = [
        (
            hand_length * (a * x[0] + thumb * b * y[0] + c * z[0]),
            hand_length * (a * x[1] + thumb * b * y[1] + c * z[1]),
            hand_length * (a * x[2] + thumb * b * y[2] + c * z[2]),
        )
        for a, b, c in (_PALM_POINTS if shows_palm else _BACK_POINTS)
    ]
    wrist, error = _place(seen, k, model)
    if wrist is None:
        return None
    wrist = (wrist[0] * further, wrist[1] * further, wrist[2] * further)
    middle = hand_length * _CENTRE
    return Pose(
        wrist=wrist,
        palm=(
            wrist[0] + x[0] * middle,
            wrist[1] + x[1] * middle,
            wrist[2] + x[2] * middle,
        ),
        quaternion=_quaternion(x, y, z),
        palm_normal=z,
        pointing=x,
        # Halves at an error of 6 % of the hand's length; goes to 0 if the palm is a line.
        confidence=hand.presence
        * math.exp(-0.7 * (error / (0.06 * hand_length)) ** 2)
        * min(1.0, 2.5 * facing),
    )


_STEEPEST: Final = 0.98
"""Sine of the greatest lean that is accepted: beyond 79 degrees a palm is a line."""


def _tilt(
    landmarks: NDArray[np.float32], mirror: float, *, shows_palm: bool
) -> tuple[float, float, float, float, float] | None:
    """The table's output.

    Returns:
        x and y of the visible side's normal, x and y of the hand's direction in the picture, and
        the factor for the distance.
    """
    features, sine, cosine = upright(landmarks, mirror)
    if features is None:
        return None
    table = _TABLES[shows_palm]
    nx, ny, ax, far = (features @ table[:-1] + table[-1]).tolist()
    ax = min(0.9, max(-0.9, ax))
    ay = -math.sqrt(1.0 - ax * ax)
    return (
        mirror * (cosine * nx - sine * ny),
        sine * nx + cosine * ny,
        mirror * (cosine * ax - sine * ay),
        sine * ax + cosine * ay,
        math.exp(min(0.3, max(-0.3, far))),
    )


def upright(
    landmarks: NDArray[np.float32], mirror: float
) -> tuple[NDArray[np.float64] | None, float, float]:
    """Landmarks set upright, mirrored to one side and scaled: the table's input.

    Args:
        landmarks: (21, 3) frame pixels.
        mirror: -1 to mirror x, else 1.

    Returns:
        (63,) centred on the fingers' roots, wrist straight below, distance from wrist to roots 1;
        and sine and cosine of the rotation that was undone. None for points that aren't a hand.
    """
    points = landmarks.astype(np.float64)
    if not math.isfinite(float(points.sum())):
        return None, 0.0, 1.0
    roots = points[_ROOTS]
    points -= roots.mean(axis=0)
    points[:, 0] *= mirror
    wx, wy, _ = points[0].tolist()
    arms = points[_ROOTS, :2] - points[0, :2]
    size = float(np.sqrt(np.einsum("ij,ij->i", arms, arms)).mean())
    length = math.hypot(wx, wy)
    if not (size > 1e-3 and length > 1e-3):
        return None, 0.0, 1.0
    sine, cosine = -wx / length, wy / length
    x = (cosine * points[:, 0] + sine * points[:, 1]) / size
    y = (cosine * points[:, 1] - sine * points[:, 0]) / size
    return np.stack([x, y, points[:, 2] / size], axis=1).reshape(63), sine, cosine


def _place(
    seen: list[list[float]],
    k: Intrinsics,
    model: list[Vector],
) -> tuple[Vector | None, float]:
    """Position of the wrist that best explains the palm's points; and the error in metres."""
    rays = [((p[0] - k.cx) / k.fx, (p[1] - k.cy) / k.fy) for p in seen]
    # (X + t_x) = u (Z + t_z) for each point: linear in t, and t_x, t_y drop out with the means.
    shifts = [(m[0] - u * m[2], m[1] - v * m[2]) for (u, v), m in zip(rays, model, strict=True)]
    mean_u, mean_v = sum(r[0] for r in rays) / 5.0, sum(r[1] for r in rays) / 5.0
    mean_a, mean_b = sum(s[0] for s in shifts) / 5.0, sum(s[1] for s in shifts) / 5.0
    spread = product = 0.0
    for (u, v), (a, b) in zip(rays, shifts, strict=True):
        spread += (u - mean_u) ** 2 + (v - mean_v) ** 2
        product += (u - mean_u) * (a - mean_a) + (v - mean_v) * (b - mean_b)
    depth = product / max(spread, 1e-12)
    if not 0.01 < depth < 1e3:  # also false for nan
        return None, 0.0
    squares = 0.0
    for (u, v), (a, b) in zip(rays, shifts, strict=True):
        squares += ((u - mean_u) * depth - (a - mean_a)) ** 2
        squares += ((v - mean_v) * depth - (b - mean_b)) ** 2
    wrist = (mean_u * depth - mean_a, mean_v * depth - mean_b, depth)
    return wrist, math.sqrt(squares / 5.0)


def _turn_to(x: float, y: float) -> tuple[Vector, Vector, Vector]:
    """Rows of the matrix that rotates the optical axis to the ray (x, y, 1) the shortest way."""
    n = math.sqrt(x * x + y * y + 1.0)
    rx, ry, rz = x / n, y / n, 1.0 / n
    f = 1.0 / (1.0 + rz)
    return (
        (1.0 - rx * rx * f, -rx * ry * f, rx),
        (-rx * ry * f, 1.0 - ry * ry * f, ry),
        (-rx, -ry, rz),
    )


def _turned(turn: tuple[Vector, Vector, Vector], v: Vector) -> Vector:
    a, b, c = turn
    return (
        a[0] * v[0] + a[1] * v[1] + a[2] * v[2],
        b[0] * v[0] + b[1] * v[1] + b[2] * v[2],
        c[0] * v[0] + c[1] * v[1] + c[2] * v[2],
    )


def _cross(a: Vector, b: Vector) -> Vector:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def _unit(v: Vector) -> Vector:
    n = math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2])
    return (v[0] / n, v[1] / n, v[2] / n)


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
