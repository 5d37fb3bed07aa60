"""MediaPipe 0.10.21 in its own environment: it pins an old numpy unlike the product's."""

from __future__ import annotations

import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from tools import ROOT

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENT = "mediapipe==0.10.21"
_FOLDER = ROOT / ".cache" / "mediapipe"


def mediapipe_python() -> Path:
    """The Python of an environment with MediaPipe; created on first use and kept."""
    python = _FOLDER / "bin" / "python"
    done = _FOLDER / "requirement.txt"
    if done.is_file() and done.read_text() == REQUIREMENT:
        return python
    if sys.version_info >= (3, 13):
        sys.exit(
            f"{REQUIREMENT} has no wheel for Python {sys.version_info.minor}: use 3.11 or 3.12"
        )
    print(f"installing {REQUIREMENT} into {_FOLDER.relative_to(ROOT)}", file=sys.stderr)
    venv.create(_FOLDER, with_pip=True, clear=True)
    subprocess.run([python, "-m", "pip", "install", "-q", REQUIREMENT], check=True)
    done.write_text(REQUIREMENT)
    return python
