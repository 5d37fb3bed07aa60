"""Published messages as lines: JSON for programs, text for people without a live terminal."""

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
        payload: JSON unchanged; text as a string.
    """

    t: float
    topic: str
    payload: Any


MAX_TOPICS = 10_000
"""Topics whose last value is kept; beyond that, the one silent longest is dropped."""

_encoder = msgspec.json.Encoder()
# What terminals interpret and JSON doesn't escape: DEL, C1 controls, and bidirectional controls.
_CONTROLS = re.compile(
    rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c"
)


def json_line(received: Received) -> bytes:
    """Return a message as one line of JSON, without the line ending."""
    t, topic = round(received.t, 4), received.topic
    try:
        line = _encoder.encode(JsonLine(t, topic, msgspec.json.decode(received.payload)))
    except (msgspec.MsgspecError, RecursionError, ValueError):  # not JSON, or too deep or too long
        line = _encoder.encode(JsonLine(t, topic, received.payload.decode(errors="replace")))
    return _CONTROLS.sub(_escaped, line)


def _escaped(found: re.Match[bytes]) -> bytes:
    """A character as JSON escapes it."""
    return f"\\u{ord(found[0].decode()):04x}".encode()


class ChangeLines:
    """Describes changes as text; nothing for the stream of landmarks."""

    def __init__(self) -> None:
        self._before: dict[str, object] = {}

    def line(self, message: Incoming) -> str:
        """Describe what a message changed; empty when nothing did."""
        value = message.value
        if isinstance(value, EventMessage):
            return str(event_line(message.node, value))
        # A solved problem is an empty text, and so is one that never existed.
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
