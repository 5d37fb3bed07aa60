"""Output of the verbs: results on stdout, everything for people on stderr."""

from __future__ import annotations

from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from edgehands.errors import EdgehandsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.progress import ProgressColumn

people = Console(stderr=True, highlight=False, markup=False)
"""Progress, warnings and summaries; a pipe on stdout gets results only. No markup: file names may
contain brackets."""

tables = Console(highlight=False, markup=False)
"""Tables for people on stdout, without ``--json``."""


def progress_bar(*columns: str | ProgressColumn) -> Progress:
    """A progress bar on a terminal, removed when it ends; nothing if stderr is a file or a pipe."""
    return Progress(*columns, console=people, transient=True, disable=not people.is_terminal)


@contextmanager
def written(path: Path, option: str) -> Iterator[IO[bytes]]:
    """Open a file for writing; errors name it.

    Raises:
        UsageError: it can't be opened.
        EdgehandsError: it can't be written, e.g. on a full disk.
    """
    try:
        file = path.open("wb")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{option} {path}: {why}: name a file to write") from None
    try:
        with file:
            yield file
    except OSError as error:
        # Errors of other files name them already, and a closed pipe is stdout.
        if error.filename is not None or isinstance(error, (EdgehandsError, BrokenPipeError)):
            raise
        raise EdgehandsError(
            f"{option} {path}: {error.strerror or error}: make room, or name another file"
        ) from None
