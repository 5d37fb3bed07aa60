"""The MediaPipe worker of evaluations: runs in MediaPipe's environment, without edgehands.

Usage: mediapipe_worker.py COMPLEXITY tracking|static

Reads lines "FRAMES FILE" from stdin (a .npy file of (F, height, width, 3) uint8 RGB); answers each
with a JSON line: the hands of each frame, and the CPU time per frame. Each file gets a MediaPipe
instance of its own, warmed up on a black image.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from mediapipe.python.solutions.hands import Hands

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES = {"Left": "right", "Right": "left"}
"""MediaPipe assumes mirrored images when it names a side; these aren't mirrored."""


def hands_of(found: Any, width: int, height: int) -> list[dict[str, Any]]:
    """MediaPipe's result as plain values, landmarks in frame pixels."""
    return [
        {
            "points": [[round(p.x * width, 3), round(p.y * height, 3)] for p in points.landmark],
            "handedness": SIDES[sides.classification[0].label],
        }
        for points, sides in zip(
            found.multi_hand_landmarks or (), found.multi_handedness or (), strict=True
        )
    ]


def main() -> None:
    """Process files until stdin ends."""
    complexity, static = int(sys.argv[1]), sys.argv[2] == "static"
    for line in sys.stdin:
        count, name = line.rstrip("\n").split(" ", maxsplit=1)
        images: NDArray[np.uint8] = np.load(name, mmap_mode="r")[: int(count)]
        height, width = images.shape[1:3]
        frames = []
        cpu = 0.0
        with Hands(static_image_mode=static, max_num_hands=2, model_complexity=complexity) as hands:
            hands.process(np.zeros((height, width, 3), np.uint8))
            for stored in images:
                image = np.array(stored)
                start = time.process_time()
                found = hands.process(image)
                cpu += time.process_time() - start
                frames.append(hands_of(found, width, height))
        answer = {"cpu_ms": cpu / max(1, len(frames)) * 1e3, "frames": frames}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
