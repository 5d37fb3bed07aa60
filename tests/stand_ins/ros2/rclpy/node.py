"""rclpy's Node: parameters have their defaults, but for those of the environment."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any


class Node:
    """Prints what it publishes, a JSON line each."""

    def __init__(self, name: str) -> None:
        self.name = name

    def declare_parameter(self, name: str, default: Any) -> SimpleNamespace:
        """A parameter with its value."""
        return SimpleNamespace(value=os.environ.get(f"PARAMETER_{name.upper()}", default))

    def create_publisher(self, kind: type, topic: str, depth: int) -> SimpleNamespace:
        """Something with a ``publish``."""
        assert depth == 1

        def publish(message: Any) -> None:
            assert isinstance(message, kind)
            print(json.dumps([topic, message.plain()]), flush=True)  # noqa: T201

        return SimpleNamespace(publish=publish)

    def get_clock(self) -> SimpleNamespace:
        """A clock whose time is a text."""
        return SimpleNamespace(now=lambda: SimpleNamespace(to_msg=lambda: "now"))

    def get_logger(self) -> SimpleNamespace:
        """A log that goes nowhere."""
        return SimpleNamespace(info=lambda _line: None)

    def destroy_node(self) -> None:
        """Nothing to end."""
