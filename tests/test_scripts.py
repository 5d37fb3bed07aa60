"""The scripts that a person starts by name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
OWN_PYTHON = sorted(
    file.name
    for file in SCRIPTS.iterdir()
    if file.is_file() and not file.suffix and "import own_python" in file.read_text()
)


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
