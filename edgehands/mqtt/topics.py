"""Every topic that edgehands writes or reads: the only place where one is spelled."""

from __future__ import annotations

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


class Topics:
    """The topics of one node and one of its cameras.

    Args:
        prefix: first level or levels, ``edgehands``.
        node: the device's name.
        camera: the camera's name on that device.

    Raises:
        ConfigError: A level holds a wildcard, a separator or another character no topic may hold.
    """

    def __init__(self, *, prefix: str = "edgehands", node: str, camera: str = "main") -> None:
        for level in prefix.split("/"):
            check_topic_level("mqtt.prefix", level)
        check_topic_level("node.name", node)
        check_topic_level("camera.name", camera)
        self._spell(prefix, node, camera)

    @classmethod
    def templates(cls) -> Topics:
        """Give the topics with ``{node}`` and ``{camera}`` in place of names: for documents."""
        topics = cls.__new__(cls)
        topics._spell("edgehands", "{node}", "{camera}")  # noqa: SLF001 - our own
        return topics

    @classmethod
    def of_everybody(cls, prefix: str) -> Topics:
        """Give the filters that match these topics of every node and camera."""
        topics = cls.__new__(cls)
        topics._spell(prefix, "+", "+")  # noqa: SLF001 - our own
        return topics

    def _spell(self, prefix: str, node: str, camera: str) -> None:
        self.node = f"{prefix}/{node}"
        self.camera = f"{self.node}/camera/{camera}"
        self.status = f"{self.node}/status"
        self.info = f"{self.node}/info"
        self.stats = f"{self.node}/stats"
        self.problem = f"{self.node}/problem"
        self.settings = f"{self.node}/settings"
        self.camera_status = f"{self.camera}/status"
        self.camera_problem = f"{self.camera}/problem"
        self.hands = f"{self.camera}/hands"
        self.hands_bin = f"{self.camera}/hands/bin"
        self.presence = f"{self.camera}/presence"
        self.count = f"{self.camera}/count"
        self.event = f"{self.camera}/event"
        self.snapshot = f"{self.camera}/snapshot"
        self.enabled = f"{self.camera}/enabled"
        self.enabled_set = f"{self.camera}/enabled/set"
        self.requests = f"{self.node}/request/+"
        self.node_id = f"{prefix}-{node}".replace("/", "-").replace(".", "_")

    def gesture(self, side: Handedness) -> str:
        """Topic of the gesture of the left or the right hand."""
        return f"{self.camera}/gesture/{side.value}"

    def discovery(self, prefix: str) -> str:
        """Topic of Home Assistant's discovery document; ``prefix`` is Home Assistant's own."""
        return f"{prefix}/device/{self.node_id}/config"

    def request(self, verb: str) -> str:
        """Topic on which this is asked of the node."""
        return f"{self.node}/request/{verb}"

    def response(self, verb: str) -> str:
        """Topic on which the node answers."""
        return f"{self.node}/response/{verb}"


def matches(wanted: str, topic: str) -> bool:
    """Whether a topic filter with ``+`` lets a topic through (``#`` isn't used in ours).

    A sixth of the time of paho's, which builds a tree for each question.
    """
    if "+" not in wanted:
        return wanted == topic
    parts, levels = wanted.split("/"), topic.split("/")
    return len(parts) == len(levels) and all(
        part in {"+", level} for part, level in zip(parts, levels, strict=True)
    )


def topics_of(config: Config) -> Topics:
    """Give the topics that a configuration asks for."""
    return Topics(prefix=config.mqtt.prefix, node=config.node.name, camera=config.camera.name)
