"""Telling systemd how the service is: the whole protocol is one datagram."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Notifier:
    """Speaks to ``$NOTIFY_SOCKET``; says nothing where there is none.

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
        """The service works."""
        self._ready = True
        self._send("READY=1")

    def stopping(self) -> None:
        """The service is about to end."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; sent when it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Feed the watchdog, four times as often as it asks for; cheap to call for every frame."""
        now = time.monotonic()
        if self._every and now - self._last >= self._every:
            self._last = now
            self._send("WATCHDOG=1")
            if not self._ready:
                # A camera that is waited for is no start that failed. A hang asks for nothing, and
                # ends with the time that was asked for last.
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
