"""What is published as lines: JSON for programs, words for people who have no live terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from edgehands.mqtt.contract.messages import EventMessage
from edgehands.preview.terminal import clock, event_line
from edgehands.safe_text import printable

if TYPE_CHECKING:
    from edgehands.mqtt.broker.subscriber import Received
    from edgehands.preview.incoming import Incoming


class JsonLine(msgspec.Struct, frozen=True):
    """One line of ``edgehands watch --json``.

    Attributes:
        t: when the message came, seconds since 1970.
        topic: where it was published.
        payload: JSON as it is; text as a string.
    """

    t: float
    topic: str
    payload: Any


MAX_TOPICS = 10_000
"""Topics whose last value is known; of more, the one that was silent longest is forgotten."""

_encoder = msgspec.json.Encoder()
# What a terminal obeys and JSON lets stand: DEL, C1 controls, and what turns a line's direction.
_CONTROLS = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c"
)


def json_line(received: Received) -> bytes:
    """Give a message as one line of JSON, without the line's end."""
    t, topic = round(received.t, 4), received.topic
    try:
        line = _encoder.encode(JsonLine(t, topic, msgspec.json.decode(received.payload)))
    except (msgspec.MsgspecError, RecursionError, ValueError):  # no JSON, or too deep or too long
        line = _encoder.encode(JsonLine(t, topic, received.payload.decode(errors="replace")))
    return _CONTROLS.sub(_escaped, line)


def _escaped(found: re.Match[bytes]) -> bytes:
    """A character as JSON escapes it."""
    return f"\\u{ord(found[0].decode()):04x}".encode()


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
        self._before.pop(message.topic, None)
        self._before[message.topic] = value
        if len(self._before) > MAX_TOPICS:
            del self._before[next(iter(self._before))]
        where = "/".join(printable(name) for name in (message.node, message.camera) if name)
        shown = "none" if value == "" else printable(str(value), 1000)
        return f"{clock(message.t)}  {where}  {printable(message.name)}  {shown}"
