"""Real-time 3-D hand landmarks for small computers, over MQTT.

>>> from edgehands import HandTracker, TrackingConfig
>>> with HandTracker(TrackingConfig(max_hands=2)) as tracker:  # doctest: +SKIP
...     hands = tracker.process(frame_rgb)
"""

from __future__ import annotations

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
