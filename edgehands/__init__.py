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
    from edgehands.hand import (
        HAND_CONNECTIONS,
        Frame,
        FrameHands,
        Gesture,
        Hand,
        Handedness,
        Landmark,
        Pose,
        Roi,
    )
    from edgehands.tracking import HandTracker

__all__ = [
    "HAND_CONNECTIONS",
    "EdgehandsError",
    "Frame",
    "FrameHands",
    "Gesture",
    "Hand",
    "HandTracker",
    "Handedness",
    "Landmark",
    "Pose",
    "Roi",
    "TrackingConfig",
    "__version__",
]

__version__ = "0.2.0"

# Imported on first use: edgehands.client, and checking a configuration, must not need or load
# OpenCV and the models' runtime.
_PLACES = {
    "HAND_CONNECTIONS": "hand",
    "EdgehandsError": "errors",
    "Frame": "hand",
    "FrameHands": "hand",
    "Gesture": "hand",
    "Hand": "hand",
    "HandTracker": "tracking",
    "Handedness": "hand",
    "Landmark": "hand",
    "Pose": "hand",
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
