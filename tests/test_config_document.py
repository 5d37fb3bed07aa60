"""What is written down about the configuration is what the program does."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

from edgehands.config import SECTIONS, Config, load
from edgehands.config.schema import config_schema, describe_fields, example_toml
from edgehands.config.values import field_types

ROOT = Path(__file__).resolve().parents[1]


def test_the_written_files_are_what_the_types_say() -> None:
    """Without it: the documented settings would drift away from the real ones."""
    done = subprocess.run(
        [sys.executable, "-m", "tools", "write-schemas", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_explained() -> None:
    """Without it: a person would have to read the source to know what a key does."""
    for name, section in SECTIONS.items():
        missing = set(field_types(section)) - set(describe_fields(section))
        assert not missing, f"[{name}] {missing}"


def test_the_example_file_shows_the_defaults(tmp_path: Path) -> None:
    """Without it: removing a # in the example could change more than that one setting."""
    text = example_toml()
    assert load([_write(tmp_path, text)], env={}) == Config()
    lines = [
        line[1:] if line.startswith("#") and line[1:2].isalpha() and " = " in line else line
        for line in text.splitlines()
    ]
    active = "\n".join(line for line in lines if not line.startswith('password = ""'))
    assert load([_write(tmp_path, active)], env={}) == Config()
    count = sum(len(table) for table in tomllib.loads(active).values())
    assert count == sum(len(field_types(section)) for section in SECTIONS.values()) - 1


def test_the_schema_knows_limits_and_refuses_unknown_keys() -> None:
    """Without it: an editor would let mistakes through that the program refuses."""
    schema = json.loads(config_schema())
    tracking = schema["$defs"]["TrackingConfig"]
    assert tracking["additionalProperties"] is False
    assert tracking["properties"]["max_hands"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 8,
        "default": 2,
        "description": "hands tracked at once.",
    }
    assert sorted(tracking["properties"]["model"]["enum"]) == ["full", "lite"]


def _write(folder: Path, text: str) -> Path:
    path = folder / "edgehands.toml"
    path.write_text(text)
    return path
