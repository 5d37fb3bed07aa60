"""A hand's shape as a few numbers: finger states, pinch, directions.

Everything here is measured on the world landmarks and doesn't depend on the hand's size, its side
or its rotation in the picture (except ``thumb_up`` and ``index_up``, which are relative to up).

The thresholds come from the world landmarks that MediaPipe gives for photos of about 140 signers
showing digits (5th and 95th percentile of each measure for raised and lowered fingers).
``tools/eval_gestures.py`` prints the accuracy they reach.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.errors import GestureError
from edgehands.gestures.shape_probabilities import shape_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import Hand

FINGERS: Final = ("thumb", "index", "middle", "ring", "pinky")
"""The order of all five-number tuples in this package."""

# One table of (from, to) pairs lets numpy compute all vectors in one subtraction: calls on small
# arrays cost 1-5 us each, so their number determines the cost.
_REACH_TIP: Final = ((0, 8), (0, 12), (0, 16), (0, 20))
_REACH_PIP: Final = ((0, 6), (0, 10), (0, 14), (0, 18))
_PALM_BONE: Final = ((0, 5), (0, 9), (0, 13), (0, 17))
_MIDDLE_BONE: Final = ((6, 7), (10, 11), (14, 15), (18, 19))
_FIRST_BONE: Final = ((5, 6), (9, 10), (13, 14), (17, 18))
_LAST_BONE: Final = ((7, 8), (11, 12), (15, 16), (19, 20))
_OTHERS: Final = ((17, 5), (5, 4), (4, 8), (2, 4), (5, 8), (4, 6), (4, 12))
_PAIRS: Final = (
    *(*_REACH_TIP, *_REACH_PIP),
    *(*_PALM_BONE, *_FIRST_BONE, *_MIDDLE_BONE, *_LAST_BONE),
    *_OTHERS,
)
_ACROSS, _TO_THUMB, _TIPS, _THUMB, _INDEX, _TO_JOINT, _TO_MIDDLE = range(24, 31)
_FROM: Final = np.array([a for a, _ in _PAIRS])
_TO: Final = np.array([b for _, b in _PAIRS])

# |tip - wrist| / |middle joint - wrist| of a lowered finger; higher for the pinky.
_REACH_LOW: Final = (1.12, 1.12, 1.12, 1.22)


def ramp(value: float, zero: float, one: float) -> float:
    """0 at ``zero``, 1 at ``one``, linear in between, constant outside (either order)."""
    return min(1.0, max(0.0, (value - zero) / (one - zero)))


@dataclass(frozen=True, slots=True)
class HandShape:
    """The shape of one hand in one frame.

    Attributes:
        extension: thumb, index, middle, ring, pinky: 0 lowered .. 1 raised. The thumb is raised if
            it stands out beside the palm without touching a finger, lowered if it lies over the
            palm.
        thumb_out: 0 .. 1, the thumb stands out beside the palm, touching a finger or not.
        closed: 0 .. 1, middle, ring and pinky are folded into the palm, not merely curved.
        gathered: 0 .. 1, a less strict version of it: as far as visible from the back.
        touch: 0 .. 1, confidence that thumb tip and index tip hold something between them.
        pinch: 0 .. 1, how close thumb tip and index tip are: 0 apart, 1 touching.
        thumb_up: cosine between the thumb and up, both in the picture plane (depth is the least
            certain coordinate), -1 .. 1; near 0 if the thumb points at the camera or away from it.
        index_up: the same for the index finger.
        probabilities: 0 .. 1, how much the hand looks like each shape of
            :data:`~edgehands.gestures.shape_probability_table.SHAPES`.
    """

    extension: tuple[float, float, float, float, float]
    thumb_out: float
    closed: float
    gathered: float
    touch: float
    pinch: float
    thumb_up: float
    index_up: float
    probabilities: tuple[float, ...]


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
    # The first joint counts half: a straight finger pointing at the camera is still raised.
    bend = [
        0.5 * _angle(v, n, 8 + i, 12 + i) + middle_bend[i] + _angle(v, n, 16 + i, 20 + i)
        for i in range(4)
    ]
    # A distant tip is raised even if its joints seem to zigzag, as they do in back views.
    fingers = [
        max(
            0.5 * ramp(r, low, low + 0.22) + 0.5 * ramp(b, 115.0, 60.0),
            ramp(r, low + 0.1, low + 0.24),
        )
        for r, b, low in zip(reach, bend, _REACH_LOW, strict=True)
    ]
    others = (reach[1] + reach[2] + reach[3]) / 3.0

    # The palm's axes: along from the wrist, out of the palm on the side that the fingers bend to
    # (so that left and right hands need no distinction), and radial to the thumb's side.
    out = _cross(v[_ACROSS], v[9])
    if sum(_dot(v[i], out) for i in range(12, 16)) < 0.0:
        out = [-c for c in out]
    out_length = math.hypot(*out)
    across = _dot(v[_TO_THUMB], v[_ACROSS]) / (n[_ACROSS] * n[_ACROSS])
    radial = _dot(v[_THUMB], v[_ACROSS]) / (n[_THUMB] * n[_ACROSS] + 1e-12)
    thumb_out = ramp(across + radial, 0.3, 0.9)

    # Touching tips: close to each other; or less close, but with a bent index finger beside three
    # that are clearly raised or folded (half of the measured OK signs and pinches read as 0.36 palm
    # sizes and more, where a relaxed hand's tips may be too).
    tips = n[_TIPS] / palm
    closed = ramp(others, 1.13, 1.03)
    posed = max(closed, ramp(sum(fingers[1:]), 2.0, 2.6))
    less_near = min(ramp(tips, 0.66, 0.5), ramp(fingers[0], 0.95, 0.7), posed)
    touch = max(ramp(tips, 0.46, 0.32), less_near)
    # With the other fingers in the palm it may also be a fist with the thumb over it. Weights of a
    # linear discriminant between synthetic pinches and fists, rounded.
    pinching = reach[0] + 0.35 * radial + 0.7 * n[_TO_JOINT] / palm
    in_fist = min(ramp(pinching, 1.32, 1.16), ramp(others, 1.05, 0.95))
    # From the back the tips are hidden and guessed; an apparent pinch is mostly a fist.
    shows_back = ramp(out[2] / max(out_length, 1e-12), 0.0, 0.25)
    in_fist = max(in_fist, min(shows_back, ramp(others, 1.2, 1.08), ramp(reach[0], 1.25, 1.15)))

    # A thumb that touches a bent index finger, or the ring of an O, stands out beside the palm but
    # doesn't count as raised. In an O its tip lies in front of the palm and near the middle
    # finger's; in a thumbs-up beside the palm and far from it.
    before = _dot(v[_TO_THUMB], out) / max(out_length * palm, 1e-12)
    # An O's middle joints bend by 50 degrees (median of the photos), a fist's by 85.
    curved = ramp(sum(middle_bend), 320.0, 250.0)
    ring = min(curved, ramp(before - 0.5 * n[_TO_MIDDLE] / palm, -0.12, 0.04))
    meets = max(ring, ramp(tips, 0.65, 0.45)) * (1.0 - fingers[0])
    return HandShape(
        extension=(thumb_out * (1.0 - meets), fingers[0], fingers[1], fingers[2], fingers[3]),
        thumb_out=thumb_out,
        closed=closed,
        gathered=ramp(others, 1.2, 1.08),
        touch=touch * (1.0 - in_fist),
        pinch=ramp(tips, 0.7, 0.25) * (1.0 - in_fist),
        thumb_up=_upness(v[_THUMB], n[_THUMB]),
        index_up=_upness(v[_INDEX], n[_INDEX]),
        probabilities=shape_probabilities(world),
    )


def count_fingers(hand: Hand) -> int:
    """How many fingers a hand holds up, 0 to 5 (the thumb counts if it stands out).

    Raises:
        GestureError: the hand's world landmarks aren't (21, 3) finite numbers.
    """
    return sum(e >= 0.5 for e in shape_of(hand.world_landmarks).extension)


def pinch_strength(hand: Hand) -> float:
    """How close the tips of thumb and index finger are: 0 apart .. 1 touching.

    0 in a fist, where the tips may also be close but hold nothing between them.

    Raises:
        GestureError: the hand's world landmarks aren't (21, 3) finite numbers.
    """
    return shape_of(hand.world_landmarks).pinch


def _cross(a: list[float], b: list[float]) -> list[float]:
    return [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]


def _dot(a: list[float], b: list[float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _angle(v: list[list[float]], n: list[float], i: int, j: int) -> float:
    """Angle in degrees between vectors i and j (0 when a bone has no length)."""
    cosine = _dot(v[i], v[j]) / max(n[i] * n[j], 1e-12)
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


def _upness(vector: list[float], length: float) -> float:
    """Cosine with up in the picture plane; fades out where the vector is foreshortened."""
    seen = math.hypot(vector[0], vector[1])
    return -vector[1] / max(seen, 0.5 * length, 1e-6)
