"""Warnings that others can provoke, without filling the log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

EVERY_S = 60.0
"""A kind of warning is written at most this often."""


class QuietLog:
    """Logs each kind of warning at most once a minute, with the number of those left out.

    Args:
        log: where they are written; those left out go there as debug messages.
        clock: monotonic seconds; tests pass their own.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._clock = log, clock
        self._lock = threading.Lock()
        self._kinds: dict[str, tuple[float, int]] = {}

    def warning(self, kind: str, text: str) -> None:
        """Log ``text``, unless a warning of this kind was logged in the last minute.

        Args:
            kind: one of a few fixed words, never chosen by others.
            text: the line.
        """
        with self._lock:
            now = self._clock()
            written, left_out = self._kinds.get(kind, (float("-inf"), 0))
            if now - written < EVERY_S:
                self._kinds[kind] = (written, left_out + 1)
                self._log.debug("%s", text)
                return
            self._kinds[kind] = (now, 0)
        more = f" (and {left_out} more like it before)" if left_out else ""
        self._log.warning("%s%s", text, more)
