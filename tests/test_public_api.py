"""The names that users may rely on: none is missing, none is there by accident, all are typed."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
from typing import TYPE_CHECKING, Any, assert_type

import numpy as np
import pytest
from numpy.typing import NDArray

import edgehands.hand
from edgehands import (
    FrameHands,
    Gesture,
    Hand,
    Handedness,
    HandTracker,
    Landmark,
    Pose,
    Roi,
    TrackingConfig,
)
from edgehands.client import HandMessage, HandsMessage, Message, listen, subscribe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

PUBLIC = {
    "edgehands": {
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
    },
    "edgehands.client": {
        "EventMessage",
        "GestureMessage",
        "HandMessage",
        "HandsMessage",
        "InfoMessage",
        "Message",
        "PoseMessage",
        "StatsMessage",
        "decode_compact",
        "encode_compact",
        "listen",
        "listen_with",
        "subscribe",
    },
}
"""All that is public. A change here is news for the changelog."""


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_are_these(module: str) -> None:
    """Without it: a name that programs import could go, or an internal one become a promise."""
    loaded = importlib.import_module(module)
    assert set(loaded.__all__) == PUBLIC[module]
    for name in PUBLIC[module]:
        assert getattr(loaded, name) is not None
        assert name in dir(loaded)


def test_a_misspelt_name_is_an_error() -> None:
    """Without it: `from edgehands import HandTraker` would give something, and fail later."""
    with pytest.raises(AttributeError, match="no attribute 'HandTraker'"):
        _ = edgehands.HandTraker


def test_what_a_hand_is_made_of_is_public() -> None:
    """Without it: a program could read `hand.pose` but not name its type in an annotation."""
    for owner in (Hand, FrameHands):
        for field in dataclasses.fields(owner):
            for word in re.findall(r"\w+", str(field.type)):
                if getattr(vars(edgehands.hand).get(word), "__module__", "") == "edgehands.hand":
                    assert word in edgehands.__all__


def test_a_hand_becomes_json() -> None:
    """Without it: storing hands would fail at the first numpy number or enum in them."""
    hand = Hand(
        id=7,
        handedness=Handedness.LEFT,
        handedness_score=float(np.float32(0.5)),
        presence=1.0,
        landmarks=np.ones((21, 3), np.float32),
        world_landmarks=np.zeros((21, 3), np.float32),
        roi=Roi(10.0, 20.0, 30.0, 0.0),
        gesture=Gesture("fist", 0.75),
    )
    text = json.loads(json.dumps(hand.to_dict()))
    assert text["handedness"] == "left"
    assert text["landmarks"] == [[1.0, 1.0, 1.0]] * 21
    assert text["roi"] == {"cx": 10.0, "cy": 20.0, "size": 30.0, "rotation": 0.0}
    assert text["gesture"] == {"name": "fist", "score": 0.75}
    assert text["pose"] is None


def _typing_of_the_tracker(frame: NDArray[np.uint8]) -> None:
    """Never run: mypy reads it. The types that a program sees in the example of the README."""
    with HandTracker(TrackingConfig(max_hands=2)) as tracker:
        assert_type(tracker, HandTracker)
        for hand in tracker.process(frame, timestamp=1.0):
            assert_type(hand, Hand)
            assert_type(hand.handedness, Handedness)
            assert_type(hand.landmarks, NDArray[np.float32])
            assert_type(hand.gesture, Gesture | None)
            assert_type(hand.pose, Pose | None)
            assert_type(hand.palm_size, float)
            assert_type(hand.to_dict(), dict[str, Any])
            assert_type(hand.landmarks[Landmark.INDEX_TIP], Any)


async def _typing_of_the_client() -> None:
    """Never run: mypy reads it. Messages are told apart by their types, and typed within."""
    stream = subscribe("mqtt://hub")
    messages: AsyncIterator[Message] = stream
    async for message in messages:
        if isinstance(message.content, HandsMessage):
            for hand in message.content.hands:
                assert_type(hand, HandMessage)
                assert_type(hand.handedness, str)
    listening: AbstractContextManager[None] = listen("mqtt://hub", print)
    assert listening
