"""What is said, when, and when not; with the package's own fake publisher."""

from __future__ import annotations

import json

import pytest

from edgehands.config import PublishConfig
from edgehands.gestures.events import EventType, GestureEvent
from edgehands.hand import Handedness
from edgehands.mqtt.contract.reading import check_message
from edgehands.mqtt.fake import FakePublisher
from edgehands.safe_text import printable
from tests.mqtt_hands import frame_without_hands, make_frame, make_hand


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


def events(publisher: FakePublisher) -> list[dict[str, object]]:
    return [json.loads(payload) for payload in publisher.on(publisher.topics.event)]


def test_nothing_is_sent_while_nothing_is_seen(publisher: FakePublisher) -> None:
    """Without it: an empty room would cost a message per frame, forever."""
    for seq in range(10):
        publisher.publish(make_frame(seq=seq))
    assert publisher.on(publisher.topics.hands) == []


def test_presence_and_count_change_only_when_they_change(publisher: FakePublisher) -> None:
    """Without it: every automation would be triggered 30 times a second."""
    with publisher:
        for second, hands in enumerate(((), (1,), (1,), (1, 2), (1, 2), (2,), ())):
            publisher.publish(make_frame(*map(make_hand, hands), t=100.0 + second))
        assert publisher.on(publisher.topics.count) == [b"0", b"1", b"2", b"1", b"0"]
        assert publisher.on(publisher.topics.presence) == [b"OFF", b"ON", b"OFF"]
    states = [m for m in publisher.sent if m.topic == publisher.topics.presence]
    assert all(message.retain and message.qos == 1 for message in states)


def test_events_tell_who_came_and_went(publisher: FakePublisher) -> None:
    """Without it: a program could not distinguish a new hand from the previous one."""
    publisher.publish(make_frame(make_hand(1, Handedness.LEFT), t=100.0))
    publisher.publish(make_frame(make_hand(1, Handedness.LEFT), make_hand(2), t=101.0))
    publisher.publish(make_frame(make_hand(3), t=102.0))
    told = [(e["event_type"], e["hand_id"], e["handedness"]) for e in events(publisher)]
    assert told == [
        ("hand_appeared", 1, "left"),
        ("hand_appeared", 2, "right"),
        ("hand_appeared", 3, "right"),
        ("hand_lost", 1, "left"),
        ("hand_lost", 2, "right"),
    ]
    ids = [event["id"] for event in events(publisher)]
    assert len(set(ids)) == len(ids)
    sent = [m for m in publisher.sent if m.topic == publisher.topics.event]
    assert all(message.qos == 1 and not message.retain for message in sent)


def test_a_hand_unseen_for_a_moment_is_not_lost(publisher: FakePublisher) -> None:
    """Without it: one bad frame would switch a lamp off and on again."""
    with publisher:
        seen = (True, True, False, False, True, False)
        for number, there in enumerate(seen):
            hands = (make_hand(1, Handedness.LEFT, "fist"),) if there else ()
            publisher.publish(make_frame(*hands, t=100 + number / 30))
        assert publisher.on(publisher.topics.presence) == [b"OFF", b"ON"]
        assert publisher.on(publisher.topics.gesture(Handedness.LEFT)) == [b"none", b"fist"]
        assert [event["event_type"] for event in events(publisher)] == ["hand_appeared"]
        assert len(publisher.on(publisher.topics.hands)) == 3
        publisher.publish(make_frame(t=100.5))
        publisher.publish(make_frame(t=100.6))
        assert publisher.on(publisher.topics.presence)[-1] == b"OFF"
        assert len(publisher.on(publisher.topics.hands)) == 4  # one empty list, then silence


def test_two_starts_never_use_the_same_event_id() -> None:
    """Without it: after a restart, a reader that drops repeats would drop new events."""
    first, second = FakePublisher(), FakePublisher()
    for publisher in (first, second):
        publisher.publish(make_frame(make_hand(1)))
    assert events(first)[0]["id"] != events(second)[0]["id"]


