"""The ready mosquitto configuration of docs/, with a real mosquitto: who may do what."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from edgehands.config import CameraConfig, Config, MqttConfig, NodeConfig, Secret
from edgehands.errors import BrokerError
from edgehands.mqtt.broker.oneshot import publish_once
from edgehands.mqtt.broker.subscriber import Subscriber
from edgehands.mqtt.contract.request_messages import PlainRequest, Verb  # noqa: TC001 - in a test's class
from edgehands.mqtt.fake import FakeClient
from edgehands.mqtt.homeassistant.discovery import Discovery
from edgehands.mqtt.homeassistant.entities import Offers
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.mqtt.requests import Requests
from tests.documented_broker import login
from tests.mqtt_hands import make_frame, make_hand
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgehands.mqtt.broker.subscriber import Received
    from tools.common.mosquitto import Mosquitto

pytestmark = pytest.mark.broker


class Deaf:
    """Controls that nobody asks."""

    def answer(self, verb: Verb, request: PlainRequest) -> None:  # noqa: D102
        raise AssertionError(verb, request)


def test_a_node_may_do_all_that_it_does(
    fortress: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: the documented ACL would silence the very nodes that it is for."""
    config = Config(node=NodeConfig(name="kitchen"), mqtt=login(fortress, "kitchen"))
    publisher = MqttPublisher(config)
    publisher.client.listen(Requests(publisher.topics, Deaf(), FakeClient()))
    publisher.client.listen(
        Discovery(publisher.client, publisher.topics, prefix="homeassistant", offers=Offers())
    )
    with publisher:
        publisher.camera_status("online")
        assert wait_for(publisher.client.outbox.drained)

        def hands_arrive() -> bool:
            # On a busy machine one frame alone may be too old before its turn comes.
            publisher.publish(make_frame(make_hand(1)))
            return publisher.client.outbox.counters.live_sent > 0

        assert wait_for(hands_arrive)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING], caplog.text
    assert "Denied" not in fortress.log.read_text()


def test_two_cameras_and_a_twin_find_each_other(fortress: Mosquitto) -> None:
    """Without it: behind the documented ACL, a cloned card would publish beside the first one."""

    def publisher(camera: str) -> MqttPublisher:
        node, mqtt = NodeConfig(name="kitchen"), login(fortress, "kitchen")
        return MqttPublisher(Config(node=node, camera=CameraConfig(name=camera), mqtt=mqtt))

    first = publisher("main")
    first.client.peers._held_since -= 3600  # it has been there for an hour
    side = publisher("side")
    side.client.listen(Discovery(side.client, side.topics, prefix="homeassistant", offers=Offers()))
    with first, side:
        assert wait_for(lambda: first.client.peers.siblings == ("side",), 10)
        assert wait_for(lambda: side.client.peers.siblings == ("main",), 10)
        assert wait_for(side.client.outbox.drained, 10)
        with publisher("main") as twin:
            assert wait_for(lambda: twin.client.peers.yielded, 10)
        assert first.client.peers.primary
    assert "Denied" not in fortress.log.read_text()


def test_pages_come_in_by_their_own_listener(fortress: Mosquitto, web_port: int) -> None:
    """Without it: a page in a browser could not be let in without opening the broker to all."""
    settings = login(fortress, "viewer")
    url = f"wss://127.0.0.1:{web_port}"
    publish_once(msgspec.structs.replace(settings, url=url), ())
    with pytest.raises(BrokerError, match=r"correct mqtt\.username and mqtt\.password"):
        publish_once(msgspec.structs.replace(settings, url=url, password=Secret("wrong")), ())


def test_a_node_may_tell_what_is_wrong_with_its_settings(fortress: Mosquitto) -> None:
    """Without it: a mistake on the card would stay unknown just where the broker is secured."""
    publish_once(login(fortress, "kitchen"), [("edgehands/kitchen/problem", b"x")])


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("kitchen", "edgehands/garage/status"),
        ("kitchen", "edgehands/garage/request/info"),
        ("kitchen", "homeassistant/device/edgehands-garage/config"),
        ("kitchen", "elsewhere"),
        ("viewer", "edgehands/kitchen/status"),
        ("viewer", "edgehands/kitchen/request/set"),
        ("controller", "edgehands/kitchen/status"),
    ],
)
def test_nobody_may_write_what_is_not_theirs(fortress: Mosquitto, name: str, topic: str) -> None:
    """Without it: one stolen device could speak for all others, or switch them off."""
    with pytest.raises(BrokerError, match="Not authorized"):
        publish_once(login(fortress, name), [(topic, b"x")])


def test_a_controller_may_ask_and_switch(fortress: Mosquitto) -> None:
    """Without it: Home Assistant could not switch tracking."""
    publish_once(
        login(fortress, "controller"),
        [
            ("edgehands/kitchen/request/info", b""),
            ("edgehands/kitchen/camera/main/enabled/set", b""),
        ],
    )


def test_who_may_only_look_gets_no_picture(fortress: Mosquitto) -> None:
    """Without it: a dashboard's password would be enough to see into a room."""
    answers = ["response/snapshot", "response/snapshot/me", "response/info"]
    with hearing(fortress, "viewer") as viewer, hearing(fortress, "controller") as controller:
        for answer in answers:
            publish_once(login(fortress, "kitchen"), [(f"edgehands/kitchen/{answer}", b"x")])
        assert wait_for(lambda: sum("response" in topic for topic in controller) == 3)
        assert wait_for(lambda: "edgehands/kitchen/response/info" in viewer)
    assert [topic for topic in viewer if "response" in topic] == ["edgehands/kitchen/response/info"]


@contextmanager
def hearing(broker: Mosquitto, name: str) -> Iterator[list[str]]:
    """The topics of all messages that a user is given."""
    topics: list[str] = []
    subscribed = threading.Event()

    def note(message: Received) -> None:
        topics.append(message.topic)
        if message.topic == "edgehands/kitchen/info":
            subscribed.set()

    publish_once(login(broker, "kitchen"), [("edgehands/kitchen/info", b"x")])
    with Subscriber(login(broker, name), purpose="test", on_message=note):
        assert subscribed.wait(10)
        topics.clear()
        yield topics


@pytest.mark.parametrize(("name", "password"), [("kitchen", "wrong"), ("nobody", "x")])
def test_without_the_right_password_nobody_gets_in(
    fortress: Mosquitto, name: str, password: str
) -> None:
    """Without it: the other rules would be worth nothing."""
    with pytest.raises(BrokerError, match=r"correct mqtt\.username and mqtt\.password"):
        publish_once(login(fortress, name, password), [("a", b"x")])


def test_a_password_over_an_open_network_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Without it: the owner would not know that everybody on the way can read it."""
    for url, warned in (("mqtt://192.0.2.1", True), ("mqtt://localhost:1", False)):
        caplog.clear()
        mqtt = MqttConfig(url=url, username="u", password=Secret("geheim"))
        with MqttPublisher(Config(node=NodeConfig(name="n"), mqtt=mqtt)):
            pass
        assert ("use mqtts://" in caplog.text) == warned
        assert "geheim" not in caplog.text
