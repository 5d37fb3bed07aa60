"""How much a hand looks like each gesture, by a linear discriminant.

Rules over finger states are right for a perfectly read hand, but the landmark model has systematic
errors: raised fingers beside folded ones come out too short, hidden tips where they would be in the
commonest shape. ``tools/fit_gestures.py`` measured these errors on drawn hands with known joints
and fitted one multinomial logistic regression: a table from 199 measures of the hand to 12 shapes
and *none*. Nothing else is learned, and inference is a single multiplication.

All measures are in the palm's own frame and size, so that size, rotation in the picture and side
don't matter: the directions of the 15 finger bones, the positions of the 5 tips, 23 distances
between joints, the cosines of 15 joint angles, the direction of the camera, and all but the last
once more, multiplied by how squarely the back of the hand is seen: a hand's back is read with a
table of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.gestures.shape_probability_table import SHAPES, TABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOTS: Final = (5, 9, 13, 17)
_BONES: Final = tuple((i, i + 1) for i in range(1, 20) if i % 4)
_TIPS: Final = tuple((0, i) for i in (4, 8, 12, 16, 20))
_GAPS: Final = (
    *((4, 8), (4, 12), (4, 16), (4, 20), (4, 5), (4, 6), (4, 7), (4, 10), (4, 9), (4, 14)),
    *((4, 17), (8, 12), (12, 16), (16, 20), (5, 8), (9, 12), (13, 16), (17, 20)),
)
_PAIRS: Final = (*_BONES, *_TIPS, *_GAPS)
_COUNT: Final = len(_PAIRS)
_ENDS: Final = np.array([a for a, _ in _PAIRS] + [b for _, b in _PAIRS])
_PALM: Final = np.array((0, *_ROOTS))
_BENT: Final = np.array([_BONES.index((k + 1, k + 2)) for k in _ROOTS])
_BONE_PAIRS: Final = np.array([9 * f + k for f in range(5) for k in (1, 5, 2)])
_GAPS_END: Final = 60 + len(_PAIRS) - 15
_OWN: Final = _GAPS_END + 15
MEASURES: Final = 2 * _OWN + 3
"""Number of inputs of the table."""

_WEIGHTS: Final = np.array(TABLE, dtype=np.float64)
_NOTHING: Final = (0.0,) * len(SHAPES)


def measures_of(world: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """(MEASURES,) the table's inputs; None for a palm without area.

    Args:
        world: (21, 3) world landmarks, any scale.
    """
    # Calls on small arrays cost 1-3 us each whatever their size: few calls, and plain numbers for
    # the palm's frame, make this 40 us instead of 60.
    ends = world.take(_ENDS, axis=0)
    vectors = ends[_COUNT:] - ends[:_COUNT]
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    wrist, index, middle, ring, pinky = world.take(_PALM, axis=0).tolist()
    i0, i1, i2 = index[0] - wrist[0], index[1] - wrist[1], index[2] - wrist[2]
    m0, m1, m2 = middle[0] - wrist[0], middle[1] - wrist[1], middle[2] - wrist[2]
    r0, r1, r2 = ring[0] - wrist[0], ring[1] - wrist[1], ring[2] - wrist[2]
    p0, p1, p2 = pinky[0] - wrist[0], pinky[1] - wrist[1], pinky[2] - wrist[2]
    y0, y1, y2 = i0 + m0 + r0 + p0, i1 + m1 + r1 + p1, i2 + m2 + r2 + p2
    a0, a1, a2 = i0 - p0, i1 - p1, i2 - p2
    z0, z1, z2 = a1 * y2 - a2 * y1, a2 * y0 - a0 * y2, a0 * y1 - a1 * y0
    size = 0.25 * (
        math.hypot(i0, i1, i2)
        + math.hypot(m0, m1, m2)
        + math.hypot(r0, r1, r2)
        + math.hypot(p0, p1, p2)
    )
    length, area = math.hypot(y0, y1, y2), math.hypot(z0, z1, z2)
    if not (size > 1e-6 and area > 4e-3 * size * size):
        return None
    # Fingers bend out of the palm on this side: left and right hands become one.
    b0, b1, b2 = vectors.take(_BENT, axis=0).sum(axis=0).tolist()
    side = -1.0 if b0 * z0 + b1 * z1 + b2 * z2 < 0.0 else 1.0
    y0, y1, y2 = y0 / length, y1 / length, y2 / length
    area *= side
    z0, z1, z2 = z0 / area, z1 / area, z2 / area
    # Towards the thumb on either hand.
    x0 = side * (y1 * z2 - y2 * z1)
    x1 = side * (y2 * z0 - y0 * z2)
    x2 = side * (y0 * z1 - y1 * z0)
    frame = np.array(((x0, y0, z0), (x1, y1, z1), (x2, y2, z2)))
    seen = vectors[:20] @ frame
    seen[:15] /= lengths[:15, None] + 1e-9
    seen[15:] *= 1.5 / size
    row = np.empty(MEASURES)
    row[:60] = seen.ravel()
    np.divide(lengths[15:], size, out=row[60:_GAPS_END])
    # Angles between each finger's bones: consecutive ones, and first with last.
    fingers = seen[:15].reshape(5, 3, 3)
    row[_GAPS_END:_OWN] = (fingers @ fingers.transpose(0, 2, 1)).take(_BONE_PAIRS)
    row[_OWN : _OWN + 3] = x2, y2, z2
    np.multiply(row[:_OWN], z2, out=row[_OWN + 3 :])
    return row


def shape_probabilities(world: NDArray[np.float32]) -> tuple[float, ...]:
    """How much a hand looks like each of :data:`SHAPES`: probabilities; the rest is *none*.

    Args:
        world: (21, 3) world landmarks, finite, any scale.
    """
    row = measures_of(world)
    if row is None:
        return _NOTHING
    logits: list[float] = (row @ _WEIGHTS[:-1] + _WEIGHTS[-1]).tolist()
    # Logits are relative to those of a hand that shows nothing.
    top = max(0.0, *logits)
    powers = [math.exp(v - top) for v in logits]
    whole = sum(powers) + math.exp(-top)
    return tuple(v / whole for v in powers)
