"""Draw the pictures of docs/gestures.md and docs/pose.md with the project's own synthetic hands.

python3 -m tools draw-gestures          # writes docs/gestures.jpg and docs/pose.jpg
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands import HandTracker, TrackingConfig
from edgehands.gestures import recognise
from edgehands.hand import Handedness
from edgehands.pose import Intrinsics, estimate_pose
from edgehands.synthetic import (
    Background,
    Camera,
    Lighting,
    Scene,
    SceneHand,
    Sensor,
    Skin,
    render_scene,
)
from edgehands.synthetic.poses import POSES
from edgehands.synthetic.sample import orient, place_in_picture
from tools import ROOT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import Pose

DOCS = ROOT / "docs"
CAMERA = Camera.of(320, 320, fov=40.0)

# gesture, shape, turn in the picture
SHOWN = (
    ("open_palm", "open_palm", 0.0),
    ("fist", "fist", 0.0),
    ("point", "point", -70.0),
    ("point_up", "point", 0.0),
    ("victory", "victory", 0.0),
    ("three", "three", 0.0),
    ("four", "four", 0.0),
    ("thumbs_up", "thumbs_up", -62.0),
    ("thumbs_down", "thumbs_down", 118.0),
    ("ok", "ok", 0.0),
    ("pinch", "pinch", 0.0),
    ("rock", "rock", 0.0),
    ("call", "call", -25.0),
    ("i_love_you", "i_love_you", 0.0),
    ("none", "relaxed", 0.0),
)


def scene(shape: str, yaw: float, pitch: float, roll: float, tone: float) -> Scene:
    """One right hand in front of a plain wall."""
    hand = SceneHand(
        Handedness.RIGHT,
        shape,
        POSES[shape],
        orient(yaw, pitch, roll),
        (0.0, 0.0, 0.5),
        skin=Skin(tone=tone, identity=2),
    )
    placed = place_in_picture(hand, CAMERA, (160.0, 150.0), 110.0)
    return Scene(
        1, CAMERA, (placed,), Background("plain", 5), Lighting(cast=0.0), (), Sensor(noise=0.0)
    )


def label(image: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """A picture with a line of text below it."""
    strip = np.full((36, image.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, text, (8, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.65, (30, 30, 30), 1, cv2.LINE_AA)
    return np.vstack([image, strip])


def draw_gestures(tracker: HandTracker) -> None:
    """All static gestures; each must be recognised as its label."""
    tiles = []
    for number, (name, shape, roll) in enumerate(SHOWN):
        image = render_scene(scene(shape, -12.0, 0.0, roll, (number * 2.3) % 9)).image
        hands = tracker.process(image)
        seen = [recognise(hand).name for hand in hands]
        if seen != [name]:
            print(f"{name}: recognised as {', '.join(seen) or 'nothing'}")
        tiles.append(
            label(
                np.asarray(cv2.resize(image, (192, 192), interpolation=cv2.INTER_AREA), np.uint8),
                name,
            )
        )
    rows = [np.hstack(tiles[i : i + 5]) for i in range(0, len(tiles), 5)]
    cv2.imwrite(str(DOCS / "gestures.jpg"), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def draw_axes(image: NDArray[np.uint8], pose: Pose, k: Intrinsics) -> NDArray[np.uint8]:
    """The hand frame's axes on the picture: x red, y green, z blue."""
    canvas = image.copy()
    x, z = np.array(pose.pointing), np.array(pose.palm_normal)
    origin = np.array(pose.palm)

    def pixel(point: NDArray[np.float64]) -> tuple[int, int]:
        return (
            round(float(point[0] / point[2] * k.fx + k.cx)),
            round(float(point[1] / point[2] * k.fy + k.cy)),
        )

    for name, axis, colour in (
        ("x", x, (220, 40, 40)),
        ("y", np.cross(z, x), (20, 140, 40)),
        ("z", z, (30, 60, 230)),
    ):
        end = pixel(origin + 0.09 * axis)
        cv2.arrowedLine(canvas, pixel(origin), end, colour, 3, cv2.LINE_AA, tipLength=0.18)
        place = (end[0] + 5, end[1] - 5)
        cv2.putText(canvas, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2, cv2.LINE_AA)
    return canvas


def draw_pose(tracker: HandTracker) -> None:
    """Hands in four orientations with the estimated axes."""
    k = Intrinsics(CAMERA.width, CAMERA.height, CAMERA.fx, CAMERA.fy, CAMERA.cx, CAMERA.cy)
    tiles = []
    for yaw, pitch, roll in (
        (0.0, 0.0, 0.0),
        (35.0, 0.0, 10.0),
        (-30.0, 25.0, -20.0),
        (180.0, 0.0, 0.0),
    ):
        made = scene("open_palm", yaw, pitch, roll, 3.0)
        image = render_scene(replace(made, seed=3)).image
        for hand in tracker.process(image):
            pose = estimate_pose(hand, k, 0.19)
            if pose is not None:
                image = draw_axes(image, pose, k)
                text = f"z {pose.palm[2]:.2f} m, is {made.hands[0].wrist[2]:.2f}"
                image = label(image, text)
        tiles.append(image)
    cv2.imwrite(str(DOCS / "pose.jpg"), cv2.cvtColor(np.hstack(tiles), cv2.COLOR_RGB2BGR))


def main() -> int:
    """Draw both."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with HandTracker(TrackingConfig(static_image=True, max_hands=1)) as tracker:
        draw_gestures(tracker)
        draw_pose(tracker)
    return 0
