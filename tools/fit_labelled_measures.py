"""Print the constants for evaluating labelled pictures, and the error of fitted depth.

* ``edgehands/dataset/lift.py``: mean bone lengths of drawn hands (--bones of them);
* ``edgehands/evaluation/labelled.py``: the palm model's box around the points of the practice set;
* the depth error of fitted bones and of the model itself, on --hands drawn hands.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from edgehands import TrackingConfig
from edgehands.annotate.practice import TRUTH, write_practice
from edgehands.cameras.images import read_image
from edgehands.dataset import read
from edgehands.dataset.lift import PARENTS, fit_depths
from edgehands.dataset.models import ModelPair
from edgehands.geometry.roi import landmarks_roi
from edgehands.synthetic import random_scene, render_scene
from edgehands.synthetic.anatomy import pose_skeleton
from edgehands.synthetic.mediapipe_joints import facing_of, mediapipe_joints

PALM = [0, 1, 2, 5, 9, 13, 17]


def bones(count: int) -> None:
    """Mean bone lengths between landmarks by MediaPipe's definition, of unscaled hands."""
    lengths = []
    for seed in range(count):
        (hand,) = random_scene(seed).hands
        facing = facing_of(hand.rotation, np.array(hand.wrist))
        joints = mediapipe_joints(pose_skeleton(hand.pose), hand.pose, facing)
        lengths.append(np.linalg.norm(joints - joints[list(PARENTS)], axis=1))
    print("bones, mm:", np.mean(lengths, axis=0).round(1).tolist())


def boxes(pair: ModelPair) -> None:
    """Side and shift of the palm model's box, relative to the points of the palm."""
    rows = []
    with tempfile.TemporaryDirectory() as place:
        write_practice(Path(place, "set"))
        for image in read(Path(place, "set"), TRUTH):
            points = image.hands[0].points
            palms = pair.palms(read_image(image.path))
            if not palms:
                continue
            low, high = points[PALM].min(axis=0), points[PALM].max(axis=0)
            box, along = palms[0].box.astype(float), points[9] - points[0]
            off = (box[:2] + box[2:] - low - high) / 2
            rows.append(((box[2] - box[0]) / (high - low).max(), off @ along / (along @ along)))
    side, shift = np.median(rows, axis=0)
    print(f"palm box: side {side:.3f}, shift {shift:.3f} palm sizes ({len(rows)} hands)")


def depths(pair: ModelPair, count: int) -> None:
    """Mean depth error of points, relative to the wrist."""
    fitted, own = [], []
    for seed in range(count):
        drawn = render_scene(random_scene(1000 + seed))
        (hand,) = drawn.truth.hands
        points, true = hand.mediapipe.image, hand.mediapipe.camera[:, 2] * 1000
        reading = pair.read(drawn.image, landmarks_roi(points.astype(np.float32)))
        guess = reading.world_landmarks.astype(float) * 1000
        found = fit_depths(points, guess)
        if found is not None:
            fitted.append(np.abs(found - (true - true[0])).mean())
            own.append(np.abs(guess[:, 2] - guess[0, 2] - (true - true[0])).mean())
    print(
        f"depth of {len(fitted)} drawn hands: fitted {np.mean(fitted):.1f} mm, "
        f"the model's own {np.mean(own):.1f} mm"
    )


def main() -> None:
    """Print all three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bones", type=int, default=400)
    parser.add_argument("--hands", type=int, default=40)
    options = parser.parse_args()
    bones(options.bones)
    with ModelPair(TrackingConfig(model="full", static_image=True)) as pair:
        boxes(pair)
        depths(pair, options.hands)
