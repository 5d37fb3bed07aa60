"""Hands as OSC: what a patch in TouchDesigner, Max or Pure Data receives."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pythonosc", reason="python-osc isn't installed: edgehands[osc]")

from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from edgehands.bridge.osc import OscSender, parse_target
from edgehands.client import Message
from edgehands.errors import UsageError
from edgehands.mqtt.contract.messages import EventMessage, hands_message
from tests.example_programs import publishing
from tests.mqtt_hands import config_for, frame_without_hands, make_frame, make_hand
from tests.test_cli import one_line, run
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.common.mosquitto import Mosquitto


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    """A UDP socket as an OSC program has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20)
        yield receiver


def received(receiver: socket.socket) -> dict[str, list[Any]]:
    """The next bundle's messages: values by address."""
    bundle = OscBundle(receiver.recv(65536))
    return {part.address: part.params for part in bundle if isinstance(part, OscMessage)}


def message(kind: str, content: Any) -> Message:
    """A message as the client gives it."""
    return Message("pi", "main", kind, content, "", 0.0)


def test_a_frame_is_one_bundle_with_both_hands(receiver: socket.socket) -> None:
    """Landmarks of two hands that came apart would tear a picture in two."""
    left, right = make_hand(3, gesture="fist"), make_hand(4)
    seen = hands_message(make_frame(left, right), 0.0)
    with OscSender(*receiver.getsockname(), world=True) as sender:
        sender.take(message("hands", seen))
        got = received(receiver)
        side = seen.hands[0].handedness
        base = f"/edgehands/pi/main/{side}"
        assert got["/edgehands/pi/main/count"] == [2]
        assert got[f"{base}/present"] == [1]
        assert got[f"{base}/id"] == [3]
        flat = [v for point in seen.hands[0].landmarks for v in point]
        assert got[f"{base}/landmarks"] == pytest.approx(flat, abs=1e-6)
        assert len(got[f"{base}/world"]) == 63
        assert got[f"{base}/gesture"][0] == "fist"
        # The hand leaves: whoever draws it must be told once.
        sender.take(message("hands", hands_message(frame_without_hands(), 0.0)))
        gone = received(receiver)
        assert gone["/edgehands/pi/main/count"] == [0]
        assert gone[f"{base}/present"] == [0]


def test_events_pass_and_the_rest_is_left_out(receiver: socket.socket) -> None:
    """A swipe is what most patches wait for."""
    with OscSender(*receiver.getsockname()) as sender:
        sender.take(message("presence", "ON"))
        event = EventMessage(event_type="swipe_left", hand_id=7, id="a-1", t=1.0)
        sender.take(message("event", event))
        assert received(receiver) == {"/edgehands/pi/main/event": ["swipe_left", 7]}


@pytest.mark.parametrize("text", ["", "host", "host:", ":9000", "host:x", "host:0", "host:70000"])
def test_a_wrong_target_is_one_line(text: str) -> None:
    """A typo must not end in a bridge that sends into nothing."""
    with pytest.raises(UsageError, match="is no HOST:PORT: give for example"):
        parse_target(text)
    assert parse_target("[::1]:9000") == ("::1", 9000)
    done = run("bridge", "osc", "--to", text)
    assert done.returncode == 2
    assert "no HOST:PORT" in one_line(done.stderr)


@pytest.mark.broker
def test_the_command_passes_on_what_a_node_publishes(
    broker: Mosquitto, receiver: socket.socket
) -> None:
    """The whole way: broker, bridge, UDP."""
    host, port = receiver.getsockname()
    words = ["bridge", "osc", "--to", f"{host}:{port}", "--mqtt", broker.url]
    with (
        subprocess.Popen([sys.executable, "-m", "edgehands", *words]) as process,
        publishing(config_for(broker.url)),
    ):
        try:
            bundles = iter(lambda: received(receiver), None)
            assert wait_for(lambda: "/edgehands/node/main/count" in next(bundles), 20)
        finally:
            process.terminate()
