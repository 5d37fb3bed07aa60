"""What a subscriber of a real mosquitto receives, also during faults."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from edgehands.mqtt.broker.oneshot import publish_once
from edgehands.mqtt.broker.oneshot import retained as kept
from edgehands.mqtt.contract.topics import Topics
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.mqtt.requests import Requests
from tests.mqtt_hands import config_for, frame_without_hands, make_frame, make_hand
from tools.common.mosquitto import Listener, Mosquitto, retained
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import MakeBroker

pytestmark = pytest.mark.broker

CAMERA = "edgehands/node/camera/main"


@contextmanager
def publishing(publisher: MqttPublisher, fps: float = 60.0) -> Iterator[None]:
    """Publish a frame with a hand many times a second, in a thread, as the frame loop does."""
    stop = threading.Event()

    def run() -> None:
        seq = 0
        while not stop.wait(1 / fps):
            publisher.publish(make_frame(make_hand(1), seq=seq))
            seq += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def ages(listener: Listener) -> list[float]:
    """How old each message with landmarks was when it arrived, seconds."""
    found = []
    for message in list(listener.heard):
        if message.topic.endswith("/hands"):
            content = json.loads(message.payload)
            if content["hands"]:
                found.append(message.t - content["t"])
    return found


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_a_subscriber_sees_hands_and_then_one_empty_list(broker: Mosquitto) -> None:
    """Without it: programs that draw hands would leave the last one on the screen forever."""
    with Listener(broker.port) as listener, MqttPublisher(config_for(broker.url)) as publisher:
        publisher.camera_status("online")
        now = time.monotonic()
        publisher.publish(make_frame(make_hand(1), make_hand(2), seq=5, t=now))
        assert wait_for(lambda: listener.on("/hands"))
        publisher.publish(make_frame(seq=6, t=now + 1))
        assert wait_for(lambda: len(listener.on("/hands")) == 2)
        publisher.publish(make_frame(seq=7, t=now + 2))
        time.sleep(0.2)
        first, last = map(json.loads, listener.on("/hands"))
    assert [hand["id"] for hand in first["hands"]] == [1, 2]
    assert len(first["hands"][0]["landmarks"]) == 21
    assert (last["seq"], last["hands"]) == (6, [])
    events = [json.loads(payload)["event_type"] for payload in listener.on("/event")]
    assert events == ["hand_appeared", "hand_appeared", "hand_lost", "hand_lost"]


def test_who_subscribes_later_is_told_the_state_at_once(broker: Mosquitto) -> None:
    """Without it: a dashboard opened after the hand came would show an empty room."""
    with MqttPublisher(config_for(broker.url)) as publisher:
        publisher.camera_status("online")
        publisher.publish(make_frame(make_hand(1)))
        assert wait_for(publisher.client.outbox.drained)
        told = retained(broker.port)
        assert told == {
            "edgehands/node/status": b"online",
            f"{CAMERA}/status": b"online",
            f"{CAMERA}/enabled": b"ON",
            f"{CAMERA}/presence": b"ON",
            f"{CAMERA}/count": b"1",
            f"{CAMERA}/gesture/left": b"none",
            f"{CAMERA}/gesture/right": b"none",
        }
    told = retained(broker.port)
    assert told["edgehands/node/status"] == b"offline"
    assert told[f"{CAMERA}/status"] == b"offline"
    assert (told[f"{CAMERA}/presence"], told[f"{CAMERA}/count"]) == (b"OFF", b"0")


def test_a_broker_that_comes_late_is_found(
    make_broker: MakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a Pi that boots before its broker would stay silent forever."""
    broker = make_broker(start=False)
    with MqttPublisher(config_for(broker.url)) as publisher, publishing(publisher):
        time.sleep(0.8)
        assert not publisher.connected
        broker.start()
        with Listener(broker.port) as listener:
            assert wait_for(lambda: listener.last("node/status") == b"online", 3.0)
            assert wait_for(lambda: listener.on("/hands"), 1.0)
    assert max(ages(listener)) < 0.5
    told = warnings(caplog)
    assert len(told) == 1, told
    assert "nothing listens there" in told[0]


