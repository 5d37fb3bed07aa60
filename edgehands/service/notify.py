"""Notifications to systemd: the whole protocol is one datagram."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Notifier:
    """Sends to ``$NOTIFY_SOCKET``; does nothing if it isn't set.

    Source of the protocol: systemd's manual pages ``sd_notify(3)`` and ``sd_watchdog_enabled(3)``.
    """

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        env = os.environ if env is None else env
        path = env.get("NOTIFY_SOCKET", "")
        self._path = "\0" + path[1:] if path.startswith("@") else path
        microseconds = env.get("WATCHDOG_USEC", "")
        ours = env.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._every = int(microseconds) / 4e6 if microseconds.isdigit() and ours else 0.0
        self._last = float("-inf")
        self._status = ""
        self._ready = False

    def ready(self) -> None:
        """Report that the service is ready."""
        self._ready = True
        self._send("READY=1")

    def stopping(self) -> None:
        """Report that the service is about to end."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; sent when it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Trigger the watchdog, four times as often as required; cheap to call every frame."""
        now = time.monotonic()
        if self._every and now - self._last >= self._every:
            self._last = now
            self._send("WATCHDOG=1")
            if not self._ready:
                # Waiting for a camera isn't a failed start. A hang extends nothing, and ends with
                # the last extension.
                self._send(f"EXTEND_TIMEOUT_USEC={int(self._every * 4e6)}")

    def _send(self, text: str) -> None:
        if not self._path:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
        ):
            # Never wait: a systemd that doesn't read must not stop the frame loop.
            out.setblocking(False)  # noqa: FBT003
            out.sendto(text.encode(), self._path)
