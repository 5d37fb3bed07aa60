"""Real-time 3-D hand landmarks for small computers, over MQTT.

>>> from edgehands import HandTracker, TrackingConfig
>>> with HandTracker(TrackingConfig(max_hands=2)) as tracker:  # doctest: +SKIP
...     hands = tracker.process(frame_rgb)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgehands.config import TrackingConfig
    from edgehands.errors import EdgehandsError
    from edgehands.hand import Frame, FrameHands, Gesture, Hand, Handedness, Landmark, Roi
    from edgehands.tracking import HandTracker

__all__ = [
    "EdgehandsError",
    "Frame",
    "FrameHands",
    "Gesture",
    "Hand",
    "HandTracker",
    "Handedness",
    "Landmark",
    "Roi",
    "TrackingConfig",
    "__version__",
]

__version__ = "0.1.0"

# Found when they are first used: who only wants edgehands.client, or a configuration checked,
# needn't load OpenCV and the models' runtime, or even have them.
_PLACES = {
    "EdgehandsError": "errors",
    "Frame": "hand",
    "FrameHands": "hand",
    "Gesture": "hand",
    "Hand": "hand",
    "HandTracker": "tracking",
    "Handedness": "hand",
    "Landmark": "hand",
    "Roi": "hand",
    "TrackingConfig": "config",
}


def __getattr__(name: str) -> object:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{place}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
