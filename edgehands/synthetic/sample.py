"""Random scenes from a seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from edgehands.errors import UsageError
from edgehands.hand import Handedness
from edgehands.synthetic.anatomy import pose_skeleton, rot_x, rot_y, rot_z
from edgehands.synthetic.background import KINDS
from edgehands.synthetic.poses import NAMES, named_pose
from edgehands.synthetic.scene import (
    Background,
    Camera,
    Lighting,
    Occluder,
    Scene,
    SceneHand,
    Sensor,
    Skin,
)
from edgehands.synthetic.truth import to_camera

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.synthetic.anatomy import HandPose

View = Literal["palm", "back", "any"]
Difficulty = Literal["fair", "hard"]

FACING = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
"""Rotation of a hand with its palm towards the camera, fingers up."""

_PALM_MM = 92.0  # wrist to middle MCP of the unscaled hand
# In-plane rotation of each shape (degrees, clockwise, for a right hand's palm).
_USUAL_ROLL = {"thumbs_up": -62.0, "thumbs_down": 118.0, "call": -25.0}


def orient(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """(3, 3) a palm's axes in the camera frame.

    Args:
        yaw: degrees about the vertical; 0 shows the palm, 180 the back.
        pitch: degrees the fingers lean towards (+) or away from the camera.
        roll: degrees clockwise in the picture.
    """
    return np.asarray(rot_z(roll) @ rot_x(pitch) @ rot_y(yaw) @ FACING)


def place_in_picture(
    hand: SceneHand,
    camera: Camera,
    centre: tuple[float, float],
    palm_px: float,
) -> SceneHand:
    """Place a hand so that the centre of its joints' bounding box is at ``centre`` (pixels).

    ``palm_px`` is the size of the palm (wrist to middle MCP) when facing the camera.
    """
    z = camera.fx * _PALM_MM * 0.001 * hand.scale / palm_px
    joints = pose_skeleton(hand.pose).joints
    for _ in range(3):
        xy = camera.project(to_camera(hand, joints))
        if hand.wrist[2] != z:
            hand = replace(hand, wrist=(0.0, 0.0, z))
            continue
        middle = (xy.min(0) + xy.max(0)) / 2
        shift = (np.array(centre) - middle) * z / camera.fx
        hand = replace(
            hand, wrist=(hand.wrist[0] + float(shift[0]), hand.wrist[1] + float(shift[1]), z)
        )
    return hand


def _pick_view(view: View, rng: np.random.Generator) -> float:
    if view == "any":
        return 0.0 if rng.random() < 0.6 else 180.0
    return 0.0 if view == "palm" else 180.0


def _rotation(
    gesture: str, side: Handedness, view: View, rng: np.random.Generator, *, hard: bool
) -> NDArray[np.float64]:
    facing = _pick_view(view, rng)
    spread = (26.0, 17.0, 55.0) if hard else (15.0, 11.0, 17.0)
    limit = (55.0, 36.0, 180.0) if hard else (34.0, 24.0, 40.0)
    yaw, pitch, roll = (
        float(np.clip(rng.normal(0, s), -m, m)) for s, m in zip(spread, limit, strict=True)
    )
    usual = _USUAL_ROLL.get(gesture, 0.0)
    # Seen from the back, or for the other hand, the picture is mirrored.
    mirror = (1 if side is Handedness.RIGHT else -1) * (1 if facing == 0.0 else -1)
    if usual:
        roll *= 0.6
    return orient(facing + yaw, pitch, roll + usual * mirror)


def random_skin(rng: np.random.Generator, tone: float | None = None) -> Skin:
    """A person: a tone from the whole range, one of 12 line patterns, often a sleeve."""
    cloth = rng.uniform(15, 220) + rng.normal(0, 25, 3)
    return Skin(
        tone=float(rng.uniform(0, 9)) if tone is None else float(tone),
        identity=int(rng.integers(12)),
        sleeve=float(rng.uniform(25, 170)) if rng.random() < 0.6 else None,
        cloth=tuple(int(v) for v in np.clip(cloth, 5, 250)),  # type: ignore[arg-type]
    )


def random_lighting(rng: np.random.Generator, *, hard: bool) -> Lighting:
    """A lamp above or beside the camera; when hard, further to the side, less ambient light."""
    side = float(rng.normal(0, 0.9 if hard else 0.55))
    up = float(rng.uniform(-0.2 if hard else 0.1, 1.2))
    direction = np.array([side, -up, -1.0 if not hard else rng.uniform(-1.0, 0.3)])
    direction /= np.linalg.norm(direction)
    warm = float(rng.normal(0, 0.07))
    fill = float(rng.uniform(0.18, 0.5) if hard else rng.uniform(0.38, 0.62))
    key = float(rng.uniform(0.55, 1.15) if hard else rng.uniform(0.6, 0.85))
    return Lighting(
        direction=(float(direction[0]), float(direction[1]), float(direction[2])),
        key=(key * (1 + warm), key, key * (1 - warm)),
        sky=(fill * (1 - 0.5 * warm), fill, fill * (1.06 + warm)),
        ground=(fill * 0.55, fill * 0.52, fill * 0.5),
        cast=float(rng.uniform(0.15, 0.6)) if rng.random() < 0.5 else 0.0,
        cast_offset=(-side * 0.5, 0.15 + 0.4 * max(up, 0.0)),
    )


def random_sensor(rng: np.random.Generator, *, hard: bool) -> Sensor:
    """A decent webcam, or (hard) one in poor light."""
    if hard:
        return Sensor(
            exposure=float(np.exp(rng.normal(-0.25, 0.4))),
            balance=tuple(float(v) for v in np.exp(rng.normal(0, 0.08, 3))),  # type: ignore[arg-type]
            noise=float(rng.uniform(1, 10)),
            blur=float(rng.uniform(0.4, 1.5)),
            shutter=1 / 40,
            jpeg=int(rng.integers(45, 95)),
        )
    return Sensor(
        exposure=float(np.exp(rng.normal(0, 0.14))),
        balance=tuple(float(v) for v in np.exp(rng.normal(0, 0.03, 3))),  # type: ignore[arg-type]
        noise=float(rng.uniform(0, 4)),
        blur=float(rng.uniform(0.35, 0.9)),
        jpeg=int(rng.integers(75, 97)) if rng.random() < 0.6 else None,
    )


def _background(rng: np.random.Generator, photos: Sequence[Path]) -> Background:
    seed = int(rng.integers(2**31))
    if photos and rng.random() < 0.7:
        return Background("photo", seed, photos[int(rng.integers(len(photos)))])
    weights = np.array([1.0, 1.0, 1.2, 0.7, 1.0, 3.0])
    kind = KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]
    return Background(kind, seed)


def _centre(
    hand: SceneHand,
    camera: Camera,
    palm_px: float,
    area: tuple[float, float, float, float],
    rng: np.random.Generator,
) -> SceneHand:
    """Place a hand anywhere within an area (x0, y0, x1, y1), entirely inside."""
    middle = ((area[0] + area[2]) / 2, (area[1] + area[3]) / 2)
    joints = pose_skeleton(hand.pose).joints
    while True:
        placed = place_in_picture(hand, camera, middle, palm_px)
        xy = camera.project(to_camera(placed, joints))
        half = (xy.max(0) - xy.min(0)) / 2 + 0.12 * palm_px
        room = np.array([area[2] - area[0], area[3] - area[1]]) / 2 - half
        if (room >= 0).all() or palm_px < 20:
            break
        palm_px *= 0.9
    shift = rng.uniform(-1, 1, 2) * np.maximum(room, 0) * 0.9
    return place_in_picture(
        hand, camera, (middle[0] + float(shift[0]), middle[1] + float(shift[1])), palm_px
    )


def _random_occluder(hand: SceneHand, camera: Camera, rng: np.random.Generator) -> Occluder:
    """An object that hides part of the hand: a finger or two, or a corner of the palm."""
    xy = camera.project(to_camera(hand, pose_skeleton(hand.pose).joints))
    palm = float(np.linalg.norm(xy[9] - xy[0]))
    centre = xy[int(rng.integers(3, 21))] + rng.normal(0, 0.3, 2) * palm
    colour = tuple(int(v) for v in rng.uniform(10, 240, 3))
    kind = ("bar", "card", "ball")[int(rng.integers(3))]
    size = palm * rng.uniform(0.25, 0.55, 2)
    return Occluder(
        kind,  # type: ignore[arg-type]
        (float(centre[0]), float(centre[1])),
        (float(size[0] * (0.5 if kind == "bar" else 1.0)), float(size[1])),
        float(rng.uniform(0, 180)),
        hand.wrist[2] * 0.6,
        colour,  # type: ignore[arg-type]
    )


def random_scene(  # noqa: PLR0913 - every argument has a name and a default
    seed: int,
    *,
    hands: int = 1,
    gesture: str | None = None,
    handedness: Handedness | None = None,
    tone: float | None = None,
    view: View = "any",
    difficulty: Difficulty = "fair",
    size: tuple[int, int] = (640, 480),
    photos: Sequence[Path] = (),
    variation: float = 1.0,
) -> Scene:
    """A still scene; the same arguments give the same scene.

    Args:
        seed: of everything that isn't given.
        hands: 0, 1 or 2; two are a left and a right one, side by side.
        gesture: one of ``poses.NAMES``; None = any.
        handedness: of the first hand; None = either.
        tone: skin tone 0 (very light) to 9 (very dark); None = any.
        view: which side of the hand the camera sees, within about 35 degrees (55 when hard).
        difficulty: ``fair``: good light, whole hands of 14-30 % of the picture's height from
            wrist to middle knuckle, upright within 40 degrees. ``hard``: any turn in the picture,
            poor or coloured light, noise, blur, small or near hands, objects in front, motion.
        size: width and height in pixels.
        photos: photographs for backgrounds (70 % of the scenes then use one).
        variation: how far a hand's angles deviate from the named shape; 0 = not at all.

    Raises:
        UsageError: an argument outside its range.
    """
    if hands not in (0, 1, 2):
        raise UsageError(f"hands {hands}: out of range; give 0, 1 or 2")
    if gesture is not None and gesture not in NAMES:
        raise UsageError(f"gesture {gesture!r}: unknown shape; give one of {', '.join(NAMES)}")
    if tone is not None and not 0 <= tone <= 9:
        raise UsageError(f"tone {tone}: out of range; give 0 (very light) to 9 (very dark)")
    if difficulty not in ("fair", "hard") or view not in ("palm", "back", "any"):
        raise UsageError(
            f"difficulty {difficulty!r}, view {view!r}: give fair or hard, and palm, back or any"
        )
    if min(size) < 64:
        raise UsageError(f"size {size[0]}x{size[1]}: too small; give at least 64x64 pixels")
    hard = difficulty == "hard"
    rng = np.random.default_rng([seed, hands, int(hard)])
    camera = Camera.of(*size, fov=float(rng.uniform(48, 72)))
    lighting, sensor = random_lighting(rng, hard=hard), random_sensor(rng, hard=hard)
    behind = _background(rng, photos)
    first = handedness or (Handedness.RIGHT, Handedness.LEFT)[int(rng.integers(2))]
    person = random_skin(rng, tone)
    made: list[SceneHand] = []
    occluders: tuple[Occluder, ...] = ()
    w, h = size
    for i in range(hands):
        side = first if i == 0 else next(s for s in Handedness if s is not first)
        name = gesture or NAMES[int(rng.integers(len(NAMES)))]
        shape: HandPose = named_pose(name, None if variation == 0 else rng)
        hand = SceneHand(
            side,
            name,
            shape,
            _rotation(name, side, view, rng, hard=hard),
            (0.0, 0.0, 0.5),
            scale=float(rng.uniform(0.84, 1.12)),
            skin=person,
        )
        share = rng.uniform(0.10, 0.36) if hard else rng.uniform(0.14, 0.30)
        area = (0.02 * w, 0.02 * h, 0.98 * w, 0.98 * h)
        if hands == 2:
            share *= 0.75
            # In an unmirrored picture a person's right hand is on the left.
            left_half = side is Handedness.RIGHT
            area = (
                (0.02 * w, 0.02 * h, 0.5 * w, 0.98 * h)
                if left_half
                else (0.5 * w, 0.02 * h, 0.98 * w, 0.98 * h)
            )
        hand = _centre(hand, camera, float(share) * h, area, rng)
        if hard:
            speed = rng.normal(0, 0.25, 3) * hand.wrist[2]
            hand = replace(hand, velocity=(float(speed[0]), float(speed[1]), 0.0))
            if rng.random() < 0.25:
                occluders = (*occluders, _random_occluder(hand, camera, rng))
        made.append(hand)
    return Scene(seed, camera, tuple(made), behind, lighting, occluders, sensor)
