"""Reads untrusted files: with a size limit, and without blocking on a pipe."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class NoRegularFileError(OSError):
    """A pipe, a device or a socket."""


def read_bounded(path: Path, most: int) -> bytes:
    """Read a whole file; of one longer than ``most`` bytes, one byte more than that.

    ``/dev/null`` is an empty file.

    Raises:
        OSError: it can't be read, or isn't a file; ``strerror`` says why.
    """
    try:
        # Without waiting: a pipe that nobody writes to would block forever.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except ValueError:
        raise OSError(0, "its name holds a NUL") from None
    with os.fdopen(number, "rb") as file:
        mode = os.fstat(number).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(0, "it is a folder")
        if not stat.S_ISREG(mode) and path.resolve() != Path(os.devnull):
            raise NoRegularFileError(0, "it is no regular file")
        return file.read(most + 1)
