"""The contract as data: each topic with its type, its QoS and what it is for.

Documents are made from it, and any message can be checked against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from edgehands.hand import Handedness
from edgehands.mqtt.contract.compact import decode_compact
from edgehands.mqtt.contract.messages import (
    MAX_TEXT,
    EventMessage,
    HandsMessage,
    InfoMessage,
    InstanceMessage,
    StatsMessage,
)
from edgehands.mqtt.contract.request_messages import REQUESTS, ResponseMessage, SettingsMessage
from edgehands.mqtt.contract.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 65_536
"""No message is larger; a larger one is refused before anything reads it."""

_T = Topics.templates()
_GESTURE_NAME = re.compile(r"[a-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic, or a family of them.

    Attributes:
        name: in documents.
        address: the topic with ``{node}``, ``{camera}`` and the like for what varies.
        summary: what it is for, one sentence.
        qos: 0 or 1.
        retain: whether the broker keeps the last one.
        payload: a message type, the allowed texts, or what it is: an integer, a gesture, or
            the compact form, a line for people, or a picture.
        direction: ``out`` when the node writes it, ``in`` when it reads it.
    """

    name: str
    address: str
    summary: str
    qos: Literal[0, 1]
    retain: bool
    payload: (
        type[msgspec.Struct]
        | tuple[str, ...]
        | Literal["integer", "gesture", "compact", "text", "jpeg"]
    )
    direction: Literal["out", "in"] = "out"


class MessageError(ValueError):
    """A message that isn't what the contract says."""


CHANNELS: tuple[Channel, ...] = (
    Channel(
        "nodeStatus",
        _T.status,
        "Whether the node is running; `offline` is its last will.",
        1,
        retain=True,
        payload=("online", "offline"),
    ),
    Channel("info", _T.info, "What runs on the node.", 1, retain=True, payload=InfoMessage),
    Channel(
        "cameraInfo",
        _T.camera_info,
        "The same for each camera: a node can have several.",
        1,
        retain=True,
        payload=InfoMessage,
    ),
    Channel(
        "stats",
        _T.stats,
        "How the node is doing, every 10 seconds.",
        0,
        retain=False,
        payload=StatsMessage,
    ),
    Channel(
        "cameraStats",
        _T.camera_stats,
        "The same for each camera.",
        0,
        retain=False,
        payload=StatsMessage,
    ),
    Channel(
        "problem",
        _T.problem,
        "What is wrong with the node, its settings or its name (a second device has it); empty "
        "while nothing is.",
        1,
        retain=True,
        payload="text",
    ),
    Channel(
        "settings",
        _T.settings,
        "The settings that `set` can change, as they are now.",
        1,
        retain=True,
        payload=SettingsMessage,
    ),
    Channel(
        "instance",
        _T.instance,
        "A service says who it is to others of the same node, with every connection.",
        0,
        retain=False,
        payload=InstanceMessage,
    ),
    Channel(
        "cameraStatus",
        _T.camera_status,
        "Whether frames are coming.",
        1,
        retain=True,
        payload=("online", "offline", "disabled"),
    ),
    Channel(
        "cameraProblem",
        _T.camera_problem,
        "Why no frames are coming, and what to do about it; empty while there is nothing to say.",
        1,
        retain=True,
        payload="text",
    ),
    Channel(
        "hands",
        _T.hands,
        "All hands of one frame; one empty list when the last hand has left, then silence.",
        0,
        retain=False,
        payload=HandsMessage,
    ),
    Channel(
        "handsBin",
        _T.hands_bin,
        "The compact form of `hands`, where `publish.compact` is on.",
        0,
        retain=False,
        payload="compact",
    ),
    Channel(
        "presence",
        _T.presence,
        "Whether a hand is seen, on change.",
        1,
        retain=True,
        payload=("ON", "OFF"),
    ),
    Channel(
        "count", _T.count, "How many hands are seen, on change.", 1, retain=True, payload="integer"
    ),
    *(
        Channel(
            f"{side.value}Gesture",
            _T.gesture(side),
            f"The gesture of the {side.value} hand, or `none`, on change.",
            1,
            retain=True,
            payload="gesture",
        )
        for side in Handedness
    ),
    Channel(
        "event",
        _T.event,
        "Something that happened, once.",
        1,
        retain=False,
        payload=EventMessage,
    ),
    Channel(
        "snapshot",
        _T.snapshot,
        "The JPEG that a `snapshot` request was answered with, where `preview.images` is on.",
        0,
        retain=False,
        payload="jpeg",
    ),
    Channel(
        "enabled",
        _T.enabled,
        "Whether frames are tracked; when not, the camera is closed.",
        1,
        retain=True,
        payload=("ON", "OFF"),
    ),
    Channel(
        "enabledSet",
        _T.enabled_set,
        "Switch tracking on or off.",
        1,
        retain=False,
        payload=("ON", "OFF"),
        direction="in",
    ),
    *(
        Channel(
            f"{verb}Request",
            _T.request(verb),
            f"Ask the node: `{verb}`.",
            1,
            retain=False,
            payload=kind,
            direction="in",
        )
        for verb, kind in REQUESTS.items()
    ),
    Channel(
        "response",
        _T.response("{verb}"),
        "The answer to a request, once.",
        1,
        retain=False,
        payload=ResponseMessage,
    ),
    Channel(
        "ownResponse",
        _T.response("{verb}/{asker}"),
        "The answer to an MQTT 5 request that named this response topic.",
        1,
        retain=False,
        payload=ResponseMessage,
    ),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A message that is what the contract says.

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
    for channel, pattern in _patterns():
        found = pattern.fullmatch(topic.removeprefix(f"{prefix}/"))
        if found and topic.startswith(f"{prefix}/"):
            names = found.groupdict()
            content = read_payload(channel, payload)
            return Checked(channel, names["node"], names.get("camera") or "", content)
    raise MessageError(f"{topic[:200]!r} is no topic of the contract")


def read_payload(channel: Channel, payload: bytes) -> Any:
    """Read what a channel carries; raise :class:`MessageError` when it is something else."""
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
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/+#\\0]+)", re.escape(address))
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
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ValueError(f"{text[:40]!r} is not a whole number")
    return int(text)


def _gesture(text: str) -> str:
    if not _GESTURE_NAME.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a gesture's name")
    return text


def _text(text: str) -> str:
    if len(text) > MAX_TEXT or "\0" in text:
        raise ValueError(f"{len(text)} characters are no line: at most {MAX_TEXT}, and no NUL")
    return text


_READERS: dict[str, Callable[[bytes], Any]] = {
    "integer": lambda raw: _integer(raw.decode()),
    "gesture": lambda raw: _gesture(raw.decode()),
    "text": lambda raw: _text(raw.decode()),
    "compact": decode_compact,
    "jpeg": _jpeg,
}
