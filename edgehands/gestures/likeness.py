"""How much a hand looks like each gesture, as the landmark model sees hands: a linear discriminant.

Rules over finger states name a perfectly read hand rightly, but the landmark model reads hands
with habits: raised fingers beside folded ones come out shorter than they are, hidden tips where
they would be in the commonest shape. ``scripts/fit_gestures`` measured these habits on drawn hands
whose joints are known, and fitted one multinomial logistic regression: a table from 199 measures of
the hand to 12 shapes and *none*. Nothing else is learned, and nothing is run but one
multiplication.

The measures, all in the palm's own frame and size, so that neither size, nor the turn in the
picture, nor left or right matter: the directions of the 15 finger bones, the places of the 5 tips,
23 distances between joints, the cosines of 15 joint angles, the direction in which the camera lies,
and all but the last once more times how squarely the back of the hand is seen: a hand's back is
read by a table of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.gestures.likeness_table import SHAPES, TABLE

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
_FROM: Final = np.array([a for a, _ in _PAIRS])
_TO: Final = np.array([b for _, b in _PAIRS])
_GAPS_END: Final = 60 + len(_PAIRS) - 15
_OWN: Final = _GAPS_END + 15
MEASURES: Final = 2 * _OWN + 3
"""Numbers that the table is applied to."""

_WEIGHTS: Final = np.array(TABLE, dtype=np.float64)
_NOTHING: Final = (0.0,) * len(SHAPES)


def measures_of(world: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """(MEASURES,) what the table is applied to; None for a palm without area.

    Args:
        world: (21, 3) world landmarks, any scale.
    """
    hand = world.astype(np.float64)
    vectors = hand[_TO] - hand[_FROM]
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    p: list[list[float]] = (hand - hand[0]).tolist()
    along = [(p[5][i] + p[9][i] + p[13][i] + p[17][i]) / 4.0 for i in range(3)]
    across = [p[5][i] - p[17][i] for i in range(3)]
    out = _cross(across, along)
    # Out of the palm is where the fingers bend to: left and right hands become one.
    bent = 0.0
    for k in _ROOTS:
        a, b = p[k + 1], p[k + 2]
        bent += sum((b[i] - a[i]) * out[i] for i in range(3))
    side = -1.0 if bent < 0.0 else 1.0
    size = sum(math.hypot(*p[k]) for k in _ROOTS) / 4.0
    length, area = math.hypot(*along), math.hypot(*out)
    if not (size > 1e-6 and area > 1e-3 * size * size):
        return None
    y = [v / length for v in along]
    z = [side * v / area for v in out]
    # To the thumb's side on either hand.
    x = [side * v for v in _cross(y, z)]
    frame = np.array([x, y, z])
    vectors[:15] /= lengths[:15, None] + 1e-9
    vectors[15:20] *= 1.5 / size
    row = np.empty(MEASURES)
    row[:60] = (vectors[:20] @ frame.T).reshape(60)
    row[60:_GAPS_END] = lengths[15:] / size
    # Each finger's bones with each other: next, next, and first with last.
    fingers = vectors[:15].reshape(5, 3, 3)
    row[_GAPS_END:_OWN] = (fingers @ fingers.transpose(0, 2, 1))[:, (0, 1, 0), (1, 2, 2)].reshape(
        15
    )
    row[_OWN : _OWN + 3] = frame[:, 2]
    np.multiply(row[:_OWN], z[2], out=row[_OWN + 3 :])
    return row


def likeness_of(world: NDArray[np.float32]) -> tuple[float, ...]:
    """How much a hand looks like each of :data:`SHAPES`: probabilities, the rest is none of them.

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


def _cross(a: list[float], b: list[float]) -> list[float]:
    return [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
