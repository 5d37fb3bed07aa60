"""Checks topics and payloads against the contract, with the same bounds for all readers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from edgehands.mqtt.contract.channels import CHANNELS, Channel
from edgehands.mqtt.contract.compact import decode_compact
from edgehands.mqtt.contract.messages import MAX_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 65_536
"""No message is larger; a larger one is refused unread."""

MAX_NAME = 64
"""Longest name of a node or camera: as limited by ``check_topic_level``."""

MAX_TOPIC = 512
"""Characters of a topic below the prefix; names and what a client may append are shorter."""

MAX_DIGITS = 3
"""Most digits of a number of hands."""

_LENGTHS = dict.fromkeys(("node", "camera"), f"{{1,{MAX_NAME}}}")
_GESTURE_NAME = re.compile(r"[a-z0-9_-]{1,32}")


class MessageError(ValueError):
    """A message that violates the contract."""


@dataclass(frozen=True, slots=True)
class Place:
    """A topic's channel and names.

    Attributes:
        channel: which of :data:`CHANNELS`.
        node, camera: the names in the topic; empty where it has none.
    """

    channel: Channel
    node: str
    camera: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A message that conforms to the contract.

    Attributes:
        channel: which of :data:`CHANNELS`.
        node, camera: the names in the topic; empty where it has none.
        content: the message, or the text or number that the payload is.
    """

    channel: Channel
    node: str
    camera: str
    content: Any


def check_message(topic: str, payload: bytes, prefix: str = "edgehands") -> Checked:
    """Find a message's channel and read it.

    Raises:
        MessageError: No such topic, too large, or not what the channel carries.
    """
    place = find_channel(topic, prefix)
    if place is None:
        raise MessageError(f"{topic[:200]!r} is no topic of the contract")
    return Checked(place.channel, place.node, place.camera, read_payload(place.channel, payload))


def find_channel(topic: str, prefix: str = "edgehands") -> Place | None:
    """The channel of a topic; None if the contract has no such topic."""
    below = topic.removeprefix(f"{prefix}/")
    return _place(below) if below != topic and len(below) <= MAX_TOPIC else None


@lru_cache(maxsize=1024)
def _place(below: str) -> Place | None:
    for channel, pattern in _patterns():
        found = pattern.fullmatch(below)
        if found:
            names = found.groupdict()
            return Place(channel, names["node"], names.get("camera") or "")
    return None


def read_payload(channel: Channel, payload: bytes) -> Any:
    """Parse a channel's payload; raise :class:`MessageError` if it is invalid."""
    if len(payload) > MAX_BYTES:
        raise MessageError(f"{channel.name}: {len(payload)} bytes, at most {MAX_BYTES} are read")
    try:
        return _reader(channel)(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise MessageError(f"{channel.name}: {error}") from None


@cache
def _patterns() -> tuple[tuple[Channel, re.Pattern[str]], ...]:
    found = []
    for channel in CHANNELS:
        address = channel.address.removeprefix("edgehands/")
        pattern = re.sub(
            r"\\\{(\w+)\\\}",
            lambda named: f"(?P<{named[1]}>[^/+#\\0]{_LENGTHS.get(named[1], '+')})",
            re.escape(address),
        )
        found.append((channel, re.compile(pattern)))
    return tuple(found)


@cache
def _reader(channel: Channel) -> Callable[[bytes], Any]:
    payload = channel.payload
    if isinstance(payload, tuple):
        return lambda raw: _one_of(raw.decode(), payload)
    if isinstance(payload, str):
        return _READERS[payload]
    return msgspec.json.Decoder(payload).decode


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise ValueError(f"{text[:40]!r} is not one of {', '.join(allowed)}")
    return text


def _jpeg(raw: bytes) -> bytes:
    if not raw.startswith(b"\xff\xd8"):
        raise ValueError("not a JPEG: its first two bytes are others")
    return raw


def _integer(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > MAX_DIGITS:
        raise ValueError(f"{text[:40]!r} is not a number of {MAX_DIGITS} digits at most")
    return int(text)


def _gesture(text: str) -> str:
    if not _GESTURE_NAME.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a gesture's name")
    return text


def _text(text: str) -> str:
    if len(text) > MAX_TEXT or not text.isprintable():
        raise ValueError(f"{len(text)} characters are no line: {MAX_TEXT} at most, all printable")
    return text


_READERS: dict[str, Callable[[bytes], Any]] = {
    "integer": lambda raw: _integer(raw.decode()),
    "gesture": lambda raw: _gesture(raw.decode()),
    "text": lambda raw: _text(raw.decode()),
    "compact": decode_compact,
    "jpeg": _jpeg,
}
