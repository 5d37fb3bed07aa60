"""Gestures: finger counts, static, dynamic and taught gestures."""

from edgehands.config.gestures import GesturesConfig
from edgehands.gestures.events import EventType, GestureEvent, Interpretation
from edgehands.gestures.interpreter import HandInterpreter
from edgehands.gestures.library import GestureLibrary, TeachResult, default_path, only_hand
from edgehands.gestures.shape import HandShape, count_fingers, pinch_strength, shape_of
from edgehands.gestures.static import GESTURES, NONE, classify, recognise
from edgehands.gestures.taught import TaughtGestures, TaughtMatch
from edgehands.gestures.taught_file import TaughtGesture
from edgehands.gestures.teaching import ExampleCollector, TeachingStep

__all__ = [
    "GESTURES",
    "NONE",
    "EventType",
    "ExampleCollector",
    "GestureEvent",
    "GestureLibrary",
    "GesturesConfig",
    "HandInterpreter",
    "HandShape",
    "Interpretation",
    "TaughtGesture",
    "TaughtGestures",
    "TaughtMatch",
    "TeachResult",
    "TeachingStep",
    "classify",
    "count_fingers",
    "default_path",
    "only_hand",
    "pinch_strength",
    "recognise",
    "shape_of",
]
