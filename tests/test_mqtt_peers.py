"""Services of one node name: twins, which mustn't fight, and siblings, which share it."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from edgehands.config import CameraConfig
from edgehands.mqtt import stand_by
from edgehands.mqtt.contract.messages import InstanceMessage, encode
from edgehands.mqtt.contract.topics import Topics
from edgehands.mqtt.homeassistant.discovery import Discovery, discovery_document
from edgehands.mqtt.homeassistant.entities import Offers
from edgehands.mqtt.outbox import Outbox
from edgehands.mqtt.peers import ANSWER_S, GONE_S, TOLERANCE_S, Peers, read_instance
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.mqtt.requests import Received
from tests.mqtt_hands import config_for, make_frame, make_hand
from tests.test_mqtt_broker import publishing, warnings
from tests.test_mqtt_outbox import Clock
from tools.common.mosquitto import Listener, Mosquitto, retained
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeBroker

NODE = "edgehands/node"


def publisher_of(url: str, camera: str = "main", **settings: object) -> MqttPublisher:
    config = msgspec.structs.replace(
        config_for(url, **settings), camera=CameraConfig(name=camera, source="demo:")
    )
    return MqttPublisher(config)


def statuses(listener: Listener) -> list[bytes]:
    """What was said of the node, repetitions left out."""
    found: list[bytes] = []
    for payload in listener.on("node/status"):
        if found[-1:] != [payload]:
            found.append(payload)
    return found


@pytest.fixture
def quick_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has yielded looks again soon."""
    monkeypatch.setattr(stand_by, "LOOK_AGAIN_S", 2.0)
    monkeypatch.setattr(stand_by, "SURE_S", 0.5)


