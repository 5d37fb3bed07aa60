"""Finds the Python with the project's packages, so that tools run from any shell."""

from __future__ import annotations

import importlib.util
import os
import sys

from tools import ROOT

_PYTHON = ROOT / ".venv" / "bin" / "python"


def enter() -> None:
    """Continue if the packages are installed; else restart with a Python that has them.

    Raises:
        SystemExit: they aren't installed anywhere; the message says how to get them.
    """
    if all(importlib.util.find_spec(name) for name in ("msgspec", "cv2", "edgehands")):
        return
    if not _PYTHON.exists() or sys.prefix == str(_PYTHON.parents[1]):
        sys.exit("tools: the project's packages are missing: run ./scripts/test once, it gets them")
    os.execv(_PYTHON, [str(_PYTHON), "-m", "tools", *sys.argv[1:]])  # noqa: S606 - a fixed program
