"""What is published as lines: JSON for programs, words for people who have no live terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edgehands.mqtt.messages import EventMessage
from edgehands.preview.terminal import clock, event_line

if TYPE_CHECKING:
    from edgehands.preview.incoming import Incoming
    from edgehands.preview.subscriber import Received


class JsonLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``edgehands watch --json``.

    Attributes:
        t: when the message came, seconds since 1970.
        topic: where it was published.
        payload: JSON as it is; text as a string.
    """

    t: float
    topic: str
    payload: Any


_encoder = msgspec.json.Encoder()


def json_line(received: Received) -> bytes:
    """Give a message as one line of JSON, without the line's end."""
    try:
        payload = msgspec.json.decode(received.payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        payload = received.payload.decode(errors="replace")
    return _encoder.encode(JsonLine(t=round(received.t, 4), topic=received.topic, payload=payload))


class ChangeLines:
    """Words for what changed; nothing for the stream of landmarks."""

    def __init__(self) -> None:
        self._before: dict[str, object] = {}

    def line(self, message: Incoming) -> str:
        """Say what a message changed; empty when it changed nothing."""
        value = message.value
        if isinstance(value, EventMessage):
            return str(event_line(message.node, value))
        # A problem that is solved is an empty text, and so is one that never was.
        before = self._before.get(message.topic, "")
        if not isinstance(value, str | int) or before == value:
            return ""
        self._before[message.topic] = value
        where = f"{message.node}/{message.camera}" if message.camera else message.node
        return f"{clock(message.t)}  {where}  {message.name}  {'none' if value == '' else value}"
