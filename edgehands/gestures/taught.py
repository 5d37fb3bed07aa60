"""Gestures taught by the owner: recognised from a few examples, with unknown shapes rejected.

A shape's distance from a gesture is the mean of its distances to the gesture's nearest example and
to the mean of its examples. The nearest gesture wins if it is near enough; otherwise the shape is
``none``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.gestures.features import FEATURES, features_of
from edgehands.gestures.static import NONE
from edgehands.hand import Gesture, Handedness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgehands.hand import Hand

LIMIT: Final = 1.8
"""Distance beyond which a shape isn't the gesture.

On the digit photos (5 examples a digit, other signers), 5 % of the known shapes lie beyond it, and
1.8 % of the shapes of an untaught digit lie within it of a taught one.
"""

KEEP_LIMIT: Final = 2.1
"""The same for the previous frame's gesture, which would flicker with a single limit."""


@dataclass(frozen=True, slots=True)
class TaughtMatch:
    """How a shape compares with the taught gestures.

    Attributes:
        gesture: the recognised gesture, ``none`` if it is none of them.
        nearest: the nearest gesture, however far; empty when nothing has been taught.
        distance: to the nearest gesture; a shape within :data:`LIMIT` is that gesture.
        second: the next nearest gesture; empty when there is none.
        second_distance: its distance; infinite when there is none.
    """

    gesture: Gesture
    nearest: str
    distance: float
    second: str
    second_distance: float


NO_MATCH: Final = TaughtMatch(Gesture(NONE, 1.0), "", math.inf, "", math.inf)


class TaughtGestures:
    """Compares shapes with examples. Immutable: a changed library creates a new one."""

    def __init__(self, names: Sequence[str], examples: Sequence[NDArray[np.float32]]) -> None:
        """Take the gestures' names and, for each, its examples' features as (n, 60), n >= 1."""
        self.names = tuple(names)
        self._starts = np.cumsum([0, *(len(e) for e in examples)])[:-1]
        rows = [*examples, *(e.mean(axis=0, keepdims=True) for e in examples)]
        self._rows = (
            np.concatenate(rows) if rows else np.zeros((0, FEATURES), dtype=np.float32)
        ).astype(np.float32)
        self._means = len(self._rows) - len(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(gestures,) distance of a shape to each gesture."""
        difference = self._rows - features
        squares = np.einsum("ij,ij->i", difference, difference)
        nearest = np.minimum.reduceat(squares[: self._means], self._starts)
        both: NDArray[np.float32] = np.float32(0.5) * (
            np.sqrt(nearest) + np.sqrt(squares[self._means :])
        )
        return both

    def match(self, features: NDArray[np.float32], keep: str = NONE) -> TaughtMatch:
        """The nearest gestures.

        Args:
            features: of :func:`~edgehands.gestures.features.features_of`.
            keep: the previous frame's gesture, which may be a little further away.
        """
        if not self.names:
            return NO_MATCH
        distances: list[float] = self.distances(features).tolist()
        order = sorted(range(len(distances)), key=distances.__getitem__)[:2]
        name, distance = self.names[order[0]], distances[order[0]]
        limit = KEEP_LIMIT if name == keep else LIMIT
        seen = Gesture(name, 1.0 - 0.5 * distance / limit) if distance <= limit else None
        return TaughtMatch(
            gesture=seen or Gesture(NONE, min(1.0, 0.5 * distance / limit)),
            nearest=name,
            distance=distance,
            second=self.names[order[1]] if len(order) > 1 else "",
            second_distance=distances[order[1]] if len(order) > 1 else math.inf,
        )

    def match_hand(self, hand: Hand, keep: str = NONE) -> TaughtMatch:
        """The nearest gestures to a hand's shape.

        Raises:
            GestureError: landmarks that aren't a hand's.
        """
        if not self.names:
            return NO_MATCH
        right = hand.handedness is Handedness.RIGHT
        return self.match(features_of(hand.world_landmarks, right=right), keep)
