"""A TOML file as tables, with every line in it that is no TOML."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from edgehands.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1_000_000

MAX_MISTAKES = 50
"""Lines that are no TOML; with more of them it is another kind of file."""


def read_tables(path: Path, *, required: bool = True) -> tuple[dict[str, Any], list[ConfigError]]:
    """Read a file's tables and what is wrong with its lines.

    A line that is no TOML is left out, and one that was to begin a table with all that stands
    below it, so that what follows can be checked too.

    Args:
        path: the file.
        required: whether it must exist; else a missing one holds nothing.

    Raises:
        ConfigError: The file can't be read at all.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        if not required:
            return {}, []
        raise ConfigError(f"{path} doesn't exist: give the path of a configuration file") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be read ({error.strerror}): check its rights") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than 1 MB: it is no configuration file")
    try:
        # The card is edited on any computer: Windows' Notepad puts a mark in front.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text: save it as UTF-8") from None
    return _parse(path, text)


def _parse(path: Path, text: str) -> tuple[dict[str, Any], list[ConfigError]]:
    lines = text.split("\n")
    mistakes: list[ConfigError] = []
    while True:
        try:
            return tomllib.loads("\n".join(lines)), mistakes
        except tomllib.TOMLDecodeError as error:
            mistakes.append(ConfigError(f"{path} is not valid TOML: {error}"))
            place = re.search(r"at line (\d+)", str(error))
            number = int(place[1]) - 1 if place else -1
            if not 0 <= number < len(lines) or len(mistakes) >= MAX_MISTAKES:
                return {}, mistakes
            _leave_out(lines, number)
        except RecursionError:
            mistakes.append(
                ConfigError(f"{path} is nested too deeply: it is no configuration file")
            )
            return {}, mistakes


def _leave_out(lines: list[str], number: int) -> None:
    """Empty a line; where it was to begin a table, also those up to the next table."""
    begins_table = lines[number].lstrip().startswith("[")
    lines[number] = ""
    if begins_table:
        for below in range(number + 1, len(lines)):
            if lines[below].lstrip().startswith("["):
                return
            lines[below] = ""
