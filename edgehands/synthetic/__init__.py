"""Synthetic hands in motion with known truth, for tests, calibration and the demo.

from edgehands.synthetic import random_scene, render_scene

picture = render_scene(random_scene(7, gesture="victory"))
picture.image                                # (480, 640, 3) uint8 RGB
picture.truth.hands[0].mediapipe.image       # (21, 2) pixels, MediaPipe's landmarks
picture.truth.hands[0].anatomical.camera     # (21, 3) metres, the skeleton's joints

for picture in clip(1, "crossing"):          # a film, frame by frame; see CLIPS
...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.synthetic.background import background
from edgehands.synthetic.film import Film
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
from edgehands.synthetic.suite import NAMES as CLIPS
from edgehands.synthetic.suite import plan
from edgehands.synthetic.write import Written, write_clip, write_random_stills, write_stills

if TYPE_CHECKING:
    from collections.abc import Iterator


def clip(seed: int, name: str, *, size: tuple[int, int] = (640, 480)) -> Iterator[Rendering]:
    """The frames of a named film, in order; ``truth.t`` holds their times in seconds.

    Args:
        seed: of the people, the light and the background.
        name: one of :data:`CLIPS`; ``plan(name, seed)`` also gives its fps and length.
        size: width and height, pixels.

    Raises:
        UsageError: there is no film of that name.
    """
    return plan(name, seed, size).render()


__all__ = [
    "CLIPS",
    "GESTURES",
    "Background",
    "Camera",
    "Film",
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
    "Written",
    "background",
    "clip",
    "plan",
    "random_scene",
    "render_scene",
    "write_clip",
    "write_random_stills",
    "write_stills",
]
