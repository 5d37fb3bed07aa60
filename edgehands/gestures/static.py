"""Static gestures: a pure function from a hand's shape to a name and a score.

Each gesture is a short list of conditions that are each 0..1; its score is the weakest of them.
A finger that is exactly half raised gives 0.5 to "raised" and 0.5 to "lowered", so no two gestures
that differ in a finger can both score above 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgehands.gestures.shape import HandShape, pinch_of, ramp, shape_of
from edgehands.hand import Gesture

if TYPE_CHECKING:
    from edgehands.hand import Hand

NONE: Final = "none"
GESTURES: Final = (
    "open_palm",
    "fist",
    "point",
    "point_up",
    "victory",
    "three",
    "four",
    "thumbs_up",
    "thumbs_down",
    "ok",
    "pinch",
    "rock",
    "call",
    "i_love_you",
)
"""The names of the static gestures, in the order of :func:`score_gestures`."""

ENTER_SCORE: Final = 0.55
"""Least score at which a shape is called by a gesture's name."""

# A thumb or finger counts as "up" fully within 40 degrees of the picture's vertical, half at 53,
# not at all past 65 (these are cosines).
_UP_ONE: Final = 0.77
_UP_ZERO: Final = 0.42


def score_gestures(shape: HandShape) -> tuple[float, ...]:
    """Score every gesture of :data:`GESTURES`, each 0..1."""
    thumb, index, middle, ring, pinky = shape.extension
    no_thumb, no_index, no_middle = 1.0 - thumb, 1.0 - index, 1.0 - middle
    no_ring, no_pinky = 1.0 - ring, 1.0 - pinky
    tight = shape.tightness
    held = pinch_of(shape)
    # Touching counts from three quarters on: people's pinches read as 0.8 to 1.
    touching = ramp(held, 0.55, 0.95)
    apart = 1.0 - touching

    # An open thumb beside a fist must also be straight and stand off it.
    thumb_off = min(thumb, shape.thumb_straight, ramp(shape.thumb_clear, 0.3, 0.6))
    fist_fingers = min(no_index, no_middle, no_ring, no_pinky, shape.rolled)
    pointing = min(index, no_middle, no_ring, no_pinky, no_thumb, apart)
    up = ramp(shape.index_up, _UP_ZERO, _UP_ONE)
    two_up = min(index, middle, no_pinky, apart)
    ok = min(touching, middle, ring, pinky)
    horns = min(index, pinky, no_middle, no_ring, apart)
    return (
        min(thumb, index, middle, ring, pinky, apart),
        min(fist_fingers, 1.0 - thumb_off),
        min(pointing, 1.0 - up),
        min(pointing, up),
        min(two_up, no_ring, no_thumb),
        min(two_up, max(min(thumb, no_ring), min(no_thumb, ring))),
        min(index, middle, ring, pinky, no_thumb, apart),
        min(fist_fingers, thumb_off, ramp(shape.thumb_up, _UP_ZERO, _UP_ONE)),
        min(fist_fingers, thumb_off, ramp(-shape.thumb_up, _UP_ZERO, _UP_ONE)),
        ok,
        min(touching, 1.0 - min(middle, ring, pinky)),
        min(horns, no_thumb),
        min(thumb_off, pinky, no_index, no_middle, no_ring, ramp(sum(tight[:3]), 0.3, 1.5)),
        min(horns, thumb),
    )


def classify(shape: HandShape) -> Gesture:
    """Name the gesture that a shape shows, ``none`` when it shows none clearly.

    The score of ``none`` says how far every gesture is from being seen.
    """
    return best_of(score_gestures(shape))


def best_of(scores: tuple[float, ...]) -> Gesture:
    """The winner among the scores of :func:`score_gestures`."""
    score = max(scores)
    if score < ENTER_SCORE:
        return Gesture(NONE, 1.0 - score)
    return Gesture(GESTURES[scores.index(score)], score)


def recognise(hand: Hand) -> Gesture:
    """Name the static gesture of one hand in one frame, without memory.

    Raises:
        GestureError: the hand's world landmarks aren't (21, 3) finite numbers.
    """
    return classify(shape_of(hand.world_landmarks))
