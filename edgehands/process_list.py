"""Hides passwords and tokens of a command line from ``ps``, which shows them to every user.

Linux shows a process's arguments from the process's own memory, so they can be overwritten; by then
the program has copied them.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgehands.safe_text import REDACTED, redact

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECRET_OPTIONS = ("--token",)
"""Options whose value is a secret."""

_ARG_START, _ARG_END = 47, 48  # fields of /proc/self/stat, counted from 0; proc(5)


def hide_arguments() -> None:
    """Overwrite secrets in the arguments that other users can see. Does nothing except on Linux.

    Until this call, a tenth of a second after the start, they are visible.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        shown = Path("/proc/self/cmdline").read_bytes()
        words = shown.removesuffix(b"\0").split(b"\0")
        hidden = b"\0".join(_hidden(words)) + b"\0"
        if hidden == shown:
            return
        # The program's name is in brackets and may contain anything.
        fields = Path("/proc/self/stat").read_text().rpartition(") ")[2].split()
        start, end = (int(fields[number - 2]) for number in (_ARG_START, _ARG_END))
        if start and end - start == len(shown) == len(hidden):
            ctypes.memmove(start, hidden, len(hidden))


def _hidden(words: Sequence[bytes]) -> list[bytes]:
    """The arguments with their secrets replaced, each with its old length."""
    done = []
    before = b""
    for word in words:
        option, equals, value = word.partition(b"=")
        if before.decode(errors="replace") in _SECRET_OPTIONS:
            new = REDACTED.encode()
        elif equals and option.decode(errors="replace") in _SECRET_OPTIONS:
            new = option + equals + (REDACTED.encode() if value else b"")
        else:
            text = word.decode(errors="surrogateescape")
            new = redact(text).encode(errors="surrogateescape")
        # Stars up to the old length: an argument's length can't change.
        done.append(new[: len(word)].ljust(len(word), b"*") if new != word else word)
        before = word
    return done
