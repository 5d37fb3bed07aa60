"""The short form of the fault table: the real service, a real broker, real faults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mosquitto import PROGRAM

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.broker


def test_the_service_holds_what_it_promises_when_things_break() -> None:
    """Without it: a change could lose events or bring back old hands after an outage, unseen."""
    if PROGRAM is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "faults"), "--short"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[2:]
    assert len(lines) == 4
    assert all(line.endswith(("| pass |", "needs root |")) for line in lines), done.stdout
