"""Settings that were changed while running and persist over a restart."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgehands.atomic import replace_file
from edgehands.config.toml_file import read_tables
from edgehands.config.values import toml_value
from edgehands.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def state_file(env: Mapping[str, str]) -> Path | None:
    """The file for them in systemd's state directory, or the user's; None if there is none."""
    state = env.get("STATE_DIRECTORY", "").split(":")[0]
    if state:
        return Path(state) / "settings.toml"
    home = env.get("XDG_STATE_HOME") or (env.get("HOME") and f"{env['HOME']}/.local/state")
    return Path(home) / "edgehands" / "settings.toml" if home else None


def save_settings(path: Path, changes: Mapping[str, Any]) -> None:
    """Add settings, by dotted key, to the file, which is replaced in one step.

    Raises:
        ConfigError: The file can't be written.
    """
    tables: dict[str, dict[str, Any]] = {}
    with contextlib.suppress(ConfigError):
        tables, _ = read_tables(path, required=False)
    for dotted, value in changes.items():
        section, _, key = dotted.partition(".")
        tables.setdefault(section, {})[key] = value
    lines = ["# Written by edgehands: what was set over MQTT to be kept."]
    for section, table in tables.items():
        lines += [f"[{section}]", *(f"{key} = {toml_value(v)}" for key, v in table.items())]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, ("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise ConfigError(f"{path} can't be written ({error.strerror}): nothing is kept") from None