def test_a_broker_that_dies_and_returns_gets_state_and_events_but_no_old_landmark(
    broker: Mosquitto,
) -> None:
    """Without it: a restart of the broker would leave wrong states and replay old hands."""
    with MqttPublisher(config_for(broker.url)) as publisher:
        publisher.camera_status("online")
        with publishing(publisher):
            assert wait_for(lambda: publisher.connected)
            broker.kill()
            assert wait_for(lambda: not publisher.connected)
            time.sleep(0.5)
        publisher.publish(frame_without_hands())  # the hand leaves while nobody can be told
        broker.start()
        with Listener(broker.port) as listener:
            assert wait_for(lambda: listener.last("/hands") is not None, 3.0)
            assert wait_for(lambda: listener.on("/event"))
            assert wait_for(publisher.client.outbox.drained)
            told = retained(broker.port)
    assert told[f"{CAMERA}/presence"] == b"OFF"
    assert told["edgehands/node/status"] == b"online"
    assert ages(listener) == []
    last = json.loads(listener.on("/hands")[0])
    assert last["hands"] == []
    events = [json.loads(payload) for payload in listener.on("/event")]
    assert events[-1]["event_type"] == "hand_lost"
    assert publisher.counts.reconnects == 1


def test_a_stalled_broker_delivers_no_old_landmark_afterwards(broker: Mosquitto) -> None:
    """Without it: after a network stall, hands of long ago would run past the user."""
    with (
        Listener(broker.port) as listener,
        MqttPublisher(config_for(broker.url)) as publisher,
        publishing(publisher),
    ):
        assert wait_for(lambda: len(listener.on("/hands")) > 20)
        broker.pause()
        time.sleep(3.0)
        assert wait_for(lambda: publisher.counts.hands_dropped > 100, 20)
        before = len(listener.on("/hands"))
        broker.resume()
        assert wait_for(lambda: len(listener.on("/hands")) > before + 20)
    late = [age for age in ages(listener) if age > 0.5]
    # One message can be on its way at the very moment of the stall; nothing can call it back.
    assert len(late) <= 1, late


def test_publishing_never_waits_for_a_stalled_broker(broker: Mosquitto) -> None:
    """Without it: the frame loop would stand still with the network."""
    with MqttPublisher(config_for(broker.url)) as publisher:
        assert wait_for(lambda: publisher.connected)
        broker.pause()
        done = threading.Event()

        def publish() -> None:
            for seq in range(3000):
                # A second a frame: each is a hand that comes and one that is lost.
                publisher.publish(make_frame(make_hand(seq % 7), seq=seq, t=1000.0 + seq))
            done.set()

        threading.Thread(target=publish, daemon=True).start()
        assert done.wait(20.0)
        outbox = publisher.client.outbox
        assert outbox.counters.events_dropped > 4000  # bounded: only the newest 1,000 are kept
        broker.resume()


def test_a_killed_process_is_shown_as_offline(broker: Mosquitto) -> None:
    """Without it: Home Assistant would show a dead device as online forever."""
    program = (
        "import sys, time\n"
        "from edgehands.mqtt.publisher import MqttPublisher\n"
        "from tests.mqtt_hands import config_for\n"
        "with MqttPublisher(config_for(sys.argv[1])):\n"
        "    time.sleep(60)\n"
    )
    with Listener(broker.port) as listener:
        process = subprocess.Popen([sys.executable, "-c", program, broker.url])
        try:
            assert wait_for(lambda: listener.last("node/status") == b"online", 15.0)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert wait_for(lambda: listener.last("node/status") == b"offline")
    assert retained(broker.port)["edgehands/node/status"] == b"offline"


def password_broker(make_broker: MakeBroker, folder: Path, *more: str) -> Mosquitto:
    """A broker that only knows ``alice`` with the password ``secret``."""
    file = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(file), "alice", "secret"], check=True)
    return make_broker("allow_anonymous false", f"password_file {file}", *more)


