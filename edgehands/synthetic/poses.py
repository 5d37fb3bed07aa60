"""Named hand shapes, their variation, and how fingers are kept from intersecting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.errors import UsageError
from edgehands.synthetic.anatomy import LIMITS, Finger, HandPose, Thumb, clamp, pose_skeleton
from edgehands.synthetic.body import Spheres, spheres

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CURL = (86.0, 100.0, 58.0)


def _curled(spread: float, mcp: float = 86.0, pip: float = 100.0, dip: float = 58.0) -> Finger:
    return Finger(spread, mcp, pip, dip)


_OPEN = (Finger(9, 2, 3, 2), Finger(1, 1, 3, 2), Finger(-7, 2, 3, 2), Finger(-17, 3, 4, 2))
_FIST = (_curled(3), _curled(0), _curled(-3), _curled(-6, 88, 98, 58))
_THUMB_OVER = Thumb(26, 51, -8, 42, 46)
_THUMB_OUT = Thumb(50, 14, 48, 2, -4)

POSES: dict[str, HandPose] = {
    "open_palm": HandPose(Thumb(44, 18, 48, 4, 2), *_OPEN),
    "fist": HandPose(_THUMB_OVER, *_FIST, cup=6),
    "point": HandPose(_THUMB_OVER, Finger(4, 2, 4, 2), *_FIST[1:], cup=4),
    "victory": HandPose(
        Thumb(20, 48, -10, 44, 50), Finger(13, 2, 4, 2), Finger(-9, 2, 4, 2), *_FIST[2:], cup=4
    ),
    "three": HandPose(_THUMB_OUT, Finger(11, 2, 4, 2), Finger(-4, 2, 4, 2), *_FIST[2:]),
    "four": HandPose(Thumb(17, 34, -14, 50, 62), *_OPEN, cup=4),
    "thumbs_up": HandPose(Thumb(52, 10, 50, -4, -10), *_FIST),
    "thumbs_down": HandPose(Thumb(52, 10, 50, -4, -10), *_FIST),
    "pinch": HandPose(
        Thumb(20, 36, 6, 10, 7),
        Finger(5, 51, 44, 34),
        _curled(0, 70, 80, 40),
        _curled(-3, 78, 90, 46),
        _curled(-6, 80, 90, 46),
    ),
    "ok": HandPose(
        Thumb(18, 38, 0, 6, 9),
        Finger(5, 52, 47, 20),
        Finger(0, 14, 12, 6),
        Finger(-6, 6, 8, 4),
        Finger(-15, 2, 6, 3),
        cup=4,
    ),
    "rock": HandPose(
        Thumb(20, 53, -8, 42, 50), Finger(6, 2, 4, 2), *_FIST[1:3], Finger(-12, 4, 5, 3)
    ),
    "call": HandPose(Thumb(54, 14, 46, -4, -10), *_FIST[:3], Finger(-18, 6, 5, 3)),
    "i_love_you": HandPose(
        Thumb(54, 14, 48, 0, -6), Finger(8, 2, 4, 2), *_FIST[1:3], Finger(-16, 4, 5, 3)
    ),
    "relaxed": HandPose(
        Thumb(30, 32, 20, 16, 20),
        Finger(4, 24, 26, 14),
        Finger(1, 30, 34, 18),
        Finger(-2, 34, 38, 20),
        Finger(-6, 36, 38, 20),
        cup=4,
    ),
}
"""The shapes by name; ``random`` is a new one each time."""

NAMES: tuple[str, ...] = (*POSES, "random")

# Standard deviation of each angle about a named shape, degrees (before the joint's limits).
_LOOSE = np.array([*(4, 4, 5, 5, 6), *((2.5, 4, 4, 3) * 4), 9, 5, 3], np.float64)


def depth_of_contact(a: Spheres, b: Spheres | None = None) -> float:
    """How deep balls of different parts overlap, millimetres; <= 0: none do.

    Neighbours on the skeleton of one hand don't count: a finger's root lies in the palm, and
    neighbouring fingers touch at their roots.
    """
    if b is None:
        i, j = _pairs(len(a.radii), a.part)
        gap = np.linalg.norm(a.centres[i] - a.centres[j], axis=1) - a.radii[i] - a.radii[j]
        return float(-gap.min())
    distance = np.linalg.norm(a.centres[:, None] - b.centres[None], axis=2)
    return float((a.radii[:, None] + b.radii[None] - distance).max())


def _pairs(n: int, part: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which balls may touch: fingers with other fingers, finger ends with the palm."""
    order = np.arange(n)
    first = {int(p): int(order[part == p][0]) for p in range(7)}
    rank = np.array([order[k] - first[int(part[k])] for k in range(n)])
    i, j = np.triu_indices(n, 1)
    a, b = part[i], part[j]
    fingers = (a != b) & (a <= 4) & (b <= 4)
    # The first two balls of a finger and of the thumb's metacarpal are in the palm's flesh.
    root_i, root_j = rank[i] < 2, rank[j] < 2
    thumb_root = ((a == 0) & (rank[i] < 3)) | ((b == 0) & (rank[j] < 3))
    neighbours = fingers & (np.abs(a - b) == 1) & (a > 0) & (root_i | root_j)
    palm = ((a <= 4) & (b == 5)) & (rank[i] >= 6)
    keep = (fingers & ~neighbours & ~thumb_root) | palm
    return i[keep].astype(np.int64), j[keep].astype(np.int64)


