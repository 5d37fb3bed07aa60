"""The scripts of the benchmark's clips: which hands move, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgehands.hand import Handedness
from edgehands.synthetic.film import Film, Stage, film
from edgehands.synthetic.motion import Actor, Key, Place, keep_apart
from edgehands.synthetic.scene import Occluder, Sensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.synthetic.scene import SceneHand

L, R = Handedness.LEFT, Handedness.RIGHT


def _acted(stage: Stage, *actors: Actor) -> Callable[[float], tuple[SceneHand, ...]]:
    return lambda t: tuple(actor.hand_at(t, stage.camera) for actor in actors)


def _wander(seed: int, seconds: float, palm: float, reach: float = 0.16) -> tuple[Key, ...]:
    """A hand moves slowly through the picture, turns a little and shows shapes."""
    rng = np.random.default_rng([seed, 3])
    shapes = [
        "open_palm",
        "relaxed",
        "point",
        "open_palm",
        "victory",
        "relaxed",
        "three",
        "open_palm",
    ]
    keys = []
    for i, t in enumerate(np.arange(0.0, seconds + 0.9, 0.9)):
        place = Place(
            0.5 + float(rng.uniform(-reach, reach)),
            0.58 + float(rng.uniform(-0.6, 0.6)) * reach,
            palm * float(rng.uniform(0.92, 1.08)),
            float(rng.uniform(-22, 22)),
            float(rng.uniform(-14, 14)),
            float(rng.uniform(-18, 18)),
        )
        keys.append(Key(float(t), place, shapes[i % len(shapes)] if i % 2 == 0 else None))
    return tuple(keys)


def _circling(stage: Stage, speed: float, fps: float) -> Callable[[float], tuple[SceneHand, ...]]:
    """A hand circles at a constant speed in palm sizes per frame, after a still start."""
    cam, palm = stage.camera, 0.15
    radius = 0.21  # of the height
    rate = speed * palm / radius * fps  # radians a second

    def hands(t: float) -> tuple[SceneHand, ...]:
        def place(at: float) -> Place:
            u = max(at - 0.8, 0.0)
            # Half a second from rest to full speed: the angle is the integral of a speed ramp.
            angle = rate * (u * u if u < 0.5 else u - 0.25) - np.pi / 2
            return Place(
                0.5 + radius * float(np.cos(angle)) * cam.height / cam.width,
                0.60 + radius * float(np.sin(angle)),
                palm,
            )

        dt = 1 / 240
        keys = tuple(Key(t + k * dt, place(t + k * dt), "open_palm") for k in (-2, -1, 0, 1, 2))
        return (Actor(R, keys, stage.skin, sway=0.0).hand_at(t, cam),)

    return hands


def _still(stage: Stage) -> Film:
    stage = replace(stage, sensor=Sensor(noise=4.0, blur=0.5))
    actor = Actor(R, (Key(0, Place(0.5, 0.6, 0.21, 8, 4, -6), "open_palm"),), stage.skin, sway=0)
    return film(stage, (30, 4), _acted(stage, actor))


def _slow(stage: Stage) -> Film:
    actor = Actor(R, _wander(stage.seed, 5, 0.2), stage.skin)
    return film(stage, (30, 5), _acted(stage, actor))


def _slow_15(stage: Stage) -> Film:
    actor = Actor(L, _wander(stage.seed, 5, 0.2), stage.skin)
    return film(stage, (15, 5), _acted(stage, actor))


def _fast(stage: Stage) -> Film:
    return film(stage, (30, 4), _circling(stage, 0.5, 30))


def _faster(stage: Stage) -> Film:
    return film(stage, (30, 4), _circling(stage, 0.8, 30))


def _sweep_15(stage: Stage) -> Film:
    """A hand moves side to side at 15 fps: up to 0.6 palm sizes a frame, reversing at each end."""
    cam = stage.camera

    def hands(t: float) -> tuple[SceneHand, ...]:
        def place(at: float) -> Place:
            swing = float(np.sin(3.6 * max(at - 0.6, 0.0)))
            return Place(0.5 + 0.19 * swing, 0.6, 0.19, 10 * swing, 0, 14 * swing)

        dt = 1 / 240
        keys = tuple(Key(t + k * dt, place(t + k * dt), "open_palm") for k in (-2, -1, 0, 1, 2))
        return (Actor(R, keys, stage.skin, sway=0.3).hand_at(t, cam),)

    return film(stage, (15, 5), hands)


def _rotation(stage: Stage) -> Film:
    at = Place(0.5, 0.5, 0.17)
    keys = (
        Key(0, at, "open_palm"),
        Key(0.6, at),
        Key(2.4, replace(at, roll=180.0)),
        Key(4.2, replace(at, roll=360.0)),
        Key(5, replace(at, roll=360.0)),
    )
    return film(stage, (30, 5), _acted(stage, Actor(R, keys, stage.skin)))


def _turning(stage: Stage) -> Film:
    at = Place(0.5, 0.6, 0.2)
    keys = (
        Key(0, at, "open_palm"),
        Key(0.5, at),
        Key(2.3, replace(at, yaw=180.0)),
        Key(2.7, replace(at, yaw=180.0)),
        Key(4.5, at),
        Key(5, at),
    )
    return film(stage, (30, 5), _acted(stage, Actor(L, keys, stage.skin)))


def _in_and_out(stage: Stage) -> Film:
    a, b, c = Place(0.35, 0.6, 0.2, 0, 0, -10), Place(0.6, 0.6, 0.2), Place(0.5, 0.58, 0.2, 0, 0, 8)
    below, side = Place(0.4, 1.5, 0.2), Place(1.3, 0.7, 0.2, 0, 0, 25)
    keys = (
        Key(0, below, "open_palm"),
        Key(0.4, below),
        Key(0.9, a),
        Key(1.4, b, "victory"),
        Key(1.9, side),
        Key(2.3, side, "open_palm"),
        Key(2.8, b),
        Key(3.2, c),
        Key(3.7, replace(below, x=0.5)),
        Key(4.1, replace(below, x=0.55)),
        Key(4.5, a),
        Key(5, a),
    )
    return film(stage, (30, 5), _acted(stage, Actor(R, keys, stage.skin)))


def _occlusion(stage: Stage) -> Film:
    """A board passes in front of the hand and hides it completely for a moment, then a pole."""
    at = Place(0.5, 0.6, 0.19)
    actor = Actor(
        R, (Key(0, at, "open_palm"), Key(2.5, replace(at, x=0.46)), Key(5, at)), stage.skin
    )
    w, h = stage.camera.width, stage.camera.height

    def things(t: float) -> tuple[Occluder, ...]:
        board = Occluder(
            "card",
            ((-0.3 + 0.75 * max(t - 0.7, 0.0)) * w, 0.55 * h),
            (0.34 * w, 0.9 * h),
            4,
            0.1,
            (96, 84, 70),
        )
        pole = Occluder(
            "bar",
            ((1.15 - 0.8 * max(t - 3.1, 0.0)) * w, 0.5 * h),
            (0.06 * w, h),
            8,
            0.1,
            (60, 70, 66),
        )
        return (board, pole)

    return film(stage, (30, 5), _acted(stage, actor), things)


def _two_apart(stage: Stage) -> Film:
    right = (
        Key(0, Place(0.27, 0.6, 0.17, 5, 0, -5), "open_palm"),
        Key(1.5, Place(0.24, 0.52, 0.17), "fist"),
        Key(2.8, Place(0.3, 0.6, 0.18, 0, 0, 8), "victory"),
        Key(4, Place(0.26, 0.56, 0.17)),
    )
    left = (
        Key(0, Place(0.73, 0.58, 0.17), "victory"),
        Key(1.2, Place(0.77, 0.62, 0.17, 0, 0, 10), "open_palm"),
        Key(2.6, Place(0.72, 0.54, 0.16), "point"),
        Key(4, Place(0.74, 0.6, 0.17)),
    )
    return film(
        stage,
        (30, 4),
        _acted(stage, Actor(R, right, stage.skin), Actor(L, left, stage.skin, phase=2.0)),
    )


def _crossing(stage: Stage) -> Film:
    """The hands swap sides and return; the nearer one passes in front."""
    right = (
        Key(0, Place(0.26, 0.58, 0.20, 0, 0, -4), "open_palm"),
        Key(0.6, Place(0.26, 0.58, 0.20, 0, 0, -4)),
        Key(2.3, Place(0.74, 0.60, 0.20, 0, 0, 12)),
        Key(2.8, Place(0.74, 0.60, 0.20, 0, 0, 12)),
        Key(4.5, Place(0.26, 0.58, 0.20, 0, 0, -4)),
        Key(5, Place(0.26, 0.58, 0.20, 0, 0, -4)),
    )
    left = (
        Key(0, Place(0.74, 0.52, 0.145, 0, 0, 4), "open_palm"),
        Key(0.6, Place(0.74, 0.52, 0.145, 0, 0, 4)),
        Key(2.3, Place(0.27, 0.50, 0.145, 0, 0, -10)),
        Key(2.8, Place(0.27, 0.50, 0.145, 0, 0, -10)),
        Key(4.5, Place(0.74, 0.52, 0.145, 0, 0, 4)),
        Key(5, Place(0.74, 0.52, 0.145, 0, 0, 4)),
    )
    return film(
        stage,
        (30, 5),
        _acted(stage, Actor(R, right, stage.skin), Actor(L, left, stage.skin, phase=2.0)),
    )


def _touching(stage: Stage) -> Film:
    """Two open hands meet side by side, stay in contact for a second and separate."""
    cam = stage.camera

    def keys(side: float) -> tuple[Key, ...]:
        far = Place(0.5 + side * 0.27, 0.6, 0.18, 0, 0, side * 8)
        near = Place(0.5 + side * 0.085, 0.58, 0.18, 0, 0, side * 3)
        return (
            Key(0, far, "open_palm"),
            Key(0.5, far),
            Key(1.7, near),
            Key(2.9, near),
            Key(4.1, far),
            Key(4.5, far),
        )

    one, two = Actor(R, keys(-1.0), stage.skin), Actor(L, keys(1.0), stage.skin, phase=2.0)
    return film(stage, (30, 4.5), lambda t: keep_apart(one.hand_at(t, cam), two.hand_at(t, cam)))


def _dark(stage: Stage) -> Film:
    stage = replace(stage, sensor=Sensor(exposure=0.09, noise=4.0, blur=0.6, shutter=1 / 60))
    return film(stage, (30, 4), _acted(stage, Actor(R, _wander(stage.seed, 4, 0.2), stage.skin)))


def _far(stage: Stage) -> Film:
    # 5 % of the width = 6.7 % of the height of a 4:3 picture
    palm = 0.05 * stage.camera.width / stage.camera.height
    actor = Actor(L, _wander(stage.seed, 4, palm, 0.2), stage.skin)
    return film(stage, (30, 4), _acted(stage, actor))


def _near(stage: Stage) -> Film:
    actor = Actor(R, _wander(stage.seed, 4, 0.38, 0.05), stage.skin)
    return film(stage, (30, 4), _acted(stage, actor))


def _blurred(stage: Stage) -> Film:
    stage = replace(stage, sensor=Sensor(noise=2.5, blur=0.7, shutter=1 / 33))
    return film(stage, (30, 4), _circling(stage, 0.3, 30))


def _gestures(stage: Stage) -> Film:
    names = (
        "open_palm",
        "fist",
        "point",
        "victory",
        "three",
        "four",
        "ok",
        "rock",
        "call",
        "i_love_you",
    )
    at = Place(0.5, 0.6, 0.2)
    keys = tuple(
        Key(0.55 * i, replace(at, x=0.5 + 0.05 * (-1) ** i, roll=6.0 * (-1) ** i), name)
        for i, name in enumerate(names)
    )
    return film(stage, (30, 5.5), _acted(stage, Actor(L, keys, stage.skin, change=0.3)))


MAKERS: dict[str, Callable[[Stage], Film]] = {
    "still_noise": _still,
    "slow": _slow,
    "slow_15fps": _slow_15,
    "fast_0.5": _fast,
    "fast_0.8": _faster,
    "sweep_15fps": _sweep_15,
    "rotation": _rotation,
    "turning": _turning,
    "in_and_out": _in_and_out,
    "occlusion": _occlusion,
    "two_apart": _two_apart,
    "crossing": _crossing,
    "touching": _touching,
    "dark": _dark,
    "far": _far,
    "near": _near,
    "motion_blur": _blurred,
    "gestures": _gestures,
}
"""The scripts by name."""

ABOUT: dict[str, str] = {
    "still_noise": "a still hand under sensor noise of sigma 4: jitter",
    "slow": "a hand that wanders slowly and changes its shape",
    "slow_15fps": "the same kind of walk at 15 fps, a left hand",
    "fast_0.5": "a hand on a circle at 0.5 palm sizes a frame",
    "fast_0.8": "a hand on a circle at 0.8 palm sizes a frame",
    "sweep_15fps": "side to side at 15 fps, up to 0.6 palm sizes a frame",
    "rotation": "a full turn in the picture",
    "turning": "palm to back to palm, through the edge",
    "in_and_out": "a hand comes and goes three times on different sides",
    "occlusion": "a board hides the whole hand for a moment, then a pole passes",
    "two_apart": "two hands, side by side, changing shapes",
    "crossing": "two hands cross twice, one before the other",
    "touching": "two hands meet, stay in contact for a second, part",
    "dark": "a slow walk in the dark, with noise",
    "far": "a hand whose palm is 5 % of the picture's width",
    "near": "a hand that fills the picture",
    "motion_blur": "0.3 palm sizes a frame with the shutter open all the time",
    "gestures": "ten shapes in five seconds",
}
"""What each clip shows."""
