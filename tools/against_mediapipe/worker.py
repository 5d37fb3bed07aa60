"""One side of benchmark_mediapipe: tracks stretches of a clip on demand, and reports the cost.

Usage: worker.py mediapipe|edgehands VARIANT PRECISION MAX_HANDS WIDTH HEIGHT CLIP

Reads lines "FIRST COUNT" from stdin; answers each with a JSON line. Runs in either environment and
imports only its own side, so that memory and start-up are that side's.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Process = Callable[[NDArray[np.uint8], float], int]
    """A frame and its time in seconds -> number of hands."""

    InModels = Callable[[], float]
    """Seconds spent in models so far; 0 if a side doesn't report it."""


def mediapipe_side(variant: str, max_hands: int) -> tuple[Process, InModels]:
    """MediaPipe's Hands, called as by its users."""
    from mediapipe.python.solutions.hands import Hands  # noqa: PLC0415

    hands = Hands(max_num_hands=max_hands, model_complexity=("lite", "full").index(variant))

    def process(image: NDArray[np.uint8], _seconds: float) -> int:
        found = hands.process(image)
        return len(found.multi_hand_landmarks or ())

    return process, lambda: 0.0


def edgehands_side(variant: str, precision: str, max_hands: int) -> tuple[Process, InModels]:
    """The tracker, with a single thread."""
    import cv2  # noqa: PLC0415

    from edgehands import HandTracker, TrackingConfig  # noqa: PLC0415

    cv2.setNumThreads(1)
    tracker = HandTracker(
        TrackingConfig(
            model=variant,  # type: ignore[arg-type]  # checked by the type itself
            precision=precision,  # type: ignore[arg-type]
            max_hands=max_hands,
            num_threads=1,
        )
    )

    def process(image: NDArray[np.uint8], seconds: float) -> int:
        return len(tracker.process(image, seconds))

    def in_models() -> float:
        return tracker.workload.palm_seconds + tracker.workload.landmark_seconds

    return process, in_models


def peak_mb() -> float:
    """Peak memory of this process, in MB of 10^6 bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def main() -> None:
    """Process stretches until stdin ends."""
    import numpy as np  # noqa: PLC0415

    side, variant, precision, max_hands, width, height, clip = sys.argv[1:]
    if side == "mediapipe":
        process, in_models = mediapipe_side(variant, int(max_hands))
    else:
        process, in_models = edgehands_side(variant, precision, int(max_hands))
    image = np.empty((int(height), int(width), 3), np.uint8)
    with Path(clip).open("rb") as file:
        for line in sys.stdin:
            first, count = map(int, line.split())
            cpu = wall = 0.0
            with_hands = 0
            models = in_models()
            for number in range(first, first + count):
                file.seek(number * image.nbytes)
                file.readinto(image.data)
                cpu_start, wall_start = time.process_time(), time.perf_counter()
                with_hands += process(image, number / 30) > 0
                cpu += time.process_time() - cpu_start
                wall += time.perf_counter() - wall_start
            answer = {
                "cpu_ms": cpu / count * 1e3,
                "wall_ms": wall / count * 1e3,
                "models_ms": (in_models() - models) / count * 1e3,
                "with_hands": with_hands / count,
                "peak_mb": peak_mb(),
            }
            print(json.dumps(answer), flush=True)


main()
