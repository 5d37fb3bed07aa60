"""A broker that closes connections: whatever the reason, nothing else is held up, and few tries."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING

import pytest

from edgehands.mqtt.broker import pauses
from edgehands.mqtt.broker.pauses import AWAY_RETRY_S, CLOSED_RETRY_S, MAX_RELIEFS, Ending, Pauses
from edgehands.mqtt.broker.quiet_log import EVERY_S, QuietLog
from edgehands.mqtt.publisher import MqttPublisher
from tests.mqtt_hands import config_for
from tests.test_mqtt_broker import publishing, warnings
from tools.common.closing_broker import CONNACK, PUBLISH, SUBSCRIBE, ClosingBroker, Packet
from tools.common.mosquitto import Listener, Mosquitto
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

CAMERA = "edgehands/node/camera/main"
BAD = "edgehands/node/response/bad"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that don't grow: what is sent and dropped is the matter, not when."""
    monkeypatch.setattr(pauses, "CLOSED_FACTOR", 1.0)


def at_place(place: int, publisher: MqttPublisher) -> None:
    """Put a message that the broker can't stand among twenty, at this place."""
    for number in range(20):
        topic = BAD if number == place else f"edgehands/node/response/good{number}"
        publisher.client.event(topic, b'{"status":"ok"}')


