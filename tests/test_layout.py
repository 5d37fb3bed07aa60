"""Where things are: which package may import which, and how large a module may become."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_configuration_is_read_without_the_rest() -> None:
    """Without it: `edgehands check` and every client would load numpy and the gestures' tables."""
    program = (
        "import sys, edgehands.config\n"
        "print(*sorted(m for m in sys.modules if m in ('numpy', 'cv2') or\n"
        "  m.startswith('edgehands.') and not m.startswith('edgehands.config')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {"edgehands.atomic", "edgehands.errors", "edgehands.files", "edgehands.safe_text"}
    assert set(done.stdout.split()) == loaded