TOUCH = 3.0
"""Millimetres that soft flesh may be compressed where fingers touch."""


def is_free(pose: HandPose, touch: float = TOUCH) -> bool:
    """Keep fingers from intersecting each other or the palm."""
    return depth_of_contact(spheres(pose_skeleton(pose))) <= touch


def vary(pose: HandPose, rng: np.random.Generator, amount: float = 1.0) -> HandPose:
    """A person's own version of a shape: every angle varies slightly, nothing intersects."""
    middle = pose.to_vector()
    change = rng.normal(0, 1, 24) * _LOOSE * amount
    for shrink in (1.0, 0.7, 0.5, 0.3, 0.15):
        tried = clamp(HandPose.from_vector(middle + change * shrink))
        if is_free(tried):
            return tried
    return pose


def random_pose(rng: np.random.Generator) -> HandPose:
    """Any shape a hand can take: each finger independently open, half closed or closed."""
    while True:
        fingers = []
        curls = [
            float(rng.choice([rng.beta(1, 4), rng.beta(2, 2), rng.beta(4, 1)])) for _ in "imrp"
        ]
        # Tendons couple the last three fingers: the ring finger hardly moves alone.
        curls[2] = 0.4 * curls[2] + 0.3 * (curls[1] + curls[3])
        for i, curl in enumerate(curls):
            spread = (6.0, 0.0, -4.0, -11.0)[i] * (1 - 0.7 * curl) + rng.normal(0, 4)
            joints = [curl * c + rng.normal(0, 7) for c in _CURL]
            fingers.append(Finger(spread, *joints))
        thumb = Thumb(
            rng.uniform(12, 56),
            rng.uniform(8, 52),
            rng.uniform(-15, 55),
            rng.uniform(-4, 45),
            rng.uniform(-8, 60),
        )
        index, middle, ring, pinky = fingers
        bend = (rng.normal(0, 15), rng.normal(0, 7), rng.uniform(0, 12))
        pose = clamp(HandPose(thumb, index, middle, ring, pinky, *bend))
        if is_free(pose):
            return pose


def named_pose(name: str, rng: np.random.Generator | None = None) -> HandPose:
    """A shape by name; with a generator, one person's version of it.

    Raises:
        UsageError: there is no shape of that name.
    """
    if name not in NAMES:
        raise UsageError(f"gesture {name!r}: unknown shape; give one of {', '.join(NAMES)}")
    if name == "random":
        return random_pose(rng or np.random.default_rng(0))
    pose = POSES[name]
    return pose if rng is None else vary(pose, rng)


def blend(a: HandPose, b: HandPose, t: float) -> HandPose:
    """Blend two shapes, t = 0..1; the thumb avoids the fingers where needed."""
    va, vb = a.to_vector(), b.to_vector()
    pose = HandPose.from_vector(va + (vb - va) * t)
    lift = 0.0
    while lift < 1.0 and not is_free(pose, TOUCH + 1.0):
        lift += 0.125
        v = va + (vb - va) * t
        v[0] += (LIMITS[0, 1] - 10 - v[0]) * lift
        v[3] += (5 - v[3]) * lift
        v[4] += (5 - v[4]) * lift
        pose = HandPose.from_vector(v)
    return pose
