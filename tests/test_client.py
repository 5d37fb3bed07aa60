"""The client library and the examples, with a real broker."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgehands.client import HandsMessage, Message, listen, subscribe
from edgehands.client.subscribe import _Freshness
from edgehands.errors import ConfigError
from edgehands.mqtt.broker.oneshot import publish_once
from edgehands.mqtt.contract.messages import hands_message
from edgehands.mqtt.publisher import MqttPublisher
from tests.mqtt_hands import config_for, make_frame, make_hand
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.common.mosquitto import Mosquitto

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def node(broker: Mosquitto) -> Iterator[MqttPublisher]:
    """A node that publishes to the broker of the test."""
    with MqttPublisher(config_for(broker.url)) as publisher:
        publisher.camera_status("online")
        assert wait_for(publisher.client.outbox.drained)
        yield publisher


@pytest.mark.broker
def test_an_asynchronous_program_gets_typed_messages(
    broker: Mosquitto, node: MqttPublisher
) -> None:
    """Without it: everybody would write the same decoding and reconnecting again."""

    async def collect() -> list[Message]:
        found: list[Message] = []
        async for message in subscribe(broker.url, node="node"):
            found.append(message)
            if message.kind == "gesture" or len(found) == 6:
                node.publish(make_frame(make_hand(5)))
            if isinstance(message.content, HandsMessage):
                return found
        return found

    found = asyncio.run(asyncio.wait_for(collect(), 10))
    kinds = {message.kind: message.content for message in found}
    assert kinds["nodeStatus"] == "online"
    assert kinds["cameraStatus"] == "online"
    assert kinds["count"] in {0, 1}
    assert kinds["hands"].hands[0].id == 5
    assert found[-1].node == "node"
    assert found[-1].camera == "main"


@pytest.mark.broker
def test_the_callback_form_survives_the_broker_and_its_own_callback(
    broker: Mosquitto, node: MqttPublisher
) -> None:
    """Without it: a restart of the broker, or one bug, would end somebody's program."""
    found: list[Message] = []

    def callback(message: Message) -> None:
        found.append(message)
        raise ValueError("a bug")

    with listen(broker.url, callback):
        assert wait_for(lambda: any(m.kind == "nodeStatus" for m in found))
        broker.kill()
        broker.start()
        found.clear()
        assert wait_for(lambda: any(m.content == "online" for m in found), 6)
        publish_once(config_for(broker.url).mqtt, [("edgehands/x/camera/main/hands", b"junk")])
        publish_once(config_for(broker.url).mqtt, [("edgehands/x/status", b"offline")])
        assert wait_for(lambda: any(m.node == "x" for m in found))
    assert not any(m.node == "x" and m.kind == "hands" for m in found)


def test_old_hands_are_left_out_even_where_clocks_differ() -> None:
    """Without it: after a stall of the network between broker and reader, old hands would come."""
    fresh = _Freshness(0.5)
    message = hands_message(make_frame(make_hand(1)), 1.0)
    base = message.t + 1000.0  # the reader's clock is far ahead
    assert fresh("n", message, base)
    assert fresh("n", message, base + 0.4)
    assert not fresh("n", message, base + 0.7)
    assert fresh("n", hands_message(make_frame(), 1.0), base + 5)  # nothing seen: never too old


def test_what_makes_no_sense_is_said_at_once() -> None:
    """Without it: a typo in a URL would look like a quiet broker."""
    with pytest.raises(ConfigError), listen("http://hub", print):
        pass
    with pytest.raises(ConfigError), listen("mqtt://hub", print, node="#"):
        pass


def test_a_client_needs_neither_opencv_nor_the_models_runtime() -> None:
    """Without it: a program that only reads messages would carry, and need, the whole tracker."""
    program = (
        "import sys\n"
        "for name in ('cv2', 'ai_edge_litert', 'tflite_runtime'): sys.modules[name] = None\n"
        "import edgehands, edgehands.client\n"
        "heavy = {'edgehands.tracking', 'typer', 'rich', 'starlette'} & set(sys.modules)\n"
        "print(sorted(heavy), edgehands.Handedness.LEFT.value)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] left"
