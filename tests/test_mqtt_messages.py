"""The payloads, to the letter: other people's programs read them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from edgehands.errors import ConfigError
from edgehands.hand import Frame, FrameHands, Handedness, Pose
from edgehands.mqtt.contract.messages import EventMessage, HandsMessage, encode, hands_message
from edgehands.mqtt.contract.topics import Topics
from tests.mqtt_hands import make_frame, make_hand


def test_the_hands_payload_is_the_documented_one() -> None:
    """Without it: every subscriber's program would break with an update."""
    hand = make_hand(7, gesture="open_palm")
    image = np.zeros((480, 640, 3), np.uint8)
    tracked = FrameHands(Frame(image, 812, 12.34567, 1764000000.123456), (hand,))
    payload = json.loads(encode(hands_message(tracked, 21.43219)))
    (shown,) = payload.pop("hands")
    assert payload == {
        "schema": 1,
        "seq": 812,
        "t": 1764000000.1235,
        "t_mono": 12.3457,
        "width": 640,
        "height": 480,
        "latency_ms": 21.4322,
    }
    landmarks = np.array(shown.pop("landmarks"))
    expected = hand.landmarks.astype(float) / (640, 480, 640)
    assert landmarks.shape == (21, 3)
    assert np.abs(landmarks - expected).max() <= 0.5e-4 + 1e-12
    assert np.abs(np.array(shown.pop("world")) - hand.world_landmarks).max() <= 0.5e-4 + 1e-12
    assert shown == {
        "id": 7,
        "handedness": "right",
        "handedness_score": 0.98,
        "presence": 0.99,
        "gesture": {"name": "open_palm", "score": 0.9},
    }


def test_numbers_have_at_most_four_decimals() -> None:
    """Without it: a message would be three times as large, on every network."""
    text = encode(hands_message(make_frame(make_hand(1), make_hand(2)), 1.0)).decode()
    decimals = [
        len(part.split(".")[1]) for part in text.replace("]", ",").split(",") if "." in part
    ]
    assert len(decimals) > 200
    assert max(int("".join(c for c in str(d) if c.isdigit())) for d in decimals) <= 5  # "4" or "4}"
    assert len(text) < 2600


def test_a_message_can_be_read_back_as_its_type() -> None:
    """Without it: the typed client could not read what the node writes."""
    message = hands_message(make_frame(make_hand(1, gesture="fist"), make_hand(2)), 1.0)
    assert msgspec.json.decode(encode(message), type=HandsMessage) == message


def test_gesture_is_absent_where_there_is_none() -> None:
    """Without it: null would appear where the contract says an object or nothing."""
    (hand,) = json.loads(encode(hands_message(make_frame(make_hand(1)), 1.0)))["hands"]
    assert "gesture" not in hand
    assert "pose" not in hand


def test_pose_is_where_the_hand_is_in_space() -> None:
    """Without it: a robot could not reach for the hand."""
    pose = Pose(
        wrist=(0.123456, 0.0, 0.5),
        palm=(0.1, 0.0, 0.5),
        quaternion=(0.0, 0.0, 0.0, 1.0),
        palm_normal=(0.0, 0.0, 1.0),
        pointing=(1.0, 0.0, 0.0),
        confidence=1.5,
    )
    hands = (replace(make_hand(1), pose=pose), replace(make_hand(2), pose=broken(pose)))
    shown = json.loads(encode(hands_message(make_frame(*hands), 1.0)))["hands"]
    assert shown[0]["pose"] == {
        "wrist": [0.1235, 0.0, 0.5],
        "palm": [0.1, 0.0, 0.5],
        "quaternion": [0.0, 0.0, 0.0, 1.0],
        "palm_normal": [0.0, 0.0, 1.0],
        "pointing": [1.0, 0.0, 0.0],
        "confidence": 1.0,
    }
    assert "pose" not in shown[1]


def broken(pose: Pose) -> Pose:
    return replace(pose, wrist=(math.nan, 0.0, 0.0))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_hand_with_a_broken_number_is_left_out(bad: float) -> None:
    """Without it: one broken value would make the whole message invalid for every reader."""
    hand = make_hand(1)
    landmarks = hand.landmarks.copy()
    landmarks[3, 1] = bad
    tracked = make_frame(replace(hand, landmarks=landmarks), make_hand(2))
    payload = json.loads(encode(hands_message(tracked, 1.0)))
    assert [shown["id"] for shown in payload["hands"]] == [2]


def test_scores_stay_within_their_range_and_numpy_scalars_are_fine() -> None:
    """Without it: a score of 1.0000001 would fail the published schema."""
    hand = replace(make_hand(1), presence=float(np.float32(1.0000001)), handedness_score=math.nan)
    (shown,) = json.loads(encode(hands_message(make_frame(hand), 1.0)))["hands"]
    assert (shown["presence"], shown["handedness_score"]) == (1.0, 0.0)


def test_an_event_holds_only_what_belongs_to_it() -> None:
    """Without it: Home Assistant would show attributes full of nulls."""
    message = EventMessage(event_type="hand_lost", hand_id=3, id="a-1", t=1.5)
    assert json.loads(encode(message)) == {
        "event_type": "hand_lost",
        "hand_id": 3,
        "id": "a-1",
        "t": 1.5,
    }


def test_topics_are_the_documented_ones() -> None:
    """Without it: subscribers would listen where nothing is sent."""
    topics = Topics(node="kitchen", camera="main")
    assert topics.status == "edgehands/kitchen/status"
    assert topics.info == "edgehands/kitchen/info"
    assert topics.stats == "edgehands/kitchen/stats"
    assert topics.camera_status == "edgehands/kitchen/camera/main/status"
    assert topics.hands == "edgehands/kitchen/camera/main/hands"
    assert topics.presence == "edgehands/kitchen/camera/main/presence"
    assert topics.count == "edgehands/kitchen/camera/main/count"
    assert topics.event == "edgehands/kitchen/camera/main/event"
    assert topics.gesture(Handedness.LEFT) == "edgehands/kitchen/camera/main/gesture/left"


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a b", "a\0", "ä", "x" * 65])
@pytest.mark.parametrize("level", ["node", "camera", "prefix"])
def test_a_name_that_is_no_topic_level_is_refused(name: str, level: str) -> None:
    """Without it: a node called ``#`` could write into everybody's topics."""
    if (level, name) == ("prefix", "a/b"):
        assert Topics(prefix=name, node="n").status == "a/b/n/status"
        return
    with pytest.raises(ConfigError, match="can't be part of a topic"):
        Topics(**{"node": "n", level: name})
