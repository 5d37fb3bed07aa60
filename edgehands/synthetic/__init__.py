"""Synthetic hands in motion with known truth: for tests, calibration, the demo.

    from edgehands.synthetic import random_scene, render_scene

    picture = render_scene(random_scene(7, gesture="victory"))
    picture.image                                # (480, 640, 3) uint8 RGB
    picture.truth.hands[0].mediapipe.image       # (21, 2) pixels, MediaPipe's landmarks
    picture.truth.hands[0].anatomical.camera     # (21, 3) metres, the skeleton's joints
"""

from edgehands.synthetic.background import background
from edgehands.synthetic.poses import NAMES as GESTURES
from edgehands.synthetic.render import render_scene
from edgehands.synthetic.sample import random_scene
from edgehands.synthetic.scene import (
    Background,
    Camera,
    HandTruth,
    Keypoints,
    Lighting,
    Occluder,
    Rendering,
    Scene,
    SceneHand,
    SceneTruth,
    Sensor,
    Skin,
)

__all__ = [
    "GESTURES",
    "Background",
    "Camera",
    "HandTruth",
    "Keypoints",
    "Lighting",
    "Occluder",
    "Rendering",
    "Scene",
    "SceneHand",
    "SceneTruth",
    "Sensor",
    "Skin",
    "background",
    "random_scene",
    "render_scene",
]
