"""Every topic that edgehands publishes or reads, defined only here."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from edgehands.config import check_topic_level

if TYPE_CHECKING:
    from edgehands.config import Config
    from edgehands.hand import Handedness

ONLINE = b"online"
OFFLINE = b"offline"
ON = b"ON"
OFF = b"OFF"
NO_GESTURE = b"none"

MAIN = "main"
"""A node's camera if none is named."""


class Topics:
    """The topics of one node and one of its cameras.

    Args:
        prefix: first level or levels, ``edgehands``.
        node: the device's name.
        camera: the camera's name on that device.

    Raises:
        ConfigError: A level holds a wildcard, a separator or another forbidden character.
    """

    def __init__(self, *, prefix: str = "edgehands", node: str, camera: str = MAIN) -> None:
        for level in prefix.split("/"):
            check_topic_level("mqtt.prefix", level)
        check_topic_level("node.name", node)
        check_topic_level("camera.name", camera)
        self._spell(prefix, node, camera)

    @classmethod
    def templates(cls) -> Topics:
        """The topics with ``{node}`` and ``{camera}`` in place of names: for documents."""
        topics = cls.__new__(cls)
        topics._spell("edgehands", "{node}", "{camera}")  # noqa: SLF001 - our own
        return topics

    @classmethod
    def of_everybody(cls, prefix: str) -> Topics:
        """The filters that match these topics for all nodes and cameras."""
        topics = cls.__new__(cls)
        topics._spell(prefix, "+", "+")  # noqa: SLF001 - our own
        return topics

    def _spell(self, prefix: str, node: str, camera: str) -> None:
        self.prefix, self.node_name, self.camera_name = prefix, node, camera
        self.node = f"{prefix}/{node}"
        self.camera = f"{self.node}/camera/{camera}"
        self.status = f"{self.node}/status"
        self.info = f"{self.node}/info"
        self.stats = f"{self.node}/stats"
        self.problem = f"{self.node}/problem"
        self.instance = f"{self.node}/instance"
        self.any_camera_status = f"{self.node}/camera/+/status"
        self.camera_status = f"{self.camera}/status"
        self.camera_info = f"{self.camera}/info"
        self.camera_stats = f"{self.camera}/stats"
        self.camera_problem = f"{self.camera}/problem"
        self.settings = f"{self.camera}/settings"
        self.hands = f"{self.camera}/hands"
        self.hands_bin = f"{self.camera}/hands/bin"
        self.presence = f"{self.camera}/presence"
        self.count = f"{self.camera}/count"
        self.event = f"{self.camera}/event"
        self.snapshot = f"{self.camera}/snapshot"
        self.enabled = f"{self.camera}/enabled"
        self.enabled_set = f"{self.camera}/enabled/set"
        self.requests = f"{self.node}/request/+"
        self.node_id = _identifier(prefix, node)
        # No name holds a colon: so this can't be another node's.
        self.camera_id = self.node_id if camera == MAIN else f"{self.node_id}:{camera}"

    def gesture(self, side: Handedness) -> str:
        """Topic of the gesture of the left or the right hand."""
        return f"{self.camera}/gesture/{side.value}"

    def of_camera(self, camera: str) -> Topics:
        """The topics of another camera of this node."""
        topics = Topics.__new__(Topics)
        topics._spell(self.prefix, self.node_name, camera)  # noqa: SLF001 - our own
        return topics

    def when_gone(self) -> tuple[tuple[str, bytes], ...]:
        """Topics and retained values of a camera whose service has gone."""
        why = b"its service has ended: see the device's log"
        return (
            (self.camera_problem, why),
            (self.camera_status, OFFLINE),
            (self.presence, OFF),
            (self.count, b"0"),
        )

    def discovery(self, prefix: str) -> str:
        """Topic of Home Assistant's discovery document; ``prefix`` is Home Assistant's own.

        Each camera has its own document; Home Assistant merges those of one device.
        """
        if self.camera_name == MAIN:
            return f"{prefix}/device/{self.node_id}/config"
        return f"{prefix}/device/{self.node_id}/{_escaped(self.camera_name)}/config"

    def any_discovery(self, prefix: str) -> str:
        """Filter for the documents of this node's further cameras."""
        return f"{prefix}/device/{self.node_id}/+/config"

    def request(self, verb: str) -> str:
        """Topic of this request to the node."""
        return f"{self.node}/request/{verb}"

    def response(self, verb: str) -> str:
        """Topic on which the node answers."""
        return f"{self.node}/response/{verb}"


def matches(wanted: str, topic: str) -> bool:
    """Whether a topic filter with ``+`` matches a topic (``#`` isn't used in ours).

    Takes a sixth of the time of paho's, which builds a tree for each call.
    """
    if "+" not in wanted:
        return wanted == topic
    parts, levels = wanted.split("/"), topic.split("/")
    return len(parts) == len(levels) and all(
        part in {"+", level} for part, level in zip(parts, levels, strict=True)
    )


def _identifier(prefix: str, node: str) -> str:
    """A name for a node, valid in Home Assistant and unique to its prefix and node.

    Dots and slashes aren't allowed there, and the hyphen between prefix and node may occur in both:
    if that could make two nodes alike, a digest is added.
    """
    plain = f"{prefix}-{node}".replace("/", "-").replace(".", "_")
    if re.fullmatch(r"\w+", prefix) and "." not in node:
        return plain
    return f"{plain}-{hashlib.sha256(f'{prefix}/{node}'.encode()).hexdigest()[:8]}"


def _escaped(camera: str) -> str:
    """A camera's name made valid for Home Assistant; no two become equal."""
    return re.sub(r"[_.]", lambda found: f"_{ord(found[0]):x}", camera)


def topics_of(config: Config) -> Topics:
    """The topics for a configuration."""
    return Topics(prefix=config.mqtt.prefix, node=config.node.name, camera=config.camera.name)
