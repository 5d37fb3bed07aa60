"""Whether an error is caused by lack of memory, and what limits memory here.

Libraries report it in their own words ("failed to reshape runtimeNode"), which suggest a fault in
the model.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

ENOUGH_MB: Final = 200
"""Memory of the service, and of tracking; measured: docs/performance.md."""

ENOUGH_ADDRESSES_MB: Final = 1000
"""Address space; the libraries reserve it whether they use it or not."""

_WORDS = ("cannot allocate memory", "failed to map segment", "bad_alloc", "insufficient memory")
_UNLIMITED = 1 << 60
_MADV_DONTNEED = 4
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)")


def is_shortage(error: BaseException) -> bool:
    """Whether an error is caused by lack of memory, judged by its text."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    text = str(error).lower()
    return any(words in text for words in _WORDS)


def limit(own: Path = Path("/proc/self/cgroup"), tree: Path = Path("/sys/fs/cgroup")) -> str:
    """What gives this process too little memory, in words; empty if nothing does.

    Args:
        own: the kernel's file with the process's control group.
        tree: where control groups are mounted.
    """
    addresses = resource.getrlimit(resource.RLIMIT_AS)[0]
    if 0 <= addresses < ENOUGH_ADDRESSES_MB * 1_000_000:
        return (
            f"the address space is limited to {addresses / 1e6:.0f} MB,"
            f" {ENOUGH_ADDRESSES_MB} are enough (ulimit -v, LimitAS=)"
        )
    memory = _group_limit(own, tree)
    if memory < ENOUGH_MB * 1_000_000:
        return (
            f"memory is limited to {memory / 1e6:.0f} MB, {ENOUGH_MB} are enough"
            " (MemoryMax=, docker run --memory)"
        )
    return ""


def give_back(maps: Path = Path("/proc/self/smaps")) -> None:
    """Return to the system the memory that was only needed for starting.

    That is free memory of the C library (loading models leaves megabytes), and the pages of
    libraries and model files that were read once. The latter stay in the system's cache while it
    has room, and are reloaded when accessed.

    Args:
        maps: the kernel's list of this process's memory areas.
    """
    # Not every C library has malloc_trim.
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        with maps.open() as lines:
            found = unchanged_files(lines)
        for begin, end in found:
            library.madvise(begin, end - begin, _MADV_DONTNEED)
        library.malloc_trim(0)


def unchanged_files(smaps: Iterable[str]) -> list[tuple[int, int]]:
    """Addresses (begin, end) of unmodified, read-only memory mapped from files.

    Args:
        smaps: the lines of ``/proc/self/smaps``.
    """
    found: list[tuple[int, int]] = []
    place: tuple[int, int] | None = None
    for line in smaps:
        head = _MAPPING.match(line)
        if head:
            of_file = head[4].startswith("/") and "w" not in head[3]
            place = (int(head[1], 16), int(head[2], 16)) if of_file else None
        elif place and line.startswith("Anonymous:") and int(line.split()[1]) == 0:
            found.append(place)
    return found


def _group_limit(own: Path, tree: Path) -> int:
    """Lowest limit, bytes, of the process's control group and its parents."""
    least = _UNLIMITED
    with contextlib.suppress(OSError):
        line = next((line for line in own.read_text().splitlines() if line.startswith("0::")), "")
        group = tree / line.removeprefix("0::").lstrip("/")
        for folder in (group, *group.parents):
            with contextlib.suppress(OSError, ValueError):
                least = min(least, int((folder / "memory.max").read_text()))
            if folder == tree:
                break
    return least
