"""Picks examples out of a stream of frames, for live teaching and for clips.

collector = ExampleCollector(wanted=5)
while not collector.done:
    step = collector.add(frame_hands)      # step.hint says what the person should do
library.teach("my_sign", collector.examples)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.errors import GestureError
from edgehands.gestures.features import features_of
from edgehands.hand import Handedness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import FrameHands, Hand

STILL: Final = 0.6
"""Greatest change of shape between frames that counts as held, feature distance."""

NEW: Final = 0.35
"""Least distance from the examples so far, until patience ends: five frames of one held shape teach
less than five ways of making it."""

_PATIENCE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class TeachingStep:
    """The state of teaching after a frame.

    Attributes:
        taken: this frame became an example.
        count: examples so far.
        wanted: examples that are wanted.
        hint: what to do next, for the person; empty if all is well.
    """

    taken: bool
    count: int
    wanted: int
    hint: str


class ExampleCollector:
    """Takes an example whenever a single hand holds a shape still for a moment.

    Args:
        wanted: examples to take, 1 to 50.
        interval: least seconds between two examples.
    """

    def __init__(self, wanted: int = 5, interval: float = 0.5) -> None:
        if not 1 <= wanted <= 50:
            raise GestureError(f"{wanted} examples wanted: ask for 1 to 50")
        self._wanted = wanted
        self._interval = interval
        self._examples: list[Hand] = []
        self._features: list[NDArray[np.float32]] = []
        self._last: NDArray[np.float32] | None = None
        self._taken_at: float | None = None
        self._crowded = 0
        self._empty = 0

    @property
    def done(self) -> bool:
        """All examples have been taken."""
        return len(self._examples) >= self._wanted

    @property
    def examples(self) -> tuple[Hand, ...]:
        """The examples taken so far."""
        return tuple(self._examples)

    def add(self, frame_hands: FrameHands) -> TeachingStep:
        """Process a frame; frames must be in order of time."""
        hands = frame_hands.hands
        if self.done:
            return self._step()
        if len(hands) != 1:
            self._last = None
            if hands:
                self._crowded += 1
                return self._step(hint=f"{len(hands)} hands are seen: show one, the other away")
            self._empty += 1
            return self._step(hint="no hand is seen: hold one into the picture")
        hand = hands[0]
        try:
            right = hand.handedness is Handedness.RIGHT
            features = features_of(hand.world_landmarks, right=right)
        except GestureError:
            self._last = None
            return self._step(hint="the hand isn't seen well: turn it to the camera")
        moved = self._last is None or _distance(features, self._last) > STILL
        self._last = features
        if moved:
            return self._step(hint="hold the hand still")
        return self._consider(frame_hands.frame.t_mono, hand, features)

    def require_all(self) -> tuple[Hand, ...]:
        """The examples at the end of a clip.

        Raises:
            GestureError: fewer than wanted; the message says how many frames showed no hand or two.
        """
        if not self.done:
            raise GestureError(
                f"{len(self._examples)} examples found, {self._wanted} are wanted ({self._empty} "
                f"frames without a hand, {self._crowded} with more than one): show one hand and "
                "hold the shape longer"
            )
        return self.examples

    def _consider(self, t: float, hand: Hand, features: NDArray[np.float32]) -> TeachingStep:
        since = float("inf") if self._taken_at is None else t - self._taken_at
        if 0.0 <= since < self._interval:
            return self._step()
        known = any(_distance(features, old) < NEW for old in self._features)
        if known and 0.0 <= since < _PATIENCE_S:
            return self._step(hint="turn the hand a little, or open it and show the shape again")
        self._examples.append(hand)
        self._features.append(features)
        self._taken_at = t
        return self._step(taken=True)

    def _step(self, *, taken: bool = False, hint: str = "") -> TeachingStep:
        return TeachingStep(taken, len(self._examples), self._wanted, hint)


def _distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    d = a - b
    return float(np.sqrt(np.einsum("i,i->", d, d)))