def test_the_gesture_of_each_side_is_a_retained_state(publisher: FakePublisher) -> None:
    """Without it: a lamp that follows the left hand would need to read landmarks."""
    with publisher:
        publisher.publish(make_frame(make_hand(1, Handedness.LEFT, "fist")))
        publisher.publish(make_frame(make_hand(1, Handedness.LEFT, "fist")))
        publisher.publish(make_frame(make_hand(1, Handedness.LEFT, "ok")))
        publisher.publish(frame_without_hands())
    assert publisher.on(publisher.topics.gesture(Handedness.LEFT)) == [
        b"none",
        b"fist",
        b"ok",
        b"none",
    ]
    assert publisher.on(publisher.topics.gesture(Handedness.RIGHT)) == [b"none"]


def test_what_the_gestures_room_tells_becomes_an_event(publisher: FakePublisher) -> None:
    """Without it: swipes would be recognised but not published."""
    swipe = GestureEvent(
        event_type=EventType.SWIPE_LEFT,
        hand_id=1,
        handedness=Handedness.RIGHT,
        t=1.0,
        speed=1.23456,
        dx=-0.4,
    )
    publisher.publish(make_frame(make_hand(1)), (swipe,))
    told = events(publisher)[-1]
    assert (told["event_type"], told["hand_id"]) == ("swipe_left", 1)
    assert (told["speed"], told["dx"]) == (1.2346, -0.4)
    assert "angle" not in told


def test_a_lost_camera_takes_its_hands_with_it(publisher: FakePublisher) -> None:
    """Without it: pulling the camera's plug would freeze a hand in the air."""
    with publisher:
        publisher.camera_status("online")
        publisher.publish(make_frame(make_hand(1)))
        publisher.camera_status("offline")
        assert json.loads(publisher.on(publisher.topics.hands)[-1])["hands"] == []
        assert publisher.on(publisher.topics.presence)[-1] == b"OFF"
        assert events(publisher)[-1]["event_type"] == "hand_lost"
        assert publisher.on(publisher.topics.camera_status) == [b"offline", b"online", b"offline"]


@pytest.mark.parametrize(("limit", "expected"), [(0, 60), (10, 20), (15, 30), (24, 48), (100, 60)])
def test_the_rate_limit_thins_out_hands_evenly(limit: float, expected: int) -> None:
    """Without it: a slow network could not be spared."""
    publisher = FakePublisher(publish=PublishConfig(rate_limit=limit))
    for seq in range(60):
        publisher.publish(make_frame(make_hand(1), seq=seq, t=100 + seq / 30))
    assert abs(len(publisher.on(publisher.topics.hands)) - expected) <= 1


def test_the_rate_limit_never_holds_back_the_empty_list() -> None:
    """Without it: with a limit of one a second, a hand would stay after it left."""
    publisher = FakePublisher(publish=PublishConfig(rate_limit=1))
    publisher.publish(make_frame(make_hand(1), t=100.0))
    publisher.publish(make_frame(make_hand(1), t=100.1))
    publisher.publish(make_frame(t=100.4))
    shown = [len(json.loads(p)["hands"]) for p in publisher.on(publisher.topics.hands)]
    assert shown == [1, 0]


@pytest.mark.parametrize("odd", ["\x1b[2J", "zero\u200bwidth", "\x00", "two\nlines", "y" * 1500])
def test_a_problem_is_a_line_that_the_contract_reads(publisher: FakePublisher, odd: str) -> None:
    """Without it: a file's odd name would hide why the camera is away from every reader."""
    publisher.camera_status("offline", f"{odd}: no such file")
    topic = publisher.topics.camera_problem
    line = check_message(topic, publisher.on(topic)[-1]).content
    assert line == printable(" ".join(f"{odd}: no such file".split())[:1000], 1000)
    assert line
