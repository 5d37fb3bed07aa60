"""Wakes a thread blocked in ``poll()``, from any other thread."""

from __future__ import annotations

import contextlib
import os
import threading


class Wake:
    """A pipe: :meth:`set` makes :meth:`fileno` readable.

    :meth:`set` may be called at any time, even after :meth:`close`. A closed descriptor's number
    may belong to another file already, so it is never written to.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._closed = False

    def fileno(self) -> int:
        """The descriptor to poll for reading."""
        return self._read

    def set(self) -> None:
        """Wake the thread; never blocks."""
        with self._lock, contextlib.suppress(BlockingIOError):  # a full pipe wakes too
            if not self._closed:
                os.write(self._write, b"\0")

    def drain(self) -> None:
        """Clear the signal; called by the thread that was woken."""
        with self._lock, contextlib.suppress(BlockingIOError):
            if not self._closed:
                os.read(self._read, 4096)

    def close(self) -> None:
        """Close the pipe; only once nothing polls it any more."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._read)
                os.close(self._write)
