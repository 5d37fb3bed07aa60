"""A start that waits for a camera is no start that failed."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from edgehands.service.notify import Notifier

if TYPE_CHECKING:
    from pathlib import Path


def test_waiting_for_a_camera_asks_for_time_until_ready(tmp_path: Path) -> None:
    """Without a camera systemd would kill and start the service again every 90 seconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        notifier = Notifier(
            {
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "4",
                "WATCHDOG_PID": str(os.getpid()),
            }
        )
        notifier.alive()
        assert systemd.recv(1000) == b"WATCHDOG=1"
        assert systemd.recv(1000) == b"EXTEND_TIMEOUT_USEC=4"
        notifier.ready()
        assert systemd.recv(1000) == b"READY=1"
        notifier.alive()
        assert systemd.recv(1000) == b"WATCHDOG=1"
        systemd.setblocking(False)  # noqa: FBT003
        with pytest.raises(BlockingIOError):
            systemd.recv(1000)
