"""The written contract and what is really published."""

from __future__ import annotations

import json
import re
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgehands.config import PublishConfig, RunningSettings
from edgehands.mqtt.contract.asyncapi import asyncapi, message_schemas, to_yaml
from edgehands.mqtt.contract.channels import CHANNELS
from edgehands.mqtt.contract.messages import CameraMessage, InfoMessage, ModelMessage
from edgehands.mqtt.contract.reading import MAX_BYTES, MessageError, check_message
from edgehands.mqtt.contract.request_messages import (
    SetRequest,
    SettingsMessage,
    settings_message,
)
from edgehands.mqtt.contract.topics import Topics
from edgehands.mqtt.fake import FakePublisher
from edgehands.service.report import Reporter
from edgehands.service.statistics import StageTimes
from tests.mqtt_hands import frame_without_hands, make_frame, make_hand
from tests.test_service_loop import ScriptedSource

ROOT = Path(__file__).resolve().parents[1]
CAMERA = "edgehands/node/camera/main"


def a_session() -> FakePublisher:
    """Everything that is ever published, once."""
    publish = PublishConfig(compact=True)
    with FakePublisher(Topics(node="node"), publish=publish) as publisher:
        publisher.info(
            InfoMessage(
                version="1",
                python="3",
                system="x",
                backend="cpu",
                models=[ModelMessage(name="a", variant="full", sha256="0" * 64)],
                camera=CameraMessage(name="main", source="demo:"),
                config="0",
            )
        )
        publisher.apply(RunningSettings())
        publisher.camera_status("offline", "/dev/video0: no such camera: plug it in")
        publisher.camera_status("online")
        publisher.publish(make_frame(make_hand(1, gesture="fist"), make_hand(2)))
        publisher.publish(frame_without_hands())
        times = StageTimes(("track",))
        times.add("track", 0.01)
        reporter = Reporter(
            source=ScriptedSource([]),
            publisher=publisher,
            times=times,
            frames=lambda: 1,
        )
        publisher.stats(reporter.report())
    return publisher


def test_a_setting_that_can_be_changed_is_asked_for_and_told_by_one_name() -> None:
    """Without it: a new setting of the loop could be changed by nobody, or shown to nobody."""
    names = tuple(field.name for field in fields(RunningSettings))
    assert SettingsMessage.__struct_fields__ == names
    assert set(names) <= set(SetRequest.__struct_fields__)
    changed = RunningSettings(
        max_hands=4,
        smoothing=False,
        rate_limit=5.0,
        enabled=False,
        gestures=False,
        model="lite",
        precision="float",
    )
    told = settings_message(changed)
    assert [getattr(told, name) for name in names] == list(astuple(changed))
    usual = astuple(RunningSettings())
    assert not any(a == b for a, b in zip(usual, astuple(changed), strict=True))


def test_every_message_of_a_session_is_what_the_contract_says() -> None:
    """Without it: the schemas would promise what the node doesn't send."""
    seen = set()
    for message in a_session().sent:
        checked = check_message(message.topic, message.payload)
        assert (checked.channel.qos, checked.channel.retain) == (message.qos, message.retain)
        assert checked.node == "node"
        seen.add(checked.channel.name)
    written = {channel.name for channel in CHANNELS if channel.direction == "out"}
    # These aren't the publisher's; test_mqtt_session.py and test_snapshot.py have them.
    assert seen == written - {"response", "ownResponse", "snapshot", "instance"}


def test_every_message_of_a_session_validates_against_the_published_schemas() -> None:
    """Without it: somebody else's generated reader would refuse our messages."""
    jsonschema = pytest.importorskip("jsonschema", reason="pip install jsonschema")
    validators = {
        path.name.partition(".")[0]: jsonschema.Draft202012Validator(json.loads(path.read_text()))
        for path in (ROOT / "docs" / "schemas").glob("*.json")
    }
    count = 0
    for message in a_session().sent:
        name = check_message(message.topic, message.payload).channel.name
        if name in validators:
            validators[name].validate(json.loads(message.payload))
            count += 1
    assert count >= 6
    with pytest.raises(jsonschema.ValidationError):
        validators["hands"].validate({"schema": 1, "hands": [{"id": "x"}]})


def test_the_examples_in_the_guide_are_valid() -> None:
    """Without it: people would copy an example that no node ever sends."""
    text = (ROOT / "docs" / "mqtt.md").read_text()
    checked = 0
    for title in ("event", "info", "stats"):
        part = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
        (block,) = re.findall(r"```json\n(.*?)```", part, re.DOTALL)
        topic = f"{CAMERA}/event" if title == "event" else f"edgehands/node/{title}"
        check_message(topic, json.dumps(json.loads(block)).encode())
        checked += 1
    assert checked == 3
    for channel in CHANNELS:
        shown = channel.address.replace("{node}", "<node>").replace("{camera}", "<cam>")
        shown = re.sub("gesture/(left|right)", r"gesture/<left\\|right>", shown)
        assert re.sub(r"\{(\w+)\}", r"<\1>", shown).rpartition("/")[2] in text, shown


def test_the_asyncapi_document_names_every_topic() -> None:
    """Without it: tools that read AsyncAPI would not see the whole tree."""
    yaml = pytest.importorskip("yaml", reason="pip install pyyaml")
    document = yaml.safe_load(asyncapi())
    assert {c["address"] for c in document["channels"].values()} == {c.address for c in CHANNELS}
    assert set(message_schemas()) == {c.name for c in CHANNELS if isinstance(c.payload, type)}
    names = set(document["components"]["schemas"])
    for reference in re.findall(r"#/components/schemas/(\w+)", asyncapi()):
        assert reference in names


_TEXT = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=20)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | _TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
        max_leaves=10,
    )
)
@settings(max_examples=100, deadline=None)
def test_whatever_is_described_becomes_valid_yaml(value: Any) -> None:
    """Without it: a colon in a docstring would break the published document."""
    yaml = pytest.importorskip("yaml", reason="pip install pyyaml")
    assert yaml.safe_load(to_yaml({"top": value})) == {"top": value}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"{CAMERA}/hands", b"[" * 60_000),
        (f"{CAMERA}/hands", b'{"hands":' * 7_000),
        (f"{CAMERA}/hands", b" " * (MAX_BYTES + 1)),
        (f"{CAMERA}/hands", b""),
        (f"{CAMERA}/count", "٣".encode()),
        (f"{CAMERA}/count", b"9" * 5_000),
        (f"{CAMERA}/count", b"-1"),
        (f"{CAMERA}/gesture/left", b"a\nb"),
        (f"{CAMERA}/presence", b"on"),
        (f"{CAMERA}/status", b"\xff"),
        ("edgehands/node/camera/a/b/hands", b"{}"),
        ("edgehands//status", b"online"),
        ("other/node/status", b"online"),
        ("edgehands/" * 5_000, b"online"),
    ],
)
def test_what_the_contract_does_not_know_is_refused(topic: str, payload: bytes) -> None:
    """Without it: a reader would take nonsense for a hand."""
    with pytest.raises(MessageError):
        check_message(topic, payload)
