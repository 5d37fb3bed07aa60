"""A note that outlives a process which the Edge TPU's driver killed.

When a USB transfer fails, libedgetpu aborts the whole process: no handler in Python runs. So a
file is written before the Edge TPU is first used and removed at a clean end. Who finds it, with
its writer gone, knows how the last run ended.
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
"""How long the CPU does the work after a first crash; twice as long after each further one."""

LONGEST_PAUSE_S = 6 * 3600.0

NAME = "edgetpu-in-use"


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds.

    Attributes:
        pid: who uses the Edge TPU.
        started: when that process started, in the kernel's ticks: pids are used again.
        crashes: crashes in a row before this use.
    """

    pid: int
    started: int
    crashes: int


@dataclass(frozen=True, slots=True)
class Crash:
    """A process that ended without a clean end while it used the Edge TPU.

    Attributes:
        count: in a row, this one included.
        retry: when the Edge TPU may be used again, seconds since 1970.
    """

    count: int
    retry: float

    def __str__(self) -> str:
        until = time.strftime("%H:%M", time.localtime(self.retry))
        times = "once" if self.count == 1 else f"{self.count} times in a row"
        return f"{times}; starts before {until} use the CPU"


def marker_file(env: Mapping[str, str]) -> Path | None:
    """Where the note lies: systemd's runtime directory, else the user's; None without either.

    Both are in memory: the card isn't written, and switching the power off forgets crashes.
    """
    own = env.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if own:
        return Path(own) / NAME
    user = env.get("XDG_RUNTIME_DIR", "")
    return Path(user) / "edgehands" / NAME if user else None


class CrashMarker:
    """The note in one place.

    Args:
        path: the file; None = there is no place, and nothing is remembered.
        now: seconds since 1970.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now

    def last_crash(self) -> Crash | None:
        """The crash that the note tells of; None where there is none, or its writer still runs."""
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
        """The crash after which the Edge TPU shall be left alone for now; None = use it."""
        crash = self.last_crash()
        return crash if crash is not None and self._now() < crash.retry else None

    def write(self) -> None:
        """Note that this process uses the Edge TPU from now on, if the place can be written."""
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
        """Note a clean end; the note of another process stays."""
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
    """When a running process started, in the kernel's ticks; None where it doesn't run.

    Source: field 22 of ``/proc/PID/stat``, proc(5); the name before it may hold spaces.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in {"Z", "X"} else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
