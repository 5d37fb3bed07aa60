"""What becomes of messages, good and bad, before anybody sees them."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgehands.mqtt.broker.subscriber import BrokerState, Received
from edgehands.mqtt.contract.messages import HandsMessage
from edgehands.mqtt.contract.reading import MessageError, check_message
from edgehands.mqtt.contract.topics import Topics
from edgehands.mqtt.fake import FakePublisher
from edgehands.preview import live
from edgehands.preview.braille import draw_hands, fit
from edgehands.preview.incoming import read_message
from edgehands.preview.live import LiveState, Rate
from edgehands.preview.page_messages import Choice, state_news
from tests.mqtt_hands import make_frame, make_hand

CAMERA = "edgehands/node/camera/main"
BROKER = BrokerState("mqtt://localhost:1883", connected=True, protocol="5", connections=1)


def received(topic: str, payload: bytes = b"online") -> Received:
    return Received(topic, payload, time.time())


def published(gesture: str = "open_palm") -> list[Received]:
    """What a node publishes that sees one hand."""
    publisher = FakePublisher(Topics(node="node"))
    with publisher:
        publisher.camera_status("online")
        publisher.publish(make_frame(make_hand(7, gesture=gesture)))
        sent = list(publisher.sent)
    return [received("edgehands/node/status"), *(received(m.topic, m.payload) for m in sent)]


def state_of(messages: list[Received]) -> LiveState:
    state = LiveState("edgehands", BROKER)
    for message in messages:
        state.take(message)
    return state


def test_everything_that_a_node_publishes_is_understood() -> None:
    """Without it: a message of our own would be shown as unreadable, or not at all."""
    for message in published():
        read = read_message("edgehands", message)
        assert read is not None, message.topic
        assert not read.broken, message.topic
        assert read.value is not None, message.topic


def test_a_seen_hand_is_known_with_its_gesture() -> None:
    """Without it: the views would stay empty while a node publishes."""
    state = state_of(published())
    node = state.nodes["node"]
    camera = node.cameras["main"]
    assert node.online
    message = camera.visible()
    assert message is not None
    assert [hand.id for hand in message.hands] == [7]
    assert camera.gestures["right"] == "open_palm"
    assert (camera.presence, camera.count) == ("ON", 1)
    assert [event.event_type for _, event in node.events] == ["hand_appeared"]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"{CAMERA}/hands", b"{"),
        (f"{CAMERA}/hands", b'{"seq": "many"}'),
        (f"{CAMERA}/hands", b"\xff\xfe"),
        (f"{CAMERA}/count", b"-1"),
        (f"{CAMERA}/count", b"12345678"),
        (f"{CAMERA}/gesture/left", b"\x1b[2J"),
        (f"{CAMERA}/gesture/left", b"x" * 65),
        ("edgehands/node/status", b"maybe"),
        ("edgehands/node/info", b"[]"),
    ],
)
def test_a_broken_message_is_counted_and_changes_nothing(topic: str, payload: bytes) -> None:
    """Without it: one bad publisher could blank the view or move the terminal's cursor."""
    state = state_of([*published(), received(topic, payload)])
    assert state.nodes["node"].flows[topic].broken == 1
    assert state.nodes["node"].online
    assert state.nodes["node"].cameras["main"].visible() is not None
    assert state.nodes["node"].cameras["main"].count == 1


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"{CAMERA}/count", b"2"),
        (f"{CAMERA}/count", b" 2"),
        (f"{CAMERA}/count", b"+2"),
        (f"{CAMERA}/count", b"1_0"),
        (f"{CAMERA}/count", b"12345678"),
        (f"{CAMERA}/gesture/left", b"my_rock-2"),
        (f"{CAMERA}/gesture/left", b"Rock!"),
        (f"{CAMERA}/gesture/left", b"x" * 33),
        (f"{CAMERA}/status", b"disabled"),
        ("edgehands/node/status", b"disabled"),
        (f"{CAMERA}/problem", b""),
        (f"{CAMERA}/problem", b"no camera: plug it in"),
        (f"{CAMERA}/problem", b"two\nlines"),
        ("edgehands/node/problem", b"\x1b[2J"),
        (f"{CAMERA}/event", b" " * 70_000 + b"{}"),
    ],
)
def test_viewers_and_the_client_library_refuse_the_same(topic: str, payload: bytes) -> None:
    """Without it: a page would show as a node's word what a program is never given."""
    try:
        content = check_message(topic, payload).content
    except MessageError:
        content = None
    read = read_message("edgehands", received(topic, payload))
    assert read is not None
    assert read.broken == (content is None)
    assert read.value == content


def test_a_name_that_no_node_can_have_is_read_by_nobody() -> None:
    """Without it: long names would fill the memory of who watches, or only of who programs."""
    for topic in (f"edgehands/{'n' * 65}/status", f"edgehands/n/camera/{'c' * 65}/status"):
        assert read_message("edgehands", received(topic)) is None
        with pytest.raises(MessageError):
            check_message(topic, b"online")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "/",
        "edgehands",
        "edgehands/",
        "edgehands/node",
        "other/node/status",
        "edgehands//status",
    ],
)
def test_topics_that_are_none_of_ours_are_left_alone(topic: str) -> None:
    """Without it: other programs' traffic on the broker would appear as nodes."""
    state = state_of([received(topic)])
    assert not state.nodes


