"""Measures and scores of made hands, as they were when the gestures' accuracy was measured.

``python -m tests.golden_gestures`` writes the file again: after a change that is meant to change
them, once ``python3 -m tools eval-gestures`` has shown what it does to real hands.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgehands.gestures import shape_of
from edgehands.gestures.static import rule_scores, score_gestures
from edgehands.synthetic.poses import POSES
from tests.gesture_hands import made_hand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FILE = Path(__file__).with_suffix(".json")
VIEWS = {"palm": 0.0, "back": 180.0}
"""Yaw, degrees."""
HALF_WAY_TO = ("open_palm", "fist", "pinch")


def hands() -> Iterator[tuple[str, NDArray[np.float32]]]:
    """World landmarks, (21, 3): each pose from both sides, and half-way to others."""
    for pose in sorted(POSES):
        for view, yaw in VIEWS.items():
            yield f"{pose}, {view}", made_hand(pose, yaw=yaw, roll=15.0).world_landmarks
        for other in HALF_WAY_TO:
            if other != pose:
                two = [made_hand(name, pitch=10.0).world_landmarks for name in (pose, other)]
                yield f"{pose} to {other}", np.float32(0.5) * (two[0] + two[1])


def measured() -> dict[str, dict[str, list[float]]]:
    """For each of them: what is measured, and every gesture's two scores."""
    found = {}
    for name, world in hands():
        shape = shape_of(world)
        numbers = {
            "extension": shape.extension,
            "measures": (shape.thumb_out, shape.closed, shape.gathered, shape.touch, shape.pinch),
            "up": (shape.thumb_up, shape.index_up),
            "rules": rule_scores(shape),
            "scores": score_gestures(shape),
        }
        found[name] = {key: [round(v, 3) for v in values] for key, values in numbers.items()}
    return found


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(values)}" for name, values in measured().items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
