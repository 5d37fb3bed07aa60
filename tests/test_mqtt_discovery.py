"""Home Assistant's document, and short visits to a broker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import pytest

from edgehands.errors import BrokerError
from edgehands.gestures.static import GESTURES
from edgehands.mqtt.broker.oneshot import publish_once, remove_discovery
from edgehands.mqtt.contract.channels import CHANNELS
from edgehands.mqtt.contract.reading import check_message
from edgehands.mqtt.contract.request_messages import Model, PlainRequest, Precision, SetRequest
from edgehands.mqtt.contract.topics import Topics
from edgehands.mqtt.fake import FakeClient
from edgehands.mqtt.homeassistant.discovery import MAX_DELAY_S, Discovery, discovery_document
from edgehands.mqtt.homeassistant.entities import EVENT_TYPES, MOVEMENTS, Offers
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.mqtt.requests import Received
from tests.mqtt_hands import config_for
from tests.test_cli import one_line, run
from tools.common.mosquitto import free_port, retained
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MakeBroker
    from tools.common.mosquitto import Mosquitto

TOPICS = Topics(node="kitchen_pi")
EVERYTHING = Offers(
    gestures=True, images=True, keeps_settings=True, page="http://kitchen.local:8765"
)


def test_the_document_has_what_home_assistant_demands() -> None:
    """Without it: Home Assistant would ignore the whole device."""
    document = discovery_document(TOPICS, EVERYTHING)
    assert document["device"]["identifiers"] == ["edgehands-kitchen_pi"]
    assert document["origin"]["name"] == "edgehands"
    assert document["device"]["configuration_url"] == "http://kitchen.local:8765"
    everything: dict[str, dict[str, Any]] = document["components"]
    components = {k: c for k, c in everything.items() if c["platform"] != "device_automation"}
    platforms = {key: component["platform"] for key, component in components.items()}
    assert platforms == {
        "presence": "binary_sensor",
        "count": "sensor",
        "event": "event",
        "problem": "binary_sensor",
        "enabled": "switch",
        "fps": "sensor",
        "latency": "sensor",
        "temperature": "sensor",
        "gesture_left": "sensor",
        "gesture_right": "sensor",
        "max_hands": "number",
        "rate_limit": "number",
        "smoothing": "switch",
        "model": "select",
        "precision": "select",
        "restart_camera": "button",
        "take_picture": "button",
        "picture": "image",
    }
    for component in components.values():
        # Home Assistant refuses an entity with none or both (it did, 2025.4).
        assert ("availability" in component) != ("availability_topic" in component)
    assert not {"availability", "availability_topic"} & set(document)
    ids = [component["unique_id"] for component in components.values()]
    assert len(set(ids)) == len(ids)
    assert TOPICS.discovery("homeassistant") == "homeassistant/device/edgehands-kitchen_pi/config"
    assert len(json.dumps(document)) < 16_000


def test_every_gesture_and_movement_can_be_picked_as_a_trigger() -> None:
    """Who clicks an automation together must not have to write a template."""
    triggers = [
        component
        for component in discovery_document(TOPICS, EVERYTHING)["components"].values()
        if component["platform"] == "device_automation"
    ]
    assert {t["subtype"] for t in triggers if t["type"] == "gesture"} == set(GESTURES)
    assert {t["subtype"] for t in triggers if t["type"] == "movement"} == set(MOVEMENTS)
    assert all("unique_id" not in trigger for trigger in triggers)


def test_what_home_assistant_sends_is_a_request_of_the_contract() -> None:
    """A number or a button whose request is refused would look broken."""
    for offers in (EVERYTHING, Offers()):
        found = discovery_document(TOPICS, offers)["components"]
        assert ("picture" in found) == ("take_picture" in found) == offers.images
        for key, value in (("max_hands", "3"), ("rate_limit", "15")):
            text = found[key]["command_template"].replace("{{ value | int }}", value)
            wanted = msgspec.json.decode(text, type=SetRequest)
            assert getattr(wanted, key) == int(value)
            assert wanted.persist == offers.keeps_settings
        for payload, on in (("payload_on", True), ("payload_off", False)):
            wanted = msgspec.json.decode(found["smoothing"][payload], type=SetRequest)
            assert wanted.smoothing is on
        for key, values in (("model", Model), ("precision", Precision)):
            assert tuple(found[key]["options"]) == get_args(values)
            for value in found[key]["options"]:
                text = found[key]["command_template"].replace("{{ value }}", value)
                wanted = msgspec.json.decode(text, type=SetRequest)
                assert getattr(wanted, key) == value
                assert wanted.persist == offers.keeps_settings
        assert msgspec.json.decode(found["restart_camera"]["payload_press"], type=PlainRequest)


def test_every_topic_in_the_document_is_one_of_the_contract_and_none_carries_landmarks() -> None:
    """Without it: an entity would wait forever, or fill the database with landmarks."""
    text = json.dumps(discovery_document(Topics(node="node"), EVERYTHING))
    named = {value for value in _texts(json.loads(text)) if value.startswith("edgehands/")}
    templates = {c.address.replace("{node}", "node").replace("{camera}", "main") for c in CHANNELS}
    assert named <= templates
    assert "edgehands/node/camera/main/hands" not in named
    example = {"event_type": EVENT_TYPES[-1], "hand_id": 1, "id": "a-1", "t": 1.0}
    check_message("edgehands/node/camera/main/event", json.dumps(example).encode())


def test_without_gestures_there_are_no_gesture_entities() -> None:
    """Without it: Home Assistant would show sensors that never say anything."""
    found = discovery_document(TOPICS, Offers(gestures=False))["components"]
    assert not [key for key in found if key.startswith(("gesture_", "trigger_"))]


def test_the_document_comes_again_after_home_assistant_started() -> None:
    """Without it: after a restart of Home Assistant the device could be gone."""
    out, delays = FakeClient(), []

    def later(seconds: float, what: Callable[[], None]) -> None:
        delays.append(seconds)
        what()

    discovery = Discovery(out, TOPICS, prefix="ha", offers=EVERYTHING, later=later)
    assert discovery.subscriptions == ("ha/status",)
    for payload in (b"offline", b"", b"online"):
        discovery.receive(Received("ha/status", payload))
    assert [message.topic for message in out.sent] == [TOPICS.discovery("ha")] * 2
    assert all(message.retain for message in out.sent)
    assert len(delays) == 1
    assert 0 < delays[0] <= MAX_DELAY_S


@pytest.mark.broker
def test_a_node_is_found_and_can_be_removed_again(broker: Mosquitto) -> None:
    """Without it: a discarded device would stay in Home Assistant forever."""
    config = config_for(broker.url)
    topic = "homeassistant/device/edgehands-node/config"
    with MqttPublisher(config) as publisher:
        discovery = Discovery(
            publisher.client, publisher.topics, prefix="homeassistant", offers=EVERYTHING
        )
        publisher.client.listen(discovery)
        assert wait_for(publisher.client.outbox.drained)
    assert json.loads(retained(broker.port)[topic])["device"]["name"] == "edgehands node"
    remove_discovery(config.mqtt, publisher.topics, "homeassistant")
    assert topic not in retained(broker.port)


@pytest.mark.broker
def test_a_visit_names_what_is_wrong_with_the_broker(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    """Without it: `doctor` could only say that nothing works."""
    good = make_broker()
    publish_once(config_for(good.url).mqtt, ())
    shut = make_broker("allow_anonymous false")
    with pytest.raises(BrokerError, match=r"refuses us .* correct mqtt.username"):
        publish_once(config_for(shut.url).mqtt, ())
    with pytest.raises(BrokerError, match="nothing listens there"):
        publish_once(config_for(f"mqtt://127.0.0.1:{free_port()}").mqtt, ())
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    deaf = make_broker("allow_anonymous true", f"acl_file {acl}")
    with pytest.raises(BrokerError, match="didn't take the message"):
        publish_once(config_for(deaf.url).mqtt, [("a/b", b"x")])


@pytest.mark.broker
def test_the_command_removes_a_node_and_says_so(broker: Mosquitto, tmp_path: Path) -> None:
    """Without it: whoever renamed a device would have to find and empty a topic by hand."""
    here = "homeassistant/device/edgehands-kitchen/config"
    other = "homeassistant/device/edgehands-garage/config"
    side = "homeassistant/device/edgehands-kitchen/side/config"
    publish_once(config_for(broker.url).mqtt, [(here, b"{}"), (side, b"{}"), (other, b"{}")])
    file = tmp_path / "edgehands.toml"
    file.write_text(f'[node]\nname = "kitchen"\n[mqtt]\nurl = "{broker.url}"\n')
    done = run("homeassistant", "remove", "--config", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"kitchen is removed: {here} is empty on mqtt://127.0.0.1")
    assert set(retained(broker.port)) == {other}
    url = broker.url.replace("//", "//user:geheim@")
    named = run("homeassistant", "remove", "--mqtt", url, "--node", "garage", "--json")
    assert json.loads(named.stdout) == {"node": "garage", "topic": other, "broker": broker.url}
    assert retained(broker.port) == {}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("remove", "--node", "a/b"), 2, '--node = "a/b" can\'t be part of a topic'),
        (("remove", "--mqtt", "http://hub"), 2, "mqtt.url"),
        (("remove", "--mqtt", "mqtt://127.0.0.1:1"), 1, "nothing listens there"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    words: tuple[str, ...], code: int, said: str
) -> None:
    """Without it: a typo would look like a removed device."""
    done = run("homeassistant", *words)
    assert done.returncode == code
    assert said in one_line(done.stderr)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
