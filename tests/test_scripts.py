"""The scripts that a person starts by name."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
OWN_PYTHON = sorted(
    file.name
    for file in SCRIPTS.iterdir()
    if file.is_file() and not file.suffix and "import own_python" in file.read_text()
)

NEEDS_PACKAGES = re.compile(
    r"^(?:import|from) (?:av|build_models|cv2|edgehands|media_list|msgspec|numpy|PIL)\b",
    re.MULTILINE,
)


def test_every_program_that_needs_the_packages_finds_them() -> None:
    """Four that documents name ended in a traceback where no environment was active."""
    programs = {
        file.name: file.read_text()
        for file in SCRIPTS.iterdir()
        if file.is_file()
        and not file.suffix
        and file.read_text().startswith("#!/usr/bin/env python")
    }
    needing = {name for name, text in programs.items() if NEEDS_PACKAGES.search(text)}
    assert len(needing) >= 10
    assert needing <= set(OWN_PYTHON)


@pytest.mark.skipif(
    not (SCRIPTS.parent / ".venv" / "bin" / "python").exists(),
    reason="no .venv in the checkout: ./scripts/test makes it",
)
@pytest.mark.parametrize("name", ["check_edgetpu", "eval_tracking", "faults", "record_tracks"])
def test_a_script_runs_from_a_shell_without_the_environment(name: str) -> None:
    """Who repeats a figure with the command beside it would get a traceback."""
    assert name in OWN_PYTHON
    done = subprocess.run(
        [str(SCRIPTS / name), "--help"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {name}")
