"""The contract as data: each topic with its type, its QoS and its purpose.

Documents are generated from it, and ``reading`` checks messages against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgehands.hand import Handedness
from edgehands.mqtt.contract.messages import (
    EventMessage,
    HandsMessage,
    InfoMessage,
    InstanceMessage,
    StatsMessage,
)
from edgehands.mqtt.contract.request_messages import REQUESTS, ResponseMessage, SettingsMessage
from edgehands.mqtt.contract.topics import Topics

if TYPE_CHECKING:
    import msgspec

_T = Topics.templates()


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic, or a group of topics.

    Attributes:
        name: used in documents.
        address: the topic with ``{node}``, ``{camera}`` and the like as placeholders.
        summary: its purpose, one sentence.
        qos: 0 or 1.
        retain: whether the broker keeps the last message.
        payload: a message type, the allowed texts, or a kind: an integer, a gesture, the compact
            form, a line for people, or a picture.
        direction: ``out`` if the node publishes it, ``in`` if it receives it.
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
