"""Markers: https://docs.ros2.org/latest/api/visualization_msgs."""

from __future__ import annotations

from typing import Any, ClassVar

from geometry_msgs import RosMessage
from geometry_msgs.msg import Header, Point, Pose


class Vector3(Point):
    """Sizes."""


class ColorRGBA(RosMessage):
    """A colour, 0..1."""

    fields: ClassVar[dict[str, Any]] = {"r": 0.0, "g": 0.0, "b": 0.0, "a": 0.0}


class Marker(RosMessage):
    """A shape in space."""

    ADD, DELETEALL = 0, 3
    LINE_LIST, SPHERE_LIST = 5, 7
    fields: ClassVar[dict[str, Any]] = {
        "header": Header,
        "ns": "",
        "id": 0,
        "type": 0,
        "action": 0,
        "pose": Pose,
        "scale": Vector3,
        "color": ColorRGBA,
        "points": list,
    }


class MarkerArray(RosMessage):
    """Some of them."""

    fields: ClassVar[dict[str, Any]] = {"markers": list}
