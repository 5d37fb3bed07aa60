"""What a hand means: finger counts, static, dynamic and taught gestures."""

from edgehands.gestures.shape import HandShape, count_fingers, pinch_strength, shape_of
from edgehands.gestures.static import GESTURES, NONE, classify, recognise

__all__ = [
    "GESTURES",
    "NONE",
    "HandShape",
    "classify",
    "count_fingers",
    "pinch_strength",
    "recognise",
    "shape_of",
]
