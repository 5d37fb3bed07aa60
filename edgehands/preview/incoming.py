"""Decodes a topic and bytes to a typed value. What can't be read is marked and never raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgehands.hand import Handedness
from edgehands.mqtt.contract.messages import EventMessage, HandsMessage, InfoMessage, StatsMessage
from edgehands.mqtt.contract.reading import MAX_NAME, MessageError, find_channel, read_payload

if TYPE_CHECKING:
    from edgehands.mqtt.broker.subscriber import Received

_SHOWN = {
    *("hands", "event", "info", "stats", "status", "problem", "enabled", "presence", "count"),
    *(f"gesture/{side.value}" for side in Handedness),
}
"""Topic endings whose values are shown; other messages are only counted."""

Value = HandsMessage | EventMessage | InfoMessage | StatsMessage | str | int


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of a node or of one of its cameras.

    Attributes:
        topic: the whole topic.
        node: the node's name.
        camera: the camera's name; empty for messages about the node itself.
        name: the topic's ending: ``status``, ``hands``, ``gesture/left`` …
        value: its content; None where ``name`` isn't shown, or the payload is broken.
        broken: the payload violates the contract.
        size: of the payload, bytes.
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
    """Decode a message; None when its topic isn't a node's under ``prefix``."""
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
    place = find_channel(received.topic, prefix) if name in _SHOWN else None
    if place is not None:
        try:
            value = read_payload(place.channel, received.payload)
        except MessageError:
            broken = True
    return Incoming(
        received.topic, node, camera, name, value, broken, len(received.payload), received.t
    )