@pytest.mark.broker
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("place", "protocol"), [(0, "5"), (7, "5"), (19, "5"), (7, "3.1.1")])
def test_a_message_that_makes_the_broker_close_holds_up_nothing(
    broker: Mosquitto, place: int, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: one request could take a node off the network for good."""
    with (
        ClosingBroker(broker.port, lambda packet: packet.topic == BAD) as closing,
        Listener(broker.port) as listener,
        MqttPublisher(config_for(closing.url, protocol=protocol)) as publisher,
        publishing(publisher, fps=20),
    ):
        assert wait_for(lambda: listener.on("/hands"), 10)
        at_place(place, publisher)
        assert wait_for(lambda: "closes the connection when" in caplog.text, 30)
        assert wait_for(lambda: len(listener.on("/hands")) > 5, 30)
        count = len(listener.on("/hands"))
        assert wait_for(lambda: len(listener.on("/hands")) > count + 20, 30)
        expected = {f"good{number}" for number in range(20) if number != place}
        good = {m.topic.rpartition("/")[2] for m in listener.heard if "/response/" in m.topic}
        assert wait_for(lambda: good == expected, 10), expected - good
        assert len(closing.closed) <= 3
    named = [text for text in warnings(caplog) if BAD in text]
    assert len(named) == 1, warnings(caplog)
    # What the broker doesn't let through at all is no event of ours.
    assert publisher.client.outbox.counters.events_dropped == 1


@pytest.mark.broker
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("what", "closes"),
    [
        ("a state", lambda packet: packet.topic == f"{CAMERA}/count"),
        ("a size", lambda packet: packet.kind == PUBLISH and packet.size > 4000),
        ("hands", lambda packet: packet.topic.endswith("/hands/bin")),
        ("a subscription", lambda packet: packet.kind == SUBSCRIBE and b"/camera/+" in packet.body),
    ],
)
def test_of_each_kind_of_message_only_the_bad_one_is_left_out(
    broker: Mosquitto, what: str, closes: Callable[[Packet], bool], caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a broker's odd limit on one topic would cost all others."""
    caplog.set_level(logging.INFO)
    with (
        ClosingBroker(broker.port, closes) as closing,
        Listener(broker.port) as listener,
        MqttPublisher(config_for(closing.url)) as publisher,
        publishing(publisher, fps=20),
    ):
        if what == "a size":
            publisher.client.state(f"{CAMERA}/info", b"{" + b" " * 5000 + b"}")
        if what == "hands":
            publisher._compact = True
        assert wait_for(lambda: "closes the connection when" in caplog.text, 40), caplog.text
        count = len(listener.on("/hands"))
        assert wait_for(lambda: len(listener.on("/hands")) > count + 20, 40)
        assert listener.last("node/status") == b"online"
        assert listener.last("/presence") == b"ON"
        assert len(closing.closed) <= 3
        before = len(closing.connections)
        time.sleep(1.0)
        assert len(closing.connections) == before
        if what == "a size":  # the contract's reader would complain of it
            listener.heard[:] = [m for m in listener.heard if len(m.payload) < 4000]


@pytest.mark.broker
@pytest.mark.parametrize("when", ["at once", "after its welcome", "at the first subscription"])
def test_a_broker_that_closes_whatever_is_said_is_tried_ever_more_rarely(
    broker: Mosquitto, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a broker with a wrong limit would be called 200 times a minute."""
    caplog.set_level(logging.INFO)

    def closes(packet: Packet) -> bool:
        return packet.kind == (CONNACK if when == "after its welcome" else SUBSCRIBE)

    with ClosingBroker(broker.port, closes, accepts=when != "at once") as closing:
        with MqttPublisher(config_for(closing.url)):
            assert wait_for(lambda: len(closing.connections) >= 3, 15)
            time.sleep(4.0)
            # 0.2, 0.8, 3.2, 12.8, 30 s or down to half of that; once, two versions of MQTT.
            assert len(closing.connections) <= 7
        lines = [record.getMessage() for record in caplog.records]
    assert len(lines) <= 4, lines


def test_a_broker_that_is_back_is_found_at_once_and_one_that_closes_is_left_alone() -> None:
    """Without it: a restart of the broker would cost half a minute, or a wrong limit its CPU."""
    grown = Pauses()
    away = [grown.next(Ending.AWAY) for _ in range(20)]
    assert max(away) <= AWAY_RETRY_S[1]
    closed = [grown.next(Ending.CLOSED) for _ in range(6)]
    assert closed[0] <= CLOSED_RETRY_S[0]
    assert closed[-1] >= CLOSED_RETRY_S[1] / 2
    assert not grown.calm
    grown.next(Ending.AWAY)  # it was restarted
    assert grown.calm
    assert grown.next(Ending.CLOSED) <= CLOSED_RETRY_S[0]
    for _ in range(5):
        grown.next(Ending.CLOSED)
    for _ in range(MAX_RELIEFS):
        grown.relieve()  # a cause was found
        assert grown.next(Ending.CLOSED) < 1.0
        grown.next(Ending.CLOSED)
    grown.relieve()  # one after the other: no end of them
    assert grown.next(Ending.CLOSED) > 1.0
    grown.reset()
    assert grown.next(Ending.CLOSED) <= CLOSED_RETRY_S[0]


def test_a_warning_that_strangers_provoke_comes_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without it: whoever may send a request could fill the log, and the card."""
    now = [0.0]
    quiet = QuietLog(logging.getLogger("quiet"), lambda: now[0])
    for _ in range(3):
        quiet.warning("a", "first")
        quiet.warning("b", "second")
    now[0] = EVERY_S
    quiet.warning("a", "third")
    assert warnings(caplog) == ["first", "second", "third (and 2 more like it before)"]


@pytest.mark.broker
def test_what_is_too_large_for_the_broker_is_left_out_and_said_once(
    make_broker: Callable[..., Mosquitto], caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a packet limit of 1,000 bytes would close the connection with every frame."""
    caplog.set_level(logging.INFO)
    broker = make_broker("allow_anonymous true", "max_packet_size 1000")
    with (
        Listener(broker.port) as listener,
        MqttPublisher(config_for(broker.url)) as publisher,
        publishing(publisher, fps=20),
    ):
        assert wait_for(lambda: listener.last("/presence") == b"ON", 10)
        assert wait_for(lambda: "takes no packet above 1000 bytes" in caplog.text, 10)
        time.sleep(1.0)
        assert publisher.client.connections == 1
        assert listener.last("node/status") == b"online"
        publisher.client.event(f"{CAMERA}/event", b"x" * 2000)
        assert wait_for(lambda: publisher.client.outbox.counters.events_dropped == 1)
    assert not any(json.loads(payload)["hands"] for payload in listener.on("/hands"))
    assert len(warnings(caplog)) == 1
