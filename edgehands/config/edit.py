"""Changes a few settings in a configuration file written by a person, and nothing else in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from edgehands.atomic import replace_file
from edgehands.config.load import load
from edgehands.config.toml_file import parse_toml
from edgehands.config.values import toml_value
from edgehands.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_HEADER = re.compile(r"^\s*\[")


def set_in_file(path: Path, table: str, values: Mapping[str, Any]) -> None:
    """Set keys of one table; comments, order and all other lines stay as they are.

    The file is replaced in one step, and only if the new one reads back as intended. A missing file
    is created.

    Raises:
        ConfigError: the file can't be read, understood or written; it is left as it was.
    """
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read ({error}): name another file") from None
    if old:
        load([path], env={})  # says what is wrong with it, and where
    new = _edited(old, table, values)
    wanted = parse_toml(old, str(path))
    wanted[table] = {**wanted.get(table, {}), **values}
    try:
        good = parse_toml(new, str(path)) == wanted
    except ConfigError:
        good = False
    if not good:
        lines = "; ".join(f"{table}.{key} = {toml_value(v)}" for key, v in values.items())
        raise ConfigError(f"{path} is written in a way that can't be changed here: set {lines}")
    _replace(path, new)


def _edited(old: str, table: str, values: Mapping[str, Any]) -> str:
    lines = old.splitlines()
    header = re.compile(rf"^\s*\[\s*{re.escape(table)}\s*\]\s*(#.*)?$")
    start = next((i for i, line in enumerate(lines) if header.match(line)), None)
    if start is None:
        new = [f"[{table}]", *(f"{key} = {toml_value(v)}" for key, v in values.items())]
        return "\n".join([*lines, *([""] if lines else []), *new]) + "\n"
    end = next(
        (i for i in range(start + 1, len(lines)) if _HEADER.match(lines[i])),
        len(lines),
    )
    missing = []
    for key, value in values.items():
        line = re.compile(rf"^\s*{re.escape(key)}\s*=")
        place = next((i for i in range(start + 1, end) if line.match(lines[i])), None)
        if place is None:
            missing.append(f"{key} = {toml_value(value)}")
        else:
            lines[place] = f"{key} = {toml_value(value)}"
    return "\n".join([*lines[: start + 1], *missing, *lines[start + 1 :]]) + "\n"


def _replace(path: Path, text: str) -> None:
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        replace_file(path, text.encode(), mode)
    except OSError as error:
        raise ConfigError(f"{path} can't be written ({error.strerror}): nothing is kept") from None
