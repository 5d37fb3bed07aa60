"""The bridge configuration of docs/, between two real brokers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgehands.mqtt.publisher import MqttPublisher
from tests.mqtt_hands import config_for, make_frame, make_hand
from tools.common.mosquitto import Listener, retained
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from tests.conftest import MakeBroker
    from tools.common.mosquitto import Mosquitto

pytestmark = pytest.mark.broker

BRIDGE = Path(__file__).resolve().parents[1] / "docs" / "mosquitto" / "site-bridge.conf"
NOT_HERE = ("bridge_cafile", "remote_username", "remote_password")


def bridged(hub: Mosquitto) -> tuple[str, ...]:
    """The documented lines, but for the hub's address and its locks."""
    lines = []
    for line in BRIDGE.read_text().splitlines():
        if line.startswith("address"):
            lines.append(f"address 127.0.0.1:{hub.port}")
        elif line and not line.startswith(("#", *NOT_HERE)):
            lines.append(line)
    return ("allow_anonymous true", *lines)


def test_a_site_tells_the_centre_what_people_need_and_keeps_landmarks(
    make_broker: MakeBroker,
) -> None:
    """Without it: a centre would drown in landmarks, or never hear who is there."""
    hub = make_broker()
    site = make_broker(*bridged(hub))
    with (
        Listener(hub.port) as listener,
        Listener(site.port) as here,
        MqttPublisher(config_for(site.url)) as publisher,
    ):
        publisher.camera_status("online")
        publisher.publish(make_frame(make_hand(1, gesture="fist")))
        assert wait_for(lambda: here.on("/hands"))
        assert wait_for(lambda: listener.on("/event"), 10)
        assert wait_for(lambda: listener.last("/presence") == b"ON")
        told = retained(hub.port)
        time.sleep(0.3)
    assert told["edgehands/node/status"] == b"online"
    assert told["edgehands/node/camera/main/count"] == b"1"
    assert told["edgehands/node/camera/main/gesture/right"] == b"fist"
    assert not listener.on("/hands")


def test_the_centre_reaches_nodes_of_a_site(make_broker: MakeBroker) -> None:
    """Without it: nodes could only be queried and controlled from their own site."""
    hub = make_broker()
    site = make_broker(*bridged(hub))
    with Listener(site.port) as listener, Listener(hub.port) as central:
        client = central._client
        assert client is not None

        def asked() -> bool:
            client.publish("edgehands/node/request/info", b"{}", qos=1)
            time.sleep(0.2)
            return bool(listener.on("/request/info"))

        assert wait_for(asked, 10)  # the bridge takes a moment to stand
        client.publish("edgehands/node/camera/main/enabled/set", b"OFF", qos=1)
        assert wait_for(lambda: listener.last("/enabled/set") == b"OFF")
        client.publish("edgehands/node/camera/main/presence", b"ON", qos=1)
        time.sleep(0.3)
    assert not listener.on("/presence")  # nobody speaks for the node


def test_events_of_an_outage_reach_the_centre_afterwards(make_broker: MakeBroker) -> None:
    """Without it: who counts people in the centre would miss those of every outage."""
    hub = make_broker()
    site = make_broker(*bridged(hub))
    with MqttPublisher(config_for(site.url)) as publisher:
        with Listener(hub.port) as listener:
            publisher.publish(make_frame(make_hand(1)))
            assert wait_for(lambda: listener.on("/event"), 10)
        hub.kill()
        publisher.publish(make_frame(make_hand(1), make_hand(2)))
        assert wait_for(publisher.client.outbox.drained)
        hub.start()
        with Listener(hub.port) as listener:
            assert wait_for(lambda: listener.last("/count") == b"2", 10)
            assert wait_for(lambda: any(b'"hand_id":2' in each for each in listener.on("/event")))
