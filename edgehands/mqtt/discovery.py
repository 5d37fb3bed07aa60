"""One document by which Home Assistant finds a node and all its entities.

Source of the format: Home Assistant's MQTT integration, "Device discovery payload" (2024.11 and
later). Landmarks are never an entity: 30 states a second would fill its database.
"""

from __future__ import annotations

import logging
import random
import threading
from typing import TYPE_CHECKING, Any

import msgspec

import edgehands
from edgehands.gestures.events import EventType
from edgehands.hand import Handedness
from edgehands.mqtt.topics import MAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.mqtt.outbox import Outgoing
    from edgehands.mqtt.requests import Received
    from edgehands.mqtt.topics import Topics

log = logging.getLogger(__name__)

EVENT_TYPES = ("hand_appeared", "hand_lost", *(kind.value for kind in EventType))
"""What the event entity may tell; Home Assistant refuses others."""

MAX_DELAY_S = 3.0
"""After Home Assistant's start, a fleet's documents come spread over this time."""


def discovery_document(topics: Topics, *, gestures: bool) -> dict[str, Any]:
    """Build the document.

    Args:
        topics: of the node.
        gestures: whether there are gesture topics.
    """
    name = topics.node.rpartition("/")[2]
    return {
        "device": {
            "identifiers": [topics.node_id],
            "name": f"edgehands {name}",
            "manufacturer": "edgehands",
            "model": "Hand tracker",
            "sw_version": edgehands.__version__,
        },
        "origin": {"name": "edgehands", "sw_version": edgehands.__version__},
        "qos": 1,
        "components": {
            key: {"unique_id": f"{topics.camera_id}_{key}", **component, "name": name}
            for key, component in _components(topics, gestures=gestures).items()
            for name in (_entity_name(topics, component["name"]),)
        },
    }


def _entity_name(topics: Topics, name: str) -> str:
    """An entity's name; of a node's further cameras, with the camera's."""
    if topics.camera_name == MAIN:
        return name
    return f"{topics.camera_name} {name[0].lower()}{name[1:]}"


def _components(topics: Topics, *, gestures: bool) -> dict[str, dict[str, Any]]:
    # What is seen is only known while the camera gives frames. Not also said for the whole device:
    # Home Assistant refuses an entity that has both forms.
    camera = {
        "availability": [
            {"topic": topics.status},
            # `disabled` too: Home Assistant takes no notice of a word that it wasn't told of.
            {
                "topic": topics.camera_status,
                "value_template": "{{ 'online' if value == 'online' else 'offline' }}",
            },
        ],
        "availability_mode": "all",
    }
    diagnostic = {
        "platform": "sensor",
        "state_topic": topics.stats if topics.camera_name == MAIN else topics.camera_stats,
        "entity_category": "diagnostic",
        "state_class": "measurement",
    }
    found: dict[str, dict[str, Any]] = {
        "presence": {
            "platform": "binary_sensor",
            "name": "Hand",
            "device_class": "occupancy",
            "state_topic": topics.presence,
            **camera,
        },
        "count": {
            "platform": "sensor",
            "name": "Hands",
            "icon": "mdi:hand-back-right",
            "state_class": "measurement",
            "state_topic": topics.count,
            **camera,
        },
        "event": {
            "platform": "event",
            "name": "Event",
            "icon": "mdi:gesture",
            "event_types": list(EVENT_TYPES),
            "state_topic": topics.event,
            **camera,
        },
        # The reason is an attribute: an empty retained text is none after Home Assistant's restart.
        "problem": {
            "platform": "binary_sensor",
            "name": "Camera problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": topics.camera_status,
            "value_template": "{{ 'ON' if value == 'offline' else 'OFF' }}",
            "json_attributes_topic": topics.camera_problem,
            "json_attributes_template": "{{ {'reason': value} | tojson }}",
            "availability_topic": topics.status,
        },
        "enabled": {
            "platform": "switch",
            "name": "Tracking",
            "icon": "mdi:hand-wave",
            "state_topic": topics.enabled,
            "command_topic": topics.enabled_set,
            "availability_topic": topics.status,
        },
        "fps": {
            "name": "Frame rate",
            "unit_of_measurement": "fps",
            "suggested_display_precision": 1,
            "value_template": "{{ value_json.fps }}",
            "availability_topic": topics.status,
            **diagnostic,
        },
        "latency": {
            "name": "Latency",
            "device_class": "duration",
            "unit_of_measurement": "ms",
            "suggested_display_precision": 0,
            "value_template": "{{ (value_json.stages.total | default({})).p50 | default(none) }}",
            "availability_topic": topics.status,
            **diagnostic,
        },
        "temperature": {
            "name": "Processor temperature",
            "device_class": "temperature",
            "unit_of_measurement": "°C",
            "suggested_display_precision": 0,
            "value_template": "{{ value_json.temperature_c }}",
            "availability_topic": topics.status,
            **diagnostic,
        },
    }
    if gestures:
        for side in Handedness:
            found[f"gesture_{side.value}"] = {
                "platform": "sensor",
                "name": f"Gesture {side.value}",
                "icon": "mdi:gesture-tap",
                "state_topic": topics.gesture(side),
                **camera,
            }
    return found


class Discovery:
    """Publishes the document, and again whenever Home Assistant has started.

    Args:
        out: where it goes.
        topics: of the node.
        prefix: Home Assistant's discovery prefix.
        gestures: whether there are gesture topics.
        later: calls a function after some seconds; tests hand in their own.
    """

    def __init__(
        self,
        out: Outgoing,
        topics: Topics,
        *,
        prefix: str,
        gestures: bool,
        later: Callable[[float, Callable[[], None]], None] | None = None,
    ) -> None:
        self._out = out
        self._topic = topics.discovery(prefix)
        self._birth = f"{prefix}/status"
        self._later = later or _later
        document = discovery_document(topics, gestures=gestures)
        out.state(self._topic, msgspec.json.encode(document))

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Home Assistant's birth message."""
        return (self._birth,)

    def receive(self, message: Received) -> None:
        """Send the document again when Home Assistant says that it is there."""
        if message.topic == self._birth and message.payload == b"online":
            delay = random.uniform(0.1, MAX_DELAY_S)  # noqa: S311 - nothing to guess here
            self._later(delay, lambda: self._out.repeat(self._topic))


def _later(seconds: float, what: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, what)
    timer.daemon = True
    timer.start()
