"""What a hand's shape is, in a handful of numbers: finger states, pinch, directions.

Everything here is measured on the world landmarks and is independent of the hand's size, of left
and right, and of how the hand is turned in the picture (only ``thumb_up`` and ``index_up`` look at
where up is, and only they should).

The thresholds were read off the world landmarks that MediaPipe gives for photos of about 140
signers showing digits (5th and 95th percentile of each measure for raised and lowered fingers).
``scripts/eval_gestures`` prints what they reach.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.errors import GestureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import Hand

FINGERS: Final = ("thumb", "index", "middle", "ring", "pinky")
"""The order of every five-number tuple in this room."""

# One table of (from, to) pairs lets numpy form every vector that is needed in one subtraction:
# small arrays cost 1-5 us a call, so the number of calls is what this function pays for.
_REACH_TIP: Final = ((0, 8), (0, 12), (0, 16), (0, 20))
_REACH_PIP: Final = ((0, 6), (0, 10), (0, 14), (0, 18))
_PALM_BONE: Final = ((0, 5), (0, 9), (0, 13), (0, 17))
_MIDDLE_BONE: Final = ((6, 7), (10, 11), (14, 15), (18, 19))
_FIRST_BONE: Final = ((5, 6), (9, 10), (13, 14), (17, 18))
_LAST_BONE: Final = ((7, 8), (11, 12), (15, 16), (19, 20))
_OTHERS: Final = ((5, 17), (5, 4), (2, 3), (3, 4), (4, 8), (2, 4), (5, 8), (4, 6))
_PAIRS: Final = (
    *(*_REACH_TIP, *_REACH_PIP),
    *(*_PALM_BONE, *_FIRST_BONE, *_MIDDLE_BONE, *_LAST_BONE),
    *_OTHERS,
)
_WIDTH, _THUMB_OFF, _THUMB_MID, _THUMB_END, _TIPS, _THUMB, _INDEX, _CLEAR = range(24, 32)
_FROM: Final = np.array([a for a, _ in _PAIRS])
_TO: Final = np.array([b for _, b in _PAIRS])

# |tip - wrist| / |middle joint - wrist| of a lowered finger; the pinky's runs higher.
_REACH_LOW: Final = (1.12, 1.12, 1.12, 1.19)


def ramp(value: float, zero: float, one: float) -> float:
    """0 at ``zero``, 1 at ``one``, straight in between, flat outside (either order)."""
    return min(1.0, max(0.0, (value - zero) / (one - zero)))


@dataclass(frozen=True, slots=True)
class HandShape:
    """The shape of one hand in one frame.

    Attributes:
        extension: thumb, index, middle, ring, pinky: 0 lowered .. 1 raised. The thumb is raised
            when it stands out beside the palm, lowered when it lies over it.
        tightness: index, middle, ring, pinky: 0 not folded .. 1 folded towards the wrist.
        rolled: 0 .. 1, how far the four fingers' middle joints are bent as in a fist. The curved
            fingers of an O or a claw reach as little as a loose fist's, but their middle joints
            bend by 50 degrees (median of the photos) where a fist's bend by 85.
        thumb_straight: 0 bent at its last joint .. 1 straight.
        thumb_clear: distance of the thumb's tip from the index finger's middle joint, in palm
            sizes: tells a thumb that stands off a fist from one that leans on it.
        touch: 0 .. 1, how close thumb tip and index tip are (1 touching).
        thumb_up: cosine between the thumb and up, both as seen in the picture (depth is the
            least certain of the three coordinates), -1 .. 1; near 0 when the thumb points at the
            camera or away from it.
        index_up: the same of the index finger.
    """

    extension: tuple[float, float, float, float, float]
    tightness: tuple[float, float, float, float]
    rolled: float
    thumb_straight: float
    thumb_clear: float
    touch: float
    thumb_up: float
    index_up: float


def check_landmarks(points: NDArray[np.float32]) -> None:
    """Raise :class:`GestureError` unless ``points`` is (21, 3) and finite."""
    if points.shape != (21, 3):
        raise GestureError(f"hand landmarks of shape {points.shape}: give an array of (21, 3)")
    if not math.isfinite(float(points.sum())):
        raise GestureError("hand landmarks that aren't finite numbers: drop this hand")


def shape_of(world: NDArray[np.float32]) -> HandShape:
    """Measure the shape of a hand.

    Args:
        world: (21, 3) world landmarks in metres (any scale does), axes as in the picture.

    Raises:
        GestureError: not (21, 3), not finite, or all points in one place.
    """
    check_landmarks(world)
    vectors = world[_TO] - world[_FROM]
    v: list[list[float]] = vectors.tolist()
    n: list[float] = np.sqrt(np.einsum("ij,ij->i", vectors, vectors)).tolist()
    palm = n[9]
    if min(n[4:25]) < 1e-6:
        raise GestureError("hand landmarks that fall together in one point: drop this hand")

    reach = [n[i] / n[4 + i] for i in range(4)]
    middle_bend = [_angle(v, n, 12 + i, 16 + i) for i in range(4)]
    # The first joint counts half: a straight finger that points at the camera is still raised.
    bend = [
        0.5 * _angle(v, n, 8 + i, 12 + i) + middle_bend[i] + _angle(v, n, 16 + i, 20 + i)
        for i in range(4)
    ]
    fingers = [
        0.5 * ramp(r, low, low + 0.22) + 0.5 * ramp(b, 115.0, 60.0)
        for r, b, low in zip(reach, bend, _REACH_LOW, strict=True)
    ]
    tightness = [ramp(r, 1.05, 0.85) for r in reach]

    # Where the thumb's tip is across the palm: 0 at the index finger's root, 1 at the pinky's,
    # negative outside, on the thumb's own side.
    across = _dot(v[_THUMB_OFF], v[_WIDTH]) / (n[_WIDTH] * n[_WIDTH])
    tips = n[_TIPS] / palm
    # A thumb that meets a half-bent index finger (a pinch, or an O with all fingers lowered)
    # stands out beside the palm, but nobody counts it as raised.
    meets = max(ramp(tips, 0.75, 0.5), ramp(tips, 1.25, 1.05) * (1.0 - max(fingers)))
    opposed = meets * (1.0 - fingers[0]) * ramp(reach[0], 0.7, 0.8)
    thumb = ramp(across, -0.05, -0.45) * (1.0 - opposed)
    return HandShape(
        extension=(thumb, fingers[0], fingers[1], fingers[2], fingers[3]),
        tightness=(tightness[0], tightness[1], tightness[2], tightness[3]),
        rolled=ramp(sum(middle_bend) / 4.0, 50.0, 72.0),
        thumb_straight=ramp(_angle(v, n, _THUMB_MID, _THUMB_END), 50.0, 25.0),
        thumb_clear=n[_CLEAR] / palm,
        touch=ramp(tips, 0.85, 0.25),
        thumb_up=_upness(v[_THUMB], n[_THUMB]),
        index_up=_upness(v[_INDEX], n[_INDEX]),
    )


def count_fingers(hand: Hand) -> int:
    """How many fingers a hand holds up, 0 to 5 (the thumb counts when it stands out).

    Raises:
        GestureError: the hand's world landmarks aren't (21, 3) finite numbers.
    """
    return sum(e >= 0.5 for e in shape_of(hand.world_landmarks).extension)


def pinch_strength(hand: Hand) -> float:
    """How close the tips of thumb and index finger are: 0 apart .. 1 touching.

    0 in a fist, where the tips may be close too but nothing is held between them.

    Raises:
        GestureError: the hand's world landmarks aren't (21, 3) finite numbers.
    """
    return pinch_of(shape_of(hand.world_landmarks))


def pinch_of(shape: HandShape) -> float:
    """:func:`pinch_strength` of a shape that is already measured."""
    return shape.touch * ramp(shape.tightness[0], 1.0, 0.5)


def _dot(a: list[float], b: list[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _angle(v: list[list[float]], n: list[float], i: int, j: int) -> float:
    """Angle in degrees between vectors i and j (0 when a bone has no length)."""
    cosine = _dot(v[i], v[j]) / max(n[i] * n[j], 1e-12)
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


def _upness(vector: list[float], length: float) -> float:
    """Cosine with up in the picture plane; fades out where the picture shows little of it."""
    seen = math.hypot(vector[0], vector[1])
    return -vector[1] / max(seen, 0.5 * length, 1e-6)