def test_a_refused_password_is_told_once_and_a_corrected_file_helps(
    make_broker: MakeBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a typo in the password would fill the log, or need a restart to be corrected."""
    broker = password_broker(make_broker, tmp_path)
    file = tmp_path / "password"
    file.write_text("wrong\n")
    config = config_for(broker.url, username="alice", password_file=str(file))
    with MqttPublisher(config) as publisher:
        assert wait_for(lambda: broker.log.read_text().count("not authorised") >= 2, 6.0)
        told = warnings(caplog)
        assert len(told) == 1, told
        assert "correct mqtt.username and mqtt.password" in told[0]
        file.write_text("secret\n")
        assert wait_for(lambda: publisher.connected, 6.0)
    assert "secret" not in caplog.text
    assert "wrong" not in caplog.text


def test_a_missing_password_file_is_a_warning_and_not_the_end(
    broker: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a card without its password file would stop the service instead of saying so."""
    file = tmp_path / "password"
    config = config_for(broker.url, username="alice", password_file=str(file))
    with MqttPublisher(config) as publisher:
        assert wait_for(lambda: "can't be read" in caplog.text)
        file.write_text("anything")
        assert wait_for(lambda: publisher.connected)


def test_a_topic_that_the_broker_forbids_is_named(
    make_broker: MakeBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a missing line in the broker's ACL would look like a hand that isn't there."""
    acl = tmp_path / "acl"
    acl.write_text("user alice\ntopic write edgehands/node/status\n")
    broker = password_broker(make_broker, tmp_path, f"acl_file {acl}")
    config = config_for(broker.url, username="alice", password="secret")  # noqa: S106
    with MqttPublisher(config):
        assert wait_for(lambda: f"write {CAMERA}/presence (Not authorized)" in caplog.text)
    assert f"write {CAMERA}/status" in caplog.text
    assert len(warnings(caplog)) == len(set(warnings(caplog)))


def test_a_closed_publisher_may_still_be_called(broker: Mosquitto) -> None:
    """Without it: a frame that comes after the end would raise, or write into a stranger's file."""
    publisher = MqttPublisher(config_for(broker.url))
    with publisher:
        assert wait_for(lambda: publisher.connected)
    read, write = os.pipe2(os.O_NONBLOCK)  # takes the numbers that were given back
    publisher.publish(make_frame(make_hand(1)))
    publisher.camera_status("online")
    with pytest.raises(BlockingIOError):
        os.read(read, 1)
    os.close(read)
    os.close(write)


GARBAGE = (b"", b"offline", b"ON", b"garbage", b"\xff\x00", b"[" * 3000, b"x" * 60_000)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_garbage_on_a_node_s_own_topics_changes_nothing(
    broker: Mosquitto, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: one retained message of a stranger could silence a node, or switch it off."""
    carried_out: list[str] = []

    class Controls:
        def answer(self, verb: str, _request: object) -> None:
            carried_out.append(verb)

    topics = Topics(node="node")
    targets = [
        *(topics.status, topics.info, topics.stats, topics.problem, topics.instance),
        *(topics.camera_status, topics.presence, topics.count, topics.enabled, topics.event),
        *(topics.hands, topics.camera_info, topics.enabled_set, topics.request("restart_camera")),
        *(f"{topics.node}/camera/\N{SNOWMAN}/status", "homeassistant/status"),
    ]
    mqtt = config_for(broker.url).mqtt
    for garbage in GARBAGE[1:]:
        publish_once(mqtt, [(topic, garbage) for topic in targets])
    publish_once(mqtt, [(topics.enabled_set, b"OFF")])
    claim = b'{"instance":"ff","camera":"main","held_s":1000000}'
    publish_once(mqtt, [(topics.instance, claim)])
    publisher = MqttPublisher(config_for(broker.url, protocol=protocol))
    controls: Any = Controls()
    publisher.client.listen(Requests(publisher.topics, controls, publisher.client))
    with publisher, publishing(publisher, fps=20):
        publisher.camera_status("online")
        assert wait_for(lambda: publisher.client.outbox.counters.live_sent > 20, 10)
        assert wait_for(publisher.client.outbox.drained, 10)
        told = kept(mqtt, ["edgehands/#"])
        assert told[topics.status] == told[topics.camera_status] == b"online"
        assert (told[topics.presence], told[topics.enabled]) == (b"ON", b"ON")
        assert topics.problem not in told
        # Also what comes while it runs: the node's own word is put right at once.
        publish_once(mqtt, [(topics.status, b"offline")])
        assert wait_for(lambda: kept(mqtt, [topics.status]) == {topics.status: b"online"}, 10)
        assert publisher.client.connections == 1
        assert not publisher.client.peers.yielded
    assert carried_out == []
    assert warnings(caplog) == []


def test_a_packet_that_is_too_large_is_not_kept(broker: Mosquitto) -> None:
    """Without it: 200 MB sent to a request's topic would end a small device for want of memory."""
    publisher = MqttPublisher(config_for(broker.url, protocol="3.1.1"))
    controls: Any = None
    publisher.client.listen(Requests(publisher.topics, controls, publisher.client))
    with publisher:
        assert wait_for(lambda: publisher.connected and publisher.client.outbox.drained())
        subprocess.run(
            ["mosquitto_pub", "-p", str(broker.port), "-t", "edgehands/node/request/set", "-s"],
            input=b"x" * 2_000_000,
            check=True,
        )
        assert wait_for(lambda: publisher.client.connections == 2, 10)
        assert wait_for(lambda: publisher.connected and publisher.client.outbox.drained(), 10)
