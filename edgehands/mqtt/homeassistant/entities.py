"""A node's entities and device triggers in the format of Home Assistant's MQTT integration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from edgehands.gestures.events import EventType
from edgehands.gestures.static import GESTURES
from edgehands.hand import Handedness
from edgehands.mqtt.contract.request_messages import Model, Precision
from edgehands.mqtt.contract.topics import MAIN

if TYPE_CHECKING:
    from edgehands.mqtt.contract.topics import Topics

EVENT_TYPES = ("hand_appeared", "hand_lost", *(kind.value for kind in EventType))
"""Types that the event entity may report; Home Assistant refuses others."""

MOVEMENTS = tuple(
    kind.value
    for kind in EventType
    if kind not in {EventType.GESTURE_STARTED, EventType.GESTURE_ENDED}
)
"""Events that are over when reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What a node can do, which determines its entities.

    Attributes:
        gestures: there are gesture topics.
        images: pictures can be requested.
        keeps_settings: changed settings last over a restart.
        page: address of the live page; empty = none.
    """

    gestures: bool = True
    images: bool = False
    keeps_settings: bool = False
    page: str = ""


def components(topics: Topics, offers: Offers) -> dict[str, dict[str, Any]]:
    """All entities and triggers, by key."""
    found = {**_sensors(topics, gestures=offers.gestures), **_controls(topics, offers)}
    if offers.gestures:
        found |= _triggers(topics)
    return found


def _sensors(topics: Topics, *, gestures: bool) -> dict[str, dict[str, Any]]:
    # What is seen is only known while the camera gives frames. Not also set for the whole device:
    # Home Assistant refuses an entity that has both forms.
    camera = {
        "availability": [
            {"topic": topics.status},
            # `disabled` too: Home Assistant ignores a value that it wasn't told about.
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
        # The reason is an attribute: an empty retained text is lost when Home Assistant restarts.
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


def _controls(topics: Topics, offers: Offers) -> dict[str, dict[str, Any]]:
    """What Home Assistant can set, press and view; each is a request of the contract."""
    # Which of the node's cameras is meant, and that the change is to persist.
    more = f', "camera": "{topics.camera_name}"'
    if offers.keeps_settings:
        more += ', "persist": true'

    def setting(name: str, value: str) -> dict[str, Any]:
        return {
            "state_topic": topics.settings,
            "value_template": f"{{{{ value_json.{name} }}}}",
            "command_topic": topics.request("set"),
            "command_template": f'{{"{name}": {value}{more}}}',
            "entity_category": "config",
            "availability_topic": topics.status,
        }

    def button(name: str, icon: str, verb: str) -> dict[str, Any]:
        return {
            "platform": "button",
            "name": name,
            "icon": icon,
            "command_topic": topics.request(verb),
            "payload_press": f'{{"camera": "{topics.camera_name}"}}',
            "availability_topic": topics.status,
        }

    def yes_or_no(name: str, key: str, icon: str) -> dict[str, Any]:
        template = f'{{"{key}": %s{more}}}'
        return {
            "platform": "switch",
            "name": name,
            "icon": icon,
            "state_topic": topics.settings,
            "value_template": f"{{{{ 'ON' if value_json.{key} else 'OFF' }}}}",
            "state_on": "ON",
            "state_off": "OFF",
            "command_topic": topics.request("set"),
            "payload_on": template % "true",
            "payload_off": template % "false",
            "entity_category": "config",
            "availability_topic": topics.status,
        }

    def choice(name: str, key: str, icon: str, values: tuple[str, ...]) -> dict[str, Any]:
        return {
            "platform": "select",
            "name": name,
            "icon": icon,
            "options": list(values),
            **setting(key, '"{{ value }}"'),
        }

    found: dict[str, dict[str, Any]] = {
        "max_hands": {
            "platform": "number",
            "name": "Most hands",
            "icon": "mdi:hand-back-left",
            "min": 1,
            "max": 8,
            "mode": "box",
            **setting("max_hands", "{{ value | int }}"),
        },
        "rate_limit": {
            "platform": "number",
            "name": "Rate limit",
            "icon": "mdi:speedometer",
            "unit_of_measurement": "Hz",
            "min": 0,
            "max": 240,
            "mode": "box",
            **setting("rate_limit", "{{ value | int }}"),
        },
        "smoothing": yes_or_no("Smoothing", "smoothing", "mdi:chart-bell-curve"),
        "model": choice("Model", "model", "mdi:hand-extended", get_args(Model)),
        "precision": choice("Precision", "precision", "mdi:decimal", get_args(Precision)),
        "restart_camera": {
            **button("Restart camera", "mdi:restart", "restart_camera"),
            "entity_category": "config",
        },
    }
    if offers.images:
        found["take_picture"] = button("Take a picture", "mdi:camera", "snapshot")
        found["picture"] = {
            "platform": "image",
            "name": "Picture",
            "image_topic": topics.snapshot,
            "content_type": "image/jpeg",
            "availability_topic": topics.status,
        }
    return found


def _triggers(topics: Topics) -> dict[str, dict[str, Any]]:
    """Gestures and movements, offered as the device's automation triggers."""
    shown = {f"trigger_{name}": ("gesture", name, f"gesture_started {name}") for name in GESTURES}
    moved = {f"trigger_{name}": ("movement", name, name) for name in MOVEMENTS}
    return {
        key: {
            "platform": "device_automation",
            "automation_type": "trigger",
            "type": kind,
            "subtype": name if topics.camera_name == MAIN else f"{topics.camera_name} {name}",
            "topic": topics.event,
            "payload": payload,
            "value_template": (
                "{{ value_json.event_type ~ (' ' ~ value_json.gesture"
                " if value_json.event_type == 'gesture_started' else '') }}"
            ),
        }
        for key, (kind, name, payload) in (shown | moved).items()
    }
