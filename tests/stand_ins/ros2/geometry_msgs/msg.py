"""Points and poses: https://docs.ros2.org/latest/api/geometry_msgs."""

from __future__ import annotations

from typing import Any, ClassVar

from geometry_msgs import RosMessage


class Point(RosMessage):
    """A place in metres."""

    fields: ClassVar[dict[str, Any]] = {"x": 0.0, "y": 0.0, "z": 0.0}


class Quaternion(RosMessage):
    """A turn."""

    fields: ClassVar[dict[str, Any]] = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}


class Pose(RosMessage):
    """A place and a turn."""

    fields: ClassVar[dict[str, Any]] = {"position": Point, "orientation": Quaternion}


class Header(RosMessage):
    """When and in which frame."""

    fields: ClassVar[dict[str, Any]] = {"stamp": None, "frame_id": ""}


class PoseStamped(RosMessage):
    """A pose with its frame."""

    fields: ClassVar[dict[str, Any]] = {"header": Header, "pose": Pose}
