"""``edgehands run`` with a tap: every frame's time goes into a file that is shared memory.

The statistics that the service publishes speak of its newest 512 frames, whatever happened in them.
To compare phases, each frame's own time is wanted. Writing two numbers costs about a microsecond.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import numpy as np

from edgehands.service.__main__ import main
from edgehands.service.options import RunOptions
from edgehands.service.statistics import StageTimes

FRAMES = 200_000
"""As many as fit: almost two hours."""

VARIABLE = "FAULT_TABLE_TAP"


def tap(path: str) -> None:
    """Write (monotonic seconds, seconds from capture to hand-over) of each frame to a file."""
    rows = np.memmap(path, np.float64, "r+", shape=(FRAMES, 2))
    add = StageTimes.add
    count = 0

    def tapped(self: StageTimes, stage: str, seconds: float) -> None:
        nonlocal count
        add(self, stage, seconds)
        if stage == "total" and count < FRAMES:
            rows[count] = (time.monotonic(), seconds)
            count += 1

    StageTimes.add = tapped  # type: ignore[method-assign]


if __name__ == "__main__":
    tap(os.environ[VARIABLE])
    # The verb itself would go on in another process, without the tap.
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["run"])
    parser.add_argument("--source")
    parser.add_argument("--mqtt")
    options = parser.parse_args()
    asked = RunOptions(settings={"camera.source": options.source, "mqtt.url": options.mqtt})
    sys.exit(main({**asked.to_environment()}))
