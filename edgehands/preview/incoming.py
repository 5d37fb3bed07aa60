"""From a topic and bytes to a typed value. What can't be read is named, and never raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from edgehands.mqtt.contract.messages import (
    MAX_TEXT,
    EventMessage,
    HandsMessage,
    InfoMessage,
    StatsMessage,
)

if TYPE_CHECKING:
    from edgehands.mqtt.broker.subscriber import Received

MAX_NAME = 64
"""Longest node, camera or gesture name: what ``check_topic_level`` lets a node publish."""

_DECODERS = {
    "hands": msgspec.json.Decoder(HandsMessage),
    "event": msgspec.json.Decoder(EventMessage),
    "info": msgspec.json.Decoder(InfoMessage),
    "stats": msgspec.json.Decoder(StatsMessage),
}
_WORDS = {
    "status": ("online", "offline", "disabled"),
    "presence": ("ON", "OFF"),
    "enabled": ("ON", "OFF"),
}
_MAX_COUNT = 1000

Value = HandsMessage | EventMessage | InfoMessage | StatsMessage | str | int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of a node or of one of its cameras.

    Attributes:
        topic: the whole topic.
        node: the node's name.
        camera: the camera's name; empty for what the node says of itself.
        name: the topic's end: ``status``, ``hands``, ``gesture/left`` …
        value: what it says; None where ``name`` is none that is shown, or the payload is broken.
        broken: the payload isn't what the contract says.
        size: bytes of the payload.
        t: when it came, seconds since 1970.
    """

    topic: str
    node: str
    camera: str
    name: str
    value: Value | None
    broken: bool
    size: int
    t: float


def read_message(prefix: str, received: Received) -> Incoming | None:
    """Read a message; None when its topic is none of a node under ``prefix``."""
    levels = received.topic.removeprefix(f"{prefix}/").split("/")
    if not received.topic.startswith(f"{prefix}/") or len(levels) < 2:
        return None
    node, rest = levels[0], levels[1:]
    camera = ""
    if rest[0] == "camera" and len(rest) > 2:
        camera, rest = rest[1], rest[2:]
    if not node or max(len(node), len(camera)) > MAX_NAME or len(received.topic) > 4 * MAX_NAME:
        return None
    name = "/".join(rest)
    broken, value = False, None
    try:
        value = _value(name, received.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        broken = True
    return Incoming(
        received.topic, node, camera, name, value, broken, len(received.payload), received.t
    )


def _value(name: str, payload: bytes) -> Value | None:
    """Decode a payload; None where the topic is none that is shown.

    Raises:
        ValueError: It isn't what the contract says; DecodeError and UnicodeDecodeError are such.
    """
    decoder = _DECODERS.get(name)
    if decoder is not None:
        message: Value = decoder.decode(payload)  # type: ignore[attr-defined]
        return message
    if name in _WORDS:
        word = payload.decode()
        if word not in _WORDS[name]:
            raise ValueError(word)
        return word
    if name == "count":
        count = int(payload[:8])
        if not 0 <= count <= _MAX_COUNT:
            raise ValueError(count)
        return count
    if name in {"gesture/left", "gesture/right"}:
        gesture = payload.decode()
        if not gesture.isprintable() or not 0 < len(gesture) <= MAX_NAME:
            raise ValueError(name)
        return gesture
    if name == "problem":
        problem = payload.decode()
        if len(problem) > MAX_TEXT or not problem.isprintable():
            raise ValueError(name)
        return problem
    return None
