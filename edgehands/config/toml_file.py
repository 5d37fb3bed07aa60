"""A TOML file as tables, with all lines that aren't valid TOML.

Anyone may have written the file: reading is bounded, and no error quotes it.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

from edgehands.errors import ConfigError
from edgehands.files import NoRegularFileError, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 1_000_000
MAX_MISTAKES: Final = 50
"""Invalid lines; with more of them it is another kind of file."""

MAX_DEPTH: Final = 16
"""Most parts of a dotted key; ours have two. tomllib takes 45 s for 20,000."""

_MAX_DIGITS: Final = 4000
"""Most digits of a number; from 4,300 on Python raises an error of its own."""

_TEXT_OR_COMMENT = re.compile(
    r'"""(?:[^\\"]++|\\.|"(?!""))*+"""'
    r"|'''(?:[^']++|'(?!''))*+'''"
    r'|"(?:[^"\\\n]++|\\.)*+"'
    r"|'[^'\n]*+'"
    r"|#[^\n]*+",
    re.DOTALL,
)
_DEEP_KEY = re.compile(rf'(?<![\w."-])(?:[\w-]++|"")(?:\s*+\.\s*+(?:[\w-]++|"")){{{MAX_DEPTH},}}')
_LONG_NUMBER = re.compile(rf"(?<!\w)(?:0[xob])?[\da-fA-F_]{{{_MAX_DIGITS},}}(?!\w)")

# tomllib's messages quote the text, which may be a password: only their kind is reported.
_KINDS = (
    ("Cannot", "a table or a key stands there twice"),
    ("Expected '='", "a key needs = and a value behind it"),
    ("Invalid initial character for a key", "a key needs letters, digits, _ or -"),
    ("Expected ']", "a table's name needs a closing ]"),
    ("Unclosed array", "a list needs a closing ]"),
    ("Unclosed inline table", "an inline table needs a closing }"),
    ("Expected newline or end", "one setting a line, and text in quotes"),
    ("Unterminated string", "text needs a closing quote"),
    ("Unescaped '\\'", "a \\ in text is written \\\\, or the text stands in ' instead of \""),
    ("Illegal character", "text needs a closing quote in the same line"),
)
_OTHERWISE = "a value is a number, true, false or text in quotes"


def read_tables(path: Path, *, required: bool = True) -> tuple[dict[str, Any], list[ConfigError]]:
    """Read a file's tables and the errors in its lines.

    An invalid line is left out, and so is everything in a table whose header is invalid, so that
    the rest can be checked too.

    Args:
        path: the file.
        required: whether it must exist; otherwise a missing one is empty.

    Raises:
        ConfigError: The file can't be read at all.
    """
    lines = _read_text(path, required=required).split("\n")
    mistakes: list[ConfigError] = []
    while True:
        try:
            return parse_toml("\n".join(lines), str(path)), mistakes
        except ConfigError as error:
            mistakes.append(error)
            place = re.search(r"is not valid TOML at line (\d+),", str(error))
            number = int(place[1]) - 1 if place else -1
            if not 0 <= number < len(lines) or len(mistakes) >= MAX_MISTAKES:
                return {}, mistakes
            _leave_out(lines, number)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Parse TOML.

    Args:
        text: at most :data:`MAX_BYTES` long.
        where: the file, for the message.

    Raises:
        ConfigError: It isn't TOML; names the line without quoting it.
    """
    bare = _TEXT_OR_COMMENT.sub('""', text)
    if _DEEP_KEY.search(bare):
        raise ConfigError(
            f"{where} has a key of more than {MAX_DEPTH} parts: it is no configuration file"
        )
    if _LONG_NUMBER.search(bare):
        raise ConfigError(
            f"{where} has a number of more than {_MAX_DIGITS} digits: it is no configuration file"
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{where} is nested too deeply: it is no configuration file") from None
    except ValueError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        at = f" at line {place[1]}, column {place[2]}" if place else ""
        what = next((said for start, said in _KINDS if str(error).startswith(start)), _OTHERWISE)
        raise ConfigError(f"{where} is not valid TOML{at}: {what}") from None


def _read_text(path: Path, *, required: bool) -> str:
    try:
        raw = read_bounded(path, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        if not required:
            return ""
        raise ConfigError(f"{path} doesn't exist: give the path of a configuration file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder: give the path of a configuration file") from None
    except NoRegularFileError:
        raise ConfigError(f"{path} is no regular file: give that of a configuration") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be read ({error.strerror}): check its rights") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than 1 MB: it is no configuration file")
    try:
        # The card is edited on any computer: Windows' Notepad adds a byte order mark.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text: save it as UTF-8") from None


def _leave_out(lines: list[str], number: int) -> None:
    """Empty a line; if it was a table header, also those up to the next table."""
    begins_table = lines[number].lstrip().startswith("[")
    lines[number] = ""
    if begins_table:
        for below in range(number + 1, len(lines)):
            if lines[below].lstrip().startswith("["):
                return
            lines[below] = ""