@given(
    st.lists(st.sampled_from(["edgehands", "a", "camera", "main", "hands", "x" * 70, "", "é"])),
    st.binary(max_size=200),
)
def test_no_topic_and_no_bytes_do_harm(levels: list[str], payload: bytes) -> None:
    """Without it: anybody who may publish could stop every viewer."""
    state = LiveState("edgehands", BROKER)
    state.take(received("/".join(levels), payload))
    state_news(state, Choice(), time.time())


def test_a_flood_of_names_is_bounded() -> None:
    """Without it: a publisher that invents names would fill the viewer's memory."""
    state = LiveState("edgehands", BROKER)
    for number in range(live.MAX_NODES + 50):
        state.take(received(f"edgehands/node{number}/status"))
    for number in range(live.MAX_CAMERAS + 50):
        state.take(received(f"edgehands/node1/camera/c{number}/status"))
    for number in range(live.MAX_TOPICS + 50):
        state.take(received(f"edgehands/node1/odd/{number}"))
    assert len(state.nodes) == live.MAX_NODES
    assert len(state.nodes["node1"].cameras) == live.MAX_CAMERAS
    assert len(state.nodes["node1"].flows) == live.MAX_TOPICS


def test_a_dead_nodes_hands_are_gone() -> None:
    """Without it: the hands of a node that lost power would stay in the picture forever."""
    state = state_of(published())
    state.take(received("edgehands/node/status", b"offline"))
    assert state.nodes["node"].cameras["main"].visible() is None


def test_hands_of_long_ago_are_not_shown_as_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: hands whose end got lost on the way would stay in the picture."""
    camera = state_of(published()).nodes["node"].cameras["main"]
    assert camera.visible() is not None
    later = time.monotonic() + live.STALE_S + 0.1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert camera.visible() is None


def test_a_lost_broker_makes_every_status_unknown() -> None:
    """Without it: a node that died during an outage would still be shown as online."""
    state = state_of(published())
    state.set_broker(BrokerState(BROKER.address))
    assert state.nodes["node"].status == ""
    assert state.nodes["node"].cameras["main"].visible() is None


def test_rates_speak_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: a topic that fell silent would go on being shown as flowing."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    rate = Rate()
    rate.add(59.5)
    assert rate.per_second() == 0.0  # a retained message is no flow
    rate = Rate()
    for number in range(90):
        now = 100.0 + number / 30
        rate.add(float(number))
    assert rate.per_second() == pytest.approx(30.0, abs=0.6)
    assert rate.median() == pytest.approx(59.5, abs=1.0)
    now += live.RATE_WINDOW_S + 1.0
    assert rate.per_second() == 0.0
    assert rate.median() is None


def test_clocks_that_differ_are_not_taken_for_a_latency() -> None:
    """Without it: a Pi without network time would seem to answer hours late, or before it saw."""
    state = LiveState("edgehands", BROKER)
    for message in published():
        state.take(Received(message.topic, message.payload, message.t - 3600))
    assert state.nodes["node"].cameras["main"].arrival_ms() is None


def test_a_drawn_hand_lies_where_the_hand_is() -> None:
    """Without it: the terminal's drawing would mislead about where a hand is."""
    points = [[0.9, 0.05, 0.0]] * 21
    hand = _hands_message(points).hands
    canvas = draw_hands(hand, 20, 10)
    inked = [
        (row, column)
        for row in range(10)
        for column in range(20)
        if canvas.owners[row][column] == 0
    ]
    assert inked == [(0, 17)]
    assert canvas.text()[0][17] != "\u2800"


def test_a_point_far_outside_costs_nothing() -> None:
    """Without it: one wild landmark would stop the view for minutes."""
    points = [[0.5, 0.5, 0.0]] * 20 + [[1e300, -1e300, 0.0]]
    # A line drawn to there would never end.
    canvas = draw_hands(_hands_message(points).hands, 40, 20)
    assert sum(owner == 0 for row in canvas.owners for owner in row) == 1


def _hands_message(points: list[list[float]]) -> HandsMessage:
    hand = {
        "id": 1,
        "handedness": "right",
        "handedness_score": 1.0,
        "presence": 1.0,
        "landmarks": points,
        "world": points,
    }
    fields = {"seq": 1, "t": 0.0, "t_mono": 0.0, "width": 640, "height": 480, "latency_ms": 1.0}
    return msgspec.convert({**fields, "hands": [hand]}, HandsMessage)


@pytest.mark.parametrize(("columns", "rows"), [(80, 20), (20, 40), (1, 1)])
def test_the_drawing_keeps_the_pictures_shape(columns: int, rows: int) -> None:
    """Without it: a hand would look squeezed, or the drawing break out of the terminal."""
    wide, high = fit(columns, rows, 640, 480)
    assert 1 <= wide <= columns
    assert 1 <= high <= rows
    if columns > 2:
        assert 2 * wide / (4 * high) == pytest.approx(640 / 480, rel=0.15)
