"""One hand as a layer of the picture: posed, placed, lit, coloured and rasterised."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.hand import Handedness
from edgehands.synthetic.anatomy import Bone
from edgehands.synthetic.body import load_mesh, rest_skeleton, skin, spheres
from edgehands.synthetic.field import FINGER_RADII, THUMB_RADII
from edgehands.synthetic.layers import Layer
from edgehands.synthetic.raster import Coverage, rasterise
from edgehands.synthetic.shading import shade
from edgehands.synthetic.skin import look_up, skin_maps, to_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.synthetic.anatomy import Skeleton
    from edgehands.synthetic.scene import Camera, Lighting, SceneHand, Skin

_MM = 0.001
_PIXEL_BUDGET = 260_000  # supersampled pixels of a hand's box; more costs time for no visible gain
_MAX_SUPERSAMPLING = 3
_FREE_EDGE = np.array([0.66, 0.58, 0.50], np.float32)  # a nail's end, linear light


@dataclass(frozen=True, slots=True, eq=False)
class PlacedHand:
    """A hand posed and placed in front of the camera.

    Attributes:
        hand: the requested hand.
        skeleton: its bones, hand millimetres.
        points, normals: (N, 3) float32, camera frame, metres.
        centres, radii: the balls that approximate it, camera frame, metres.
    """

    hand: SceneHand
    skeleton: Skeleton
    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    centres: NDArray[np.float32]
    radii: NDArray[np.float32]


def hand_to_camera(hand: SceneHand) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3, 3) and (3,): hand millimetres of a right hand's model to camera-frame metres.

    ``rotation`` has the palm's true y and z; a left hand's model is mirrored in x.
    """
    flip = np.diag([1.0 if hand.handedness is Handedness.RIGHT else -1.0, 1.0, 1.0])
    return hand.rotation @ flip * (_MM * hand.scale), np.array(hand.wrist)


def place(hand: SceneHand) -> PlacedHand:
    """Pose the mesh and place it at the hand's position."""
    matrix, origin = hand_to_camera(hand)
    vertices, normals, skeleton = skin(hand.pose)
    if hand.skin.sleeve is not None:
        rest = load_mesh().vertices
        over = np.clip((-hand.skin.sleeve - rest[:, 1]) / 4.0, 0, 1)
        folds = 1.2 * np.sin(rest[:, 1] / 9.0 + 1.7 * np.sin(rest[:, 0] / 17.0))
        vertices = vertices + normals * (over * (6.0 + folds))[:, None]
    balls = spheres(skeleton)
    turn = matrix / (_MM * hand.scale)
    return PlacedHand(
        hand,
        skeleton,
        (vertices @ matrix.T + origin).astype(np.float32),
        (normals @ turn.T).astype(np.float32),
        (balls.centres @ matrix.T + origin).astype(np.float32),
        (balls.radii * _MM * hand.scale).astype(np.float32),
    )


@functools.cache
def _nail_frames() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """For the five end bones: origin (5, 3), axes (5, 3, 3), [length, half width] (5, 2)."""
    s = rest_skeleton()
    bones = [Bone.THUMB_DP, Bone.INDEX_DP, Bone.MIDDLE_DP, Bone.RING_DP, Bone.PINKY_DP]
    size = [(27.0, THUMB_RADII[5])] + [(22.0, float(r[5])) for r in FINGER_RADII]
    size[4] = (20.0, size[4][1])
    return (
        s.origins[bones].astype(np.float32),
        s.rotations[bones].astype(np.float32),
        np.array(size, np.float32),
    )


def _smooth(t: NDArray[np.float32], lo: float, hi: float) -> NDArray[np.float32]:
    u = np.clip((t - lo) / (hi - lo), 0, 1)
    return np.asarray(u * u * (3 - 2 * u))


@functools.cache
def _end_bone() -> NDArray[np.int8]:
    """(M,) which end bone (0 thumb - 4 little finger) a triangle belongs to, -1: none."""
    mesh = load_mesh()
    bone = mesh.bones[mesh.faces[:, 0], 0]
    out = np.full(len(bone), -1, np.int8)
    for k in range(5):
        out[bone == (Bone.THUMB_DP if k == 0 else Bone.INDEX_DP + 3 * (k - 1))] = k
    return out


def _paint_nails(
    albedo: NDArray[np.float32],
    gloss: NDArray[np.float32],
    rest: NDArray[np.float32],
    triangles: NDArray[np.int32],
    nail_colour: NDArray[np.float32],
) -> None:
    """Draw nails on the covered pixels, in place."""
    origin, axes, size = _nail_frames()
    ends = _end_bone()[triangles]
    for k in range(5):
        near = np.flatnonzero(ends == k)
        if len(near) == 0:
            continue
        length, half = float(size[k, 0]), float(size[k, 1])
        local = (rest[near] - origin[k]) @ axes[k]
        x, y, z = local[:, 0] / half, local[:, 1] / length, local[:, 2] / half
        # A rounded rectangle: straight sides, round cuticle, round free edge.
        top = 0.93 - 0.10 * x * x
        root = 0.44 + 0.13 * x * x
        inside = _smooth(0.74 - np.abs(x), 0.0, 0.10) * _smooth(y, root - 0.03, root + 0.03)
        inside = inside * _smooth(top - y, -0.02, 0.02) * _smooth(-z, 0.12, 0.30)
        edge = 4 * inside * (1 - inside)
        moon = inside * _smooth(root + 0.13 - y, 0.0, 0.05) * 0.35
        tip = inside * _smooth(y, top - 0.075, top - 0.045) * 0.75
        colour = nail_colour * (1 + 0.28 * moon[:, None])
        colour = colour + (_FREE_EDGE - colour) * (0.6 * tip)[:, None]
        blend = (0.85 * inside)[:, None]
        albedo[near] = (albedo[near] * (1 - blend) + colour * blend) * (1 - 0.30 * edge)[:, None]
        gloss[near] *= (1 + 1.6 * inside)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """The surroundings that affect how a hand is drawn.

    Attributes:
        camera, lighting: the scene's.
        centres, radii: the balls that approximate all hands, camera frame, metres.
    """

    camera: Camera
    lighting: Lighting
    centres: NDArray[np.float32]
    radii: NDArray[np.float32]


