"""The document through which Home Assistant discovers a node and all its entities.

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
from edgehands.mqtt.contract.topics import MAIN
from edgehands.mqtt.homeassistant.entities import Offers, components

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.mqtt.contract.topics import Topics
    from edgehands.mqtt.outbox import Outgoing
    from edgehands.mqtt.requests import Received

log = logging.getLogger(__name__)

MAX_DELAY_S = 3.0
"""After Home Assistant's start, a fleet's documents are spread over this time."""


def discovery_document(topics: Topics, offers: Offers) -> dict[str, Any]:
    """Build the document of a node."""
    name = topics.node.rpartition("/")[2]
    return {
        "device": {
            "identifiers": [topics.node_id],
            "name": f"edgehands {name}",
            "manufacturer": "edgehands",
            "model": "Hand tracker",
            "sw_version": edgehands.__version__,
            **({"configuration_url": offers.page} if offers.page else {}),
        },
        "origin": {"name": "edgehands", "sw_version": edgehands.__version__},
        "qos": 1,
        "components": {
            key: _named(topics, key, component)
            for key, component in components(topics, offers).items()
        },
    }


def _named(topics: Topics, key: str, component: dict[str, Any]) -> dict[str, Any]:
    """A component with its id and its name; a trigger isn't an entity and has neither."""
    if "name" not in component:
        return component
    name = _entity_name(topics, component["name"])
    return {"unique_id": f"{topics.camera_id}_{key}", **component, "name": name}


def _entity_name(topics: Topics, name: str) -> str:
    """An entity's name; for a node's further cameras, with the camera's."""
    if topics.camera_name == MAIN:
        return name
    return f"{topics.camera_name} {name[0].lower()}{name[1:]}"


class Discovery:
    """Publishes the document, and again whenever Home Assistant has started.

    Args:
        out: takes the document.
        topics: of the node.
        prefix: Home Assistant's discovery prefix.
        offers: what the node can do.
        later: calls a function after some seconds; tests pass their own.
    """

    def __init__(
        self,
        out: Outgoing,
        topics: Topics,
        *,
        prefix: str,
        offers: Offers,
        later: Callable[[float, Callable[[], None]], None] | None = None,
    ) -> None:
        self._out = out
        self._topic = topics.discovery(prefix)
        self._birth = f"{prefix}/status"
        self._later = later or _later
        document = discovery_document(topics, offers)
        out.state(self._topic, msgspec.json.encode(document))

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Home Assistant's birth message."""
        return (self._birth,)

    def receive(self, message: Received) -> None:
        """Send the document again when Home Assistant reports that it is online."""
        if message.topic == self._birth and message.payload == b"online":
            delay = random.uniform(0.1, MAX_DELAY_S)  # noqa: S311 - nothing to guess here
            self._later(delay, lambda: self._out.repeat(self._topic))


def _later(seconds: float, what: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, what)
    timer.daemon = True
    timer.start()
