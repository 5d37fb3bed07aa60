"""Imported first by the scripts that need the project's packages: they then run from any shell.

Where those are missing, the script starts again with the Python of the checkout's own environment.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

_PYTHON = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "python"


def enter() -> None:
    """Go on if the packages are there; else start again where they are, or say how to get them."""
    if all(importlib.util.find_spec(name) for name in ("msgspec", "cv2", "edgehands")):
        return
    if not _PYTHON.exists() or Path(sys.prefix) == _PYTHON.parents[1]:
        script = Path(sys.argv[0]).name
        sys.exit(
            f"{script}: the project's packages are missing: run ./scripts/test once, it gets them"
        )
    os.execv(_PYTHON, [str(_PYTHON), *sys.argv])  # noqa: S606 - a fixed program


enter()
