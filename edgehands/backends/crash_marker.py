"""A marker file that survives a process killed by the Edge TPU's driver.

When a USB transfer fails, libedgetpu aborts the whole process, and no Python handler runs. So a
file is written before the Edge TPU is first used and removed on a clean exit. Whoever finds it
without its writer knows that the last run crashed.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAUSE_S = 600.0
"""How long the CPU is used after a first crash; twice as long after each further one."""

LONGEST_PAUSE_S = 6 * 3600.0

NAME = "edgetpu-in-use"


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content.

    Attributes:
        pid: the process that uses the Edge TPU.
        started: when that process started, in the kernel's ticks: pids are reused.
        crashes: consecutive crashes before this use.
    """

    pid: int
    started: int
    crashes: int


@dataclass(frozen=True, slots=True)
class Crash:
    """A process that ended without a clean exit while using the Edge TPU.

    Attributes:
        count: consecutive crashes, including this one.
        retry: when the Edge TPU may be used again, seconds since 1970.
    """

    count: int
    retry: float

    def __str__(self) -> str:
        until = time.strftime("%H:%M", time.localtime(self.retry))
        times = "once" if self.count == 1 else f"{self.count} times in a row"
        return f"{times}; starts before {until} use the CPU"


def marker_file(env: Mapping[str, str]) -> Path | None:
    """Path of the marker: systemd's runtime directory, or the user's; None without either.

    Both are in memory: the card isn't written, and switching off forgets crashes.
    """
    own = env.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if own:
        return Path(own) / NAME
    user = env.get("XDG_RUNTIME_DIR", "")
    return Path(user) / "edgehands" / NAME if user else None


class CrashMarker:
    """The marker at one path.

    Args:
        path: the file; None = nothing is remembered.
        now: seconds since 1970.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now

    def last_crash(self) -> Crash | None:
        """The crash recorded in the marker; None if there is none, or its writer still runs."""
        note = self._read()
        if note is None or self._path is None or _started(note.pid) == note.started:
            return None
        try:
            written = self._path.stat().st_mtime
        except OSError:
            return None
        pause = min(PAUSE_S * 2.0 ** min(note.crashes, 20), LONGEST_PAUSE_S)
        return Crash(note.crashes + 1, written + pause)

    def blocks(self) -> Crash | None:
        """The crash after which the Edge TPU must not be used for now; None = use it."""
        crash = self.last_crash()
        return crash if crash is not None and self._now() < crash.retry else None

    def write(self) -> None:
        """Record that this process now uses the Edge TPU, if the path can be written."""
        if self._path is None:
            return
        crash = self.last_crash()
        pid = os.getpid()
        note = _Note(
            pid=pid, started=_started(pid) or 0, crashes=crash.count if crash is not None else 0
        )
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._path.with_suffix(f".{pid}")
            fresh.write_bytes(msgspec.json.encode(note))
            fresh.replace(self._path)

    def remove(self) -> None:
        """Record a clean exit; another process's marker stays."""
        note = self._read()
        if self._path is not None and note is not None and note.pid == os.getpid():
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _read(self) -> _Note | None:
        if self._path is None:
            return None
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Note)
        except (OSError, msgspec.MsgspecError):
            return None


def _started(pid: int) -> int | None:
    """When a running process started, in the kernel's ticks; None if it doesn't run.

    Source: field 22 of ``/proc/PID/stat``, proc(5); the name before it may hold spaces.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in {"Z", "X"} else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