def surroundings(camera: Camera, lighting: Lighting, hands: list[PlacedHand]) -> Surroundings:
    """A scene's light and everything that may block it."""
    return Surroundings(
        camera,
        lighting,
        np.concatenate([p.centres for p in hands]),
        np.concatenate([p.radii for p in hands]),
    )


def _dress(
    albedo: NDArray[np.float32],
    gloss: NDArray[np.float32],
    rest: NDArray[np.float32],
    skin_of: Skin,
) -> None:
    """Draw the sleeve on the covered pixels, in place."""
    if skin_of.sleeve is None:
        return
    cloth = np.flatnonzero(rest[:, 1] < -skin_of.sleeve)
    weave = 1 + 0.05 * np.sin(rest[cloth, 1] * 2.2) * np.sin(rest[cloth, 0] * 2.2)
    hem = 1 - 0.35 * np.exp(-(((rest[cloth, 1] + skin_of.sleeve + 7) / 0.8) ** 2))
    tint = to_linear(np.array(skin_of.cloth, np.float64)).astype(np.float32)
    albedo[cloth] = tint * (weave * hem)[:, None]
    gloss[cloth] *= 0.15


def _colours(
    placed: PlacedHand, cover: Coverage, around: Surroundings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear light (P, 3) and depth (P,) of the covered pixels."""
    mesh, points = load_mesh(), placed.points
    shown = np.zeros(len(mesh.faces), bool)
    shown[cover.triangles] = True
    lit = np.zeros(len(points), bool)
    lit[mesh.faces[shown]] = True
    used = np.flatnonzero(lit)
    light = shade(points[used], placed.normals[used], around.lighting, around.centres, around.radii)
    values = np.zeros((len(points), 9), np.float32)
    values[used, 0:3], values[used, 3] = light.diffuse, light.gloss
    values[:, 4:7] = mesh.vertices
    values[:, 7] = mesh.normals[:, 2]
    values[:, 8] = points[:, 2]
    found = cover.interpolate(mesh.faces, values)

    maps = skin_maps(round(placed.hand.skin.tone, 2), placed.hand.skin.identity)
    gloss, rest = found[:, 3:4], found[:, 4:7]
    palm_side = _smooth(found[:, 7], -0.30, 0.35)[:, None]
    albedo = look_up(maps.palm, rest[:, :2]) * palm_side
    albedo += look_up(maps.back, rest[:, :2]) * (1 - palm_side)
    _paint_nails(albedo, gloss, rest, cover.triangles, maps.nail)
    _dress(albedo, gloss, rest, placed.hand.skin)
    return albedo * found[:, :3] + gloss * light.tint, found[:, 8]


def draw_hand(placed: PlacedHand, index: int, around: Surroundings) -> Layer | None:
    """One hand as a layer; None when it is entirely outside the picture."""
    camera, points = around.camera, placed.points
    ahead = points[:, 2] > 0.02
    if not ahead.any():
        return None
    xy = camera.project(points.astype(np.float64))
    lo = np.floor(xy[ahead].min(0) - 2).astype(int).clip(0, (camera.width, camera.height))
    hi = np.ceil(xy[ahead].max(0) + 2).astype(int).clip(0, (camera.width, camera.height))
    w, h = (hi - lo).tolist()
    if w <= 0 or h <= 0:
        return None
    factor = int(np.clip((_PIXEL_BUDGET / (w * h)) ** 0.5, 1, _MAX_SUPERSAMPLING))
    shape = (h * factor, w * factor)
    cover = rasterise(
        (xy - lo) * factor,
        np.where(ahead, points[:, 2], -1.0),
        load_mesh().faces,
        shape,
        mirrored=placed.hand.handedness is Handedness.LEFT,
    )
    if len(cover.pixels) == 0:
        return None
    colour = np.zeros((shape[0] * shape[1], 4), np.float32)
    depth = np.full(shape[0] * shape[1], np.inf, np.float32)
    colour[cover.pixels, :3], depth[cover.pixels] = _colours(placed, cover, around)
    colour[cover.pixels, 3] = 1.0
    picture = colour.reshape(*shape, 4)
    if factor > 1:
        picture = np.asarray(cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA), np.float32)
        depth = depth.reshape(h, factor, w, factor).min(axis=(1, 3))
    return Layer(
        int(lo[0]),
        int(lo[1]),
        np.ascontiguousarray(picture[..., :3]),
        np.ascontiguousarray(picture[..., 3]),
        depth.reshape(h, w),
        float(placed.hand.wrist[2]),
        index,
    )
