"""Static gestures: a pure function from a hand's shape to a name and a score.

Each gesture is a short list of conditions, each 0..1; its score is the weakest of them. A half
raised finger is neither up nor down: both score below :data:`ENTER_SCORE`, so that relaxed hands
mean nothing, and two gestures that differ in a finger are never seen at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgehands.gestures.shape import HandShape, ramp, shape_of
from edgehands.gestures.shape_probability_table import SHAPES
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
"""Least score at which a shape counts as a gesture."""

# A thumb or finger counts as "up" fully within 40 degrees of the picture's vertical, half at 53,
# not at all past 65 (these are cosines).
_UP_ONE: Final = 0.77
_UP_ZERO: Final = 0.42

_RULES: Final = tuple(
    {"pinch": 0.1, "thumbs_up": 0.5, "thumbs_down": 0.5}.get(g, 0.3) for g in GESTURES
)
"""Weight of the rules in each score; the rest is the shape probability. The rules don't recognise a
pinch from behind; an O resembles a thumb that stands out, and only they separate the two well."""

_LOOKS_LIKE: Final = tuple(
    SHAPES.index({"point_up": "point", "thumbs_up": "thumb", "thumbs_down": "thumb"}.get(g, g))
    for g in GESTURES
)
"""The column of each gesture's probability."""


def score_gestures(shape: HandShape) -> tuple[float, ...]:
    """Score every gesture of :data:`GESTURES`, each 0..1, by rules and shape probabilities."""
    looks = shape.probabilities
    up, down = (ramp(v, _UP_ZERO, _UP_ONE) for v in (shape.thumb_up, -shape.thumb_up))
    index_up = ramp(shape.index_up, _UP_ZERO, _UP_ONE)
    where = (
        *(1.0, 1.0, 1.0 - index_up, index_up, 1.0, 1.0, 1.0, up, down),
        *(1.0, 1.0, 1.0, 1.0, 1.0),
    )
    return tuple(
        part * rule + (1.0 - part) * min(looks[column], turned)
        for part, rule, column, turned in zip(
            _RULES, rule_scores(shape), _LOOKS_LIKE, where, strict=True
        )
    )


def rule_scores(shape: HandShape) -> tuple[float, ...]:
    """Score every gesture of :data:`GESTURES` by the rules over finger states alone."""
    thumb, index, middle, ring, pinky = (ramp(e, 0.3, 0.75) for e in shape.extension)
    no_thumb, no_index, no_middle, no_ring, no_pinky = (ramp(e, 0.6, 0.1) for e in shape.extension)
    touching = shape.touch
    apart = 1.0 - touching

    # In a relaxed hand each finger bends a little more than the one before: raised fingers blend
    # into lowered ones, but nothing is shown. A gesture leaves a gap between the two.
    four = shape.extension[1:]
    split = min((e for e in four if e >= 0.5), default=1.0) - max(
        (e for e in four if e < 0.5), default=0.0
    )
    clear = ramp(split, 0.2, 0.55)
    all_up = min(index, middle, ring, pinky, apart, ramp(sum(four), 2.8, 3.5))

    fist_fingers = min(no_index, no_middle, no_ring, no_pinky, shape.closed, apart)
    # A thumb that stands out is so distinctive that the fingers may look half open, as from the
    # back.
    thumb_alone = min(
        thumb,
        ramp(sum(four), 1.7, 0.9),
        ramp(max(four), 0.75, 0.5),
        ramp(four[3], 0.4, 0.15),
        shape.gathered,
    )
    pointing = min(index, no_middle, no_ring, no_pinky, no_thumb, apart, clear)
    up = ramp(shape.index_up, _UP_ZERO, _UP_ONE)
    two_up = min(index, middle, no_pinky, apart, clear)
    # Index and pinky beside two folded fingers look too short: half of the extension counts if the
    # two between are down.
    outer, inner = min(four[0], four[3]), max(four[1], four[2])
    horns = min(ramp(outer, 0.1, 0.45), no_middle, no_ring, ramp(outer - inner, 0.15, 0.4))
    calling = min(
        thumb,
        ramp(four[3], 0.15, 0.5),
        no_index,
        no_middle,
        no_ring,
        ramp(four[3] - max(four[:3]), 0.1, 0.4),
    )
    return (
        min(all_up, thumb),
        min(fist_fingers, ramp(shape.thumb_out, 0.7, 0.3)),
        min(pointing, 1.0 - up),
        min(pointing, up),
        min(two_up, no_ring, no_thumb),
        min(two_up, max(min(thumb, no_ring), min(no_thumb, ring))),
        min(all_up, no_thumb),
        min(thumb_alone, ramp(shape.thumb_up, _UP_ZERO, _UP_ONE)),
        min(thumb_alone, ramp(-shape.thumb_up, _UP_ZERO, _UP_ONE)),
        min(touching, middle, ring, pinky),
        min(touching, 1.0 - min(middle, ring, pinky), 1.0 - horns),
        min(horns, no_thumb),
        calling,
        min(horns, thumb),
    )


def classify(shape: HandShape) -> Gesture:
    """Name the gesture that a shape shows; ``none`` if it shows none clearly.

    The score of ``none`` says how far all gestures are from being recognised.
    """
    return best_of(score_gestures(shape))


def best_of(scores: tuple[float, ...]) -> Gesture:
    """The winner among the scores of :func:`score_gestures`."""
    score = max(scores)
    if score < ENTER_SCORE:
        return Gesture(NONE, 1.0 - score)
    return Gesture(GESTURES[scores.index(score)], score)


def recognise(hand: Hand) -> Gesture:
    """Name the static gesture of one hand in one frame, without regard to earlier frames.

    Raises:
        GestureError: the hand's world landmarks aren't (21, 3) finite numbers.
    """
    return classify(shape_of(hand.world_landmarks))
