"""Clips that can be drawn repeatedly, and their fixed setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgehands.synthetic.render import render_scene
from edgehands.synthetic.sample import random_lighting
from edgehands.synthetic.scene import Background, Camera, Occluder, Scene, Sensor, Skin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgehands.synthetic.scene import BackgroundKind, Lighting, Rendering, SceneHand


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A clip that can be drawn repeatedly.

    Attributes:
        name: of the clip.
        about: what it shows, in a sentence.
        fps: frames a second.
        frames: how many.
        scene_at: gives the scene of a frame number.
    """

    name: str
    about: str
    fps: float
    frames: int
    scene_at: Callable[[int], Scene]

    def render(self) -> Iterator[Rendering]:
        """Draw the frames one after the other."""
        for i in range(self.frames):
            yield render_scene(self.scene_at(i))


@dataclass(frozen=True, slots=True)
class Stage:
    """What is constant during a clip; named like the parts of a scene."""

    name: str
    about: str
    seed: int
    camera: Camera
    background: Background
    lighting: Lighting
    sensor: Sensor
    skin: Skin


def stage_of(name: str, about: str, seed: int, size: tuple[int, int]) -> Stage:
    """Light, background and person of a clip, from its name and seed."""
    rng = np.random.default_rng([seed, *name.encode()])
    kinds: tuple[BackgroundKind, ...] = ("room", "room", "stripes", "gradient")
    cloth = rng.integers(20, 200, 3).tolist()
    person = Skin(
        tone=float(rng.uniform(0.5, 8)),
        identity=int(rng.integers(12)),
        sleeve=float(rng.uniform(40, 140)),
        cloth=(cloth[0], cloth[1], cloth[2]),
    )
    return Stage(
        name=name,
        about=about,
        seed=int(rng.integers(2**31)),
        camera=Camera.of(*size, fov=60.0),
        background=Background(kinds[int(rng.integers(4))], int(rng.integers(2**31))),
        lighting=random_lighting(rng, hard=False),
        sensor=Sensor(noise=1.5, blur=0.5, shutter=1 / 120),
        skin=person,
    )


def film(
    stage: Stage,
    timing: tuple[float, float],
    hands: Callable[[float], tuple[SceneHand, ...]],
    occluders: Callable[[float], tuple[Occluder, ...]] | None = None,
) -> Film:
    """A film of ``timing`` = (frames a second, seconds)."""
    fps, seconds = timing

    def scene_at(i: int) -> Scene:
        t = i / fps
        return Scene(
            (stage.seed + i) % 2**32,
            stage.camera,
            hands(t),
            stage.background,
            stage.lighting,
            occluders(t) if occluders else (),
            stage.sensor,
            t,
        )

    return Film(stage.name, stage.about, fps, round(seconds * fps), scene_at)
