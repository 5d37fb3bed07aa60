"""Frames with hands for the tests of what is published."""

from __future__ import annotations

import time

import numpy as np

from edgehands.config import Config, MqttConfig, NodeConfig
from edgehands.hand import Frame, FrameHands, Gesture, Hand, Handedness, Roi

_IMAGE = np.zeros((480, 640, 3), np.uint8)


def make_hand(number: int = 1, side: Handedness = Handedness.RIGHT, gesture: str = "") -> Hand:
    """A hand whose landmarks differ by its number."""
    random = np.random.default_rng(number)
    return Hand(
        id=number,
        handedness=side,
        handedness_score=0.98,
        presence=0.99,
        landmarks=(random.random((21, 3)) * (640, 480, 50)).astype(np.float32),
        world_landmarks=(random.random((21, 3)) * 0.1).astype(np.float32),
        roi=Roi(320, 240, 200, 0),
        gesture=Gesture(gesture, 0.9) if gesture else None,
    )


def make_frame(*hands: Hand, seq: int = 0, t: float | None = None) -> FrameHands:
    """A frame of now (or of monotonic time ``t``) in which these hands are seen."""
    frame = Frame(_IMAGE, seq, time.monotonic() if t is None else t, time.time())
    return FrameHands(frame, hands)


def frame_without_hands() -> FrameHands:
    """A frame of a second later, when hands that aren't seen any more are lost."""
    return make_frame(t=time.monotonic() + 1)


def config_for(url: str, **settings: object) -> Config:
    """A configuration for a broker."""
    mqtt = MqttConfig(url=url, **settings)  # type: ignore[arg-type]
    return Config(node=NodeConfig(name="node"), mqtt=mqtt)
