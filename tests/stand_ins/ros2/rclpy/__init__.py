"""As much of rclpy as examples/ros2_hands.py uses; what is published is printed as JSON."""

from __future__ import annotations

import threading


def init() -> None:
    """Nothing to begin."""


def spin(_node: object) -> None:
    """Until the process is ended."""
    threading.Event().wait()


def try_shutdown() -> None:
    """Nothing to end."""