@pytest.mark.slow("one device has to notice the other, and then its end")
@pytest.mark.broker
@pytest.mark.usefixtures("quick_look")
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_of_two_devices_with_one_name_the_first_goes_on_until_it_is_gone(
    broker: Mosquitto, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a cloned card would disconnect the first device four times a second, forever."""
    caplog.set_level(logging.INFO)
    with Listener(broker.port) as listener, ExitStack() as stack:
        first = publisher_of(broker.url, protocol=protocol)
        first.client.peers._held_since -= 3600  # it has been there for an hour
        with first, publishing(first, fps=20):
            assert wait_for(lambda: listener.on("/hands"), 10)
            second = stack.enter_context(publisher_of(broker.url, protocol=protocol))
            assert wait_for(lambda: second.client.peers.yielded, 10)
            assert wait_for(lambda: b"calls itself" in (listener.last("node/problem") or b""), 10)
            count = len(listener.on("/hands"))
            assert wait_for(lambda: len(listener.on("/hands")) > count + 60, 15)
            assert retained(broker.port)[f"{NODE}/status"] == b"online"
            assert first.client.connections <= 3
            assert second.client.connections == 1
            assert second.broker == 'silent: another device calls itself "node"'
            told = [text for text in warnings(caplog) if "calls itself" in text]
            assert len(told) == 2, warnings(caplog)  # each says it once
        assert wait_for(lambda: second.connected, 15)
        assert wait_for(lambda: statuses(listener)[-1] == b"online", 5)
        # Once for the collision, once for the first one's end.
        assert statuses(listener).count(b"offline") <= 2
        assert listener.last("node/problem") == b""


@pytest.mark.broker
def test_a_restart_after_a_power_cut_is_no_twin(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a device that was pulled from its plug would take itself for another one."""
    program = (
        "import sys, time\n"
        "from tests.test_mqtt_peers import publisher_of\n"
        "with publisher_of(sys.argv[1]):\n"
        "    time.sleep(60)\n"
    )
    with Listener(broker.port) as listener:
        before = subprocess.Popen([sys.executable, "-c", program, broker.url])
        try:
            assert wait_for(lambda: listener.last("node/status") == b"online", 20)
            # It loses power: the broker isn't notified.
            before.send_signal(signal.SIGSTOP)
            with publisher_of(broker.url) as again:
                assert wait_for(lambda: again.connected and again.client.outbox.drained(), 10)
                assert not again.client.peers.yielded
                assert retained(broker.port)[f"{NODE}/status"] == b"online"
                assert again.client.connections == 1
        finally:
            before.kill()
            before.wait()
    assert "calls itself" not in caplog.text


@pytest.mark.broker
def test_broker_restarts_and_closes_are_no_twins(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a broker's restart would be taken for a second device."""
    with publisher_of(broker.url) as publisher:
        for _ in range(3):
            assert wait_for(lambda: publisher.connected and publisher.client.outbox.drained(), 10)
            broker.kill()
            assert wait_for(lambda: not publisher.connected, 10)
            broker.start()
        assert wait_for(lambda: publisher.connected and publisher.client.outbox.drained(), 10)
        assert not publisher.client.peers.twin
    assert "calls itself" not in caplog.text


@pytest.mark.broker
def test_behind_an_acl_that_hides_them_two_devices_do_not_fight_either(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    """Without it: with the access list of an older version they would go on as before."""
    acl = tmp_path / "acl"
    acl.write_text(f"topic deny {NODE}/instance\ntopic readwrite #\n")
    broker = make_broker("allow_anonymous true", f"acl_file {acl}")
    with publisher_of(broker.url) as first:
        assert wait_for(lambda: first.connected and first.client.outbox.drained(), 10)
        with publisher_of(broker.url) as second:
            assert wait_for(lambda: first.client.connections == 2, 10)
            assert wait_for(lambda: second.connected and second.client.outbox.drained(), 10)
            time.sleep(2.0)
            assert (first.client.connections, second.client.connections) == (2, 1)
            assert [p.client.peers.yielded for p in (first, second)] == [False, False]


@pytest.mark.broker
def test_two_cameras_share_a_node(broker: Mosquitto) -> None:
    """Without it: two services on one device would disconnect each other forever."""
    with (
        Listener(broker.port) as listener,
        publisher_of(broker.url, "front") as front,
    ):
        with publisher_of(broker.url, "side") as side:
            for publisher in (front, side):
                publisher.camera_status("online")
                publisher.client.listen(  # after the start: only its document counts here
                    Discovery(
                        publisher.client, publisher.topics, prefix="homeassistant", offers=Offers()
                    )
                )
            assert wait_for(lambda: front.client.peers.siblings == ("side",), 10)
            assert wait_for(lambda: side.client.peers.siblings == ("front",), 10)
            with publishing(front, fps=10), publishing(side, fps=10):
                assert wait_for(lambda: len(listener.on("front/hands")) > 10, 10)
                assert wait_for(lambda: len(listener.on("side/hands")) > 10, 10)
            assert wait_for(lambda: side.client.outbox.drained() and front.client.outbox.drained())
            told = retained(broker.port)
            assert told[f"{NODE}/camera/front/status"] == b"online"
            assert told[f"{NODE}/camera/side/status"] == b"online"
            documents = [json.loads(told[t]) for t in told if t.startswith("homeassistant/")]
            assert len(documents) == 2
            assert documents[0]["device"] == documents[1]["device"]
            parts = [c for d in documents for c in d["components"].values()]
            ids = [c["unique_id"] for c in parts if "unique_id" in c]
            assert len(set(ids)) == len(ids) > 10
            assert (front.client.connections, side.client.connections) == (1, 1)
        # One has ended: the node is online as long as the other lives.
        assert wait_for(lambda: listener.last("side/status") == b"offline")
        assert wait_for(lambda: front.client.peers.siblings == (), 10)
        assert retained(broker.port)[f"{NODE}/status"] == b"online"
        assert statuses(listener) == [b"online"]
    assert retained(broker.port)[f"{NODE}/status"] == b"offline"


@pytest.mark.broker
def test_when_one_of_two_services_is_killed_its_camera_is_offline_and_the_node_is_not(
    broker: Mosquitto,
) -> None:
    """Without it: Home Assistant would show what a dead camera saw last, or lose the living one."""
    with Listener(broker.port) as listener, publisher_of(broker.url, "front") as front:
        side = publisher_of(broker.url, "side")
        with side:
            side.camera_status("online")
            side.publish(make_frame(make_hand(1)))
            assert wait_for(lambda: listener.last("side/presence") == b"ON", 10)
            assert wait_for(lambda: front.client.peers.siblings == ("side",), 10)
            # As if its process were killed: the broker sends its last will.
            _kill(side)
            assert wait_for(lambda: b"offline" in listener.on("node/status"), 10)
            assert wait_for(lambda: listener.last("side/status") == b"offline", 10)
        told = retained(broker.port)
    assert told[f"{NODE}/status"] == b"online"
    assert told[f"{NODE}/camera/side/presence"] == b"OFF"
    assert told[f"{NODE}/camera/front/presence"] == b"OFF"


def _kill(publisher: MqttPublisher) -> None:
    """Close a publisher's connection silently, and keep it from coming back."""
    client = publisher.client
    client._stopping = True
    client._stop_by = 0.0
    raise_in_thread(client)


def raise_in_thread(client: Any) -> None:
    """Let its thread end without a goodbye."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    client._delivery.send = broken
    client._wake.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def peers(clock: Clock) -> Peers:
    topics = Topics(node="node", camera="front")
    return Peers(topics, Outbox(lambda: None, clock=clock), clock=clock)


def claim(
    instance: str = "ffffffff", camera: str = "front", held_s: float = 0.0, **more: Any
) -> Received:
    message = InstanceMessage(instance=instance, camera=camera, held_s=held_s, **more)
    return Received(f"{NODE}/instance", encode(message))


def test_who_has_published_for_longer_goes_on_and_of_two_equals_exactly_one(
    peers: Peers, clock: Clock
) -> None:
    """Without it: both of two clones that boot together would publish, or neither."""
    clock.now += 100
    peers.receive(claim(held_s=50))
    assert (peers.yielded, peers.twin) == (False, True)
    peers.receive(claim(held_s=150))
    assert peers.yielded
    peers.yielded = False
    peers.instance = "88888888"
    peers.receive(claim("11111111", held_s=100 + TOLERANCE_S / 2))
    assert not peers.yielded
    peers.receive(claim("99999999", held_s=100 - TOLERANCE_S / 2))
    assert peers.yielded


def test_a_twin_that_is_not_heard_any_more_is_forgotten(peers: Peers, clock: Clock) -> None:
    """Without it: the problem would stay on the page forever."""
    outbox = peers._outbox
    clock.now += 100
    peers.receive(claim(held_s=1, address="192.168.1.7"))
    problem = dict(outbox.due_states())[f"{NODE}/problem"]
    assert b"another device (192.168.1.7) calls itself" in problem
    outbox.state_acknowledged(f"{NODE}/problem")
    clock.now += GONE_S - 1
    peers.tick()
    assert not outbox.due_states()
    clock.now += 2
    peers.tick()
    assert outbox.due_states() == [(f"{NODE}/problem", b"")]


def test_only_one_of_several_services_speaks_for_the_node(peers: Peers) -> None:
    """Without it: a request would be answered twice, and carried out twice."""
    told: list[bool] = []
    peers.changed = told.append
    assert peers.primary
    peers.receive(claim(camera="side"))
    assert peers.primary
    peers.receive(claim(camera="main"))
    assert not peers.primary
    assert peers.siblings == ("main", "side")
    peers.receive(claim(camera="main", leaving=True))
    assert peers.primary
    assert told == [True, False, True]  # a newcomer has written info: it is written again


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"null", b"[" * 400, b"\xff", b"{}", b"x" * 1000, b'{"instance":1}'),
        b'{"instance":"FF","camera":"a","held_s":1}',
        b'{"instance":"ff","camera":"a/b","held_s":1}',
        b'{"instance":"ff","camera":"a","held_s":-1}',
        b'{"instance":"ff","camera":"a","held_s":1e999}',
        b'{"instance":"ff","camera":"a","held_s":1,"address":"\\u001b[2J"}',
    ],
)
def test_garbage_says_nothing_about_anybody(peers: Peers, payload: bytes) -> None:
    """Without it: a stray message could silence a device."""
    assert read_instance(Received(f"{NODE}/instance", payload)) is None
    peers.receive(Received(f"{NODE}/instance", payload))
    assert (peers.yielded, peers.siblings) == (False, ())


def test_what_was_said_long_ago_silences_nobody(peers: Peers) -> None:
    """Without it: one retained message would keep a device silent forever."""
    old = claim(held_s=1e6)
    peers.receive(Received(old.topic, old.payload, retained=True))
    assert not peers.yielded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("edgehands", "pi.kitchen", "main"), ("edgehands", "pi_kitchen", "main")),
        (("home/edge", "hands-a", "main"), ("home/edge-hands", "a", "main")),
        (("edgehands-a", "b", "main"), ("edgehands", "a-b", "main")),
        (("edgehands", "pi", "a_b"), ("edgehands", "pi", "a.b")),
        (("edgehands", "pi", "x"), ("edgehands", "pi_x", "main")),
        (("edgehands", "pi", "x"), ("edgehands", "pi-x", "main")),
    ],
)
def test_no_two_cameras_share_an_identifier(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    """Without it: Home Assistant would take two devices for one, or the broker throw one out."""
    first, second = (Topics(prefix=p, node=n, camera=c) for p, n, c in (one, other))
    assert first.camera_id != second.camera_id
    assert first.discovery("homeassistant") != second.discovery("homeassistant")
    documents = [discovery_document(topics, Offers()) for topics in (first, second)]
    ids = [{c["unique_id"] for c in d["components"].values() if "name" in c} for d in documents]
    assert not ids[0] & ids[1]
    same_node = one[:2] == other[:2]
    names = [d["device"]["identifiers"] for d in documents]
    assert (names[0] == names[1]) == same_node


def test_a_plain_node_keeps_its_identifiers() -> None:
    """Without it: an update would double every device in Home Assistant."""
    topics = Topics(node="kitchen-pi")
    assert topics.discovery("homeassistant") == "homeassistant/device/edgehands-kitchen-pi/config"
    document = discovery_document(topics, Offers())
    assert document["device"]["identifiers"] == ["edgehands-kitchen-pi"]
    assert document["components"]["fps"]["unique_id"] == "edgehands-kitchen-pi_fps"
    assert topics.camera_id == "edgehands-kitchen-pi"


def test_what_a_twin_said_before_it_gave_way_is_put_right(peers: Peers, clock: Clock) -> None:
    """Without it: a cloned card's start would leave its own states on the first one's topics."""
    outbox = peers._outbox
    outbox.state(f"{NODE}/camera/front/presence", b"ON")
    outbox.due_states()
    outbox.state_acknowledged(f"{NODE}/camera/front/presence")
    clock.now += 100
    peers.receive(claim(held_s=1, ask=True))
    assert f"{NODE}/camera/front/presence" not in dict(outbox.due_states())
    peers.receive(claim(held_s=0))
    assert dict(outbox.due_states())[f"{NODE}/camera/front/presence"] == b"ON"


def test_a_sibling_that_does_not_answer_is_gone_and_another_speaks(
    peers: Peers, clock: Clock
) -> None:
    """Without it: after the first camera's service died, requests would go unanswered."""
    told: list[bool] = []
    peers.changed = told.append
    peers.receive(claim(camera="main"))
    assert not peers.primary
    clock.now += 100
    peers.connected()  # asks who is there
    clock.now += ANSWER_S - 0.1
    peers.tick()
    assert (peers.primary, peers.siblings) == (False, ("main",))
    clock.now += 0.1
    peers.tick()
    assert (peers.primary, peers.siblings) == (True, ())
    clock.now += 100
    peers.connected()
    clock.now += ANSWER_S
    peers.tick()
    assert told == [False, True]  # nothing has changed since: nothing is written again


def test_a_twin_that_ends_silences_nobody(peers: Peers, clock: Clock) -> None:
    """Without it: a device that is switched off would silence the one that should go on."""
    clock.now += 100
    peers.receive(claim(held_s=1000, leaving=True))
    assert (peers.yielded, peers.twin) == (False, False)


def test_who_has_yielded_takes_nothing_that_others_say_for_a_twin(
    peers: Peers, clock: Clock
) -> None:
    """Without it: the silent device would write the node's `problem` over that of the other."""
    clock.now += 100
    peers.receive(claim(held_s=1000))
    assert peers.yielded
    peers.receive(claim("11111111", held_s=1))
    assert not peers.twin
    assert not peers._outbox.due_states()
