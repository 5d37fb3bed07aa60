"""From a scene to a picture and its truth."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.hand import Handedness
from edgehands.synthetic.anatomy import Bone
from edgehands.synthetic.background import background
from edgehands.synthetic.body import load_mesh, rest_skeleton, skin, spheres
from edgehands.synthetic.raster import rasterise
from edgehands.synthetic.scene import Rendering, Scene, SceneHand
from edgehands.synthetic.sculpt import FINGER_RADII, THUMB_RADII
from edgehands.synthetic.shading import shade
from edgehands.synthetic.skin import look_up, skin_maps, to_linear
from edgehands.synthetic.truth import scene_truth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.synthetic.anatomy import Skeleton
    from edgehands.synthetic.scene import Camera, Lighting, Occluder, Sensor

_MM = 0.001
_PIXEL_BUDGET = 260_000  # supersampled pixels of a hand's box; more costs time and shows nothing
_MAX_SUPERSAMPLING = 3
_BLUR_STEPS = 9
_FREE_EDGE = np.array([0.66, 0.58, 0.50], np.float32)  # a nail's end, linear light


@dataclass(frozen=True, slots=True, eq=False)
class PlacedHand:
    """A hand bent and put before the camera.

    Attributes:
        hand: what was asked for.
        skeleton: its bones, hand millimetres.
        points, normals: (N, 3) float32, camera frame, metres.
        centres, radii: its stand-in balls, camera frame, metres.
    """

    hand: SceneHand
    skeleton: Skeleton
    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    centres: NDArray[np.float32]
    radii: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A part of the picture that lies over the rest.

    Attributes:
        x, y: its top-left corner, image pixels.
        colour: (h, w, 3) float32 linear light, already multiplied by alpha.
        alpha: (h, w) float32.
        depth: (h, w) float32 metres, infinite where nothing is.
        order: metres; nearer layers go over farther ones.
        hand: the index of the hand it shows; -1 for an object.
    """

    x: int
    y: int
    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32]
    order: float
    hand: int

    @property
    def box(self) -> tuple[slice, slice]:
        """Where it lies in the picture."""
        h, w = self.alpha.shape
        return slice(self.y, self.y + h), slice(self.x, self.x + w)


def hand_to_camera(hand: SceneHand) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3, 3) and (3,): hand millimetres of a right hand's model to camera-frame metres.

    ``rotation`` has the palm's y and z as they are; a left hand's model is mirrored in x.
    """
    flip = np.diag([1.0 if hand.handedness is Handedness.RIGHT else -1.0, 1.0, 1.0])
    return hand.rotation @ flip * (_MM * hand.scale), np.array(hand.wrist)


def place(hand: SceneHand) -> PlacedHand:
    """Bend the mesh into the hand's pose and put it where the hand is."""
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
    return u * u * (3 - 2 * u)


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
    """Put nails on the covered pixels, in place."""
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


def draw_hand(
    placed: PlacedHand,
    index: int,
    camera: Camera,
    lighting: Lighting,
    centres: NDArray[np.float32],
    radii: NDArray[np.float32],
) -> Layer | None:
    """One hand as a layer, or None when none of it is in the picture."""
    mesh = load_mesh()
    points = placed.points
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
        mesh.faces,
        shape,
        mirrored=placed.hand.handedness is Handedness.LEFT,
    )
    if len(cover.pixels) == 0:
        return None
    used = np.unique(mesh.faces[np.unique(cover.triangles)])
    light = shade(points[used], placed.normals[used], lighting, centres, radii)
    values = np.zeros((len(points), 9), np.float32)
    values[used, 0:3], values[used, 3] = light.diffuse, light.gloss
    values[:, 4:7] = mesh.vertices
    values[:, 7] = mesh.normals[:, 2]
    values[:, 8] = points[:, 2]
    found = cover.interpolate(mesh.faces, values)

    skin_of = placed.hand.skin
    maps = skin_maps(round(skin_of.tone, 2), skin_of.identity)
    rest = found[:, 4:7]
    palm_side = _smooth(found[:, 7], -0.30, 0.35)[:, None]
    albedo = look_up(maps.palm, rest[:, :2]) * palm_side
    albedo += look_up(maps.back, rest[:, :2]) * (1 - palm_side)
    gloss = found[:, 3:4]
    _paint_nails(albedo, gloss, rest, cover.triangles, maps.nail)
    if skin_of.sleeve is not None:
        cloth = np.flatnonzero(rest[:, 1] < -skin_of.sleeve)
        weave = 1 + 0.05 * np.sin(rest[cloth, 1] * 2.2) * np.sin(rest[cloth, 0] * 2.2)
        hem = 1 - 0.35 * np.exp(-(((rest[cloth, 1] + skin_of.sleeve + 7) / 0.8) ** 2))
        tint = to_linear(np.array(skin_of.cloth, np.float64)).astype(np.float32)
        albedo[cloth] = tint * (weave * hem)[:, None]
        gloss[cloth] *= 0.15
    colour = np.zeros((shape[0] * shape[1], 4), np.float32)
    colour[cover.pixels, :3] = albedo * found[:, :3] + gloss * light.tint
    colour[cover.pixels, 3] = 1.0
    depth = np.full(shape[0] * shape[1], np.inf, np.float32)
    depth[cover.pixels] = found[:, 8]
    picture = colour.reshape(*shape, 4)
    if factor > 1:
        picture = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA)
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


def _part_overlaps(layers: list[Layer]) -> list[Layer]:
    """Where two hands cover a pixel, keep the nearer one: fingers may lie between fingers."""
    out = list(layers)
    for i in range(len(out)):
        for j in range(i + 1, len(out)):
            a, b = out[i], out[j]
            x0, y0 = max(a.x, b.x), max(a.y, b.y)
            x1 = min(a.x + a.alpha.shape[1], b.x + b.alpha.shape[1])
            y1 = min(a.y + a.alpha.shape[0], b.y + b.alpha.shape[0])
            if x1 <= x0 or y1 <= y0:
                continue
            sa = (slice(y0 - a.y, y1 - a.y), slice(x0 - a.x, x1 - a.x))
            sb = (slice(y0 - b.y, y1 - b.y), slice(x0 - b.x, x1 - b.x))
            # The layer that is drawn later covers by itself; only its hidden parts must go.
            far_drawn_last, cut, near = (
                (a, sa, b.depth[sb]) if a.order <= b.order else (b, sb, a.depth[sa])
            )
            behind = far_drawn_last.depth[cut] > near
            far_drawn_last.colour[cut][behind] = 0
            far_drawn_last.alpha[cut][behind] = 0
    return out


def _motion_blur(layer: Layer, hand: SceneHand, camera: Camera, shutter: float) -> Layer:
    """Smear a hand along its way during the shutter's opening."""
    origin = np.array(hand.wrist)
    half = 0.5 * shutter * np.array(hand.velocity)
    start, middle, end = camera.project(np.stack([origin - half, origin, origin + half]))
    travel, turn = end - start, hand.spin * shutter
    h, w = layer.alpha.shape
    reach = float(np.hypot(*travel)) + abs(turn) * 0.6 * max(h, w)
    if reach < 1.0:
        return layer
    pad = int(reach * 0.75) + 2
    x0, y0 = max(layer.x - pad, 0), max(layer.y - pad, 0)
    x1, y1 = min(layer.x + w + pad, camera.width), min(layer.y + h + pad, camera.height)
    size = (x1 - x0, y1 - y0)
    stack = np.dstack([layer.colour, layer.alpha])
    total = np.zeros((size[1], size[0], 4), np.float32)
    pivot = middle - (layer.x, layer.y)
    steps = max(3, min(_BLUR_STEPS, int(reach / 2) + 2))
    for u in np.linspace(-0.5, 0.5, steps):
        c, s = np.cos(turn * u), np.sin(turn * u)
        m = np.array([[c, -s, 0.0], [s, c, 0.0]])
        m[:, 2] = pivot - m[:, :2] @ pivot + travel * u + (layer.x - x0, layer.y - y0)
        total += cv2.warpAffine(stack, m, size, flags=cv2.INTER_LINEAR)
    total /= steps
    depth = cv2.copyMakeBorder(
        layer.depth,
        layer.y - y0,
        y1 - layer.y - h,
        layer.x - x0,
        x1 - layer.x - w,
        cv2.BORDER_CONSTANT,
        value=float("inf"),
    )
    return Layer(
        x0,
        y0,
        np.ascontiguousarray(total[..., :3]),
        np.ascontiguousarray(total[..., 3]),
        np.asarray(depth, np.float32),
        layer.order,
        layer.hand,
    )


def draw_occluder(thing: Occluder, camera: Camera) -> Layer:
    """An object as a layer over the whole picture."""
    h, w = camera.height, camera.width
    mask = np.zeros((h, w), np.uint8)
    (cx, cy), (sx, sy) = thing.centre, thing.size
    if thing.kind == "ball":
        axes = (round(sx * 8), round(sy * 8))
        centre = (round(cx * 16), round(cy * 16))
        cv2.ellipse(mask, centre, axes, thing.angle, 0, 360, 255, -1, cv2.LINE_AA, 4)
    else:
        long = 4.0 * (w + h) if thing.kind == "bar" else sy
        corners = cv2.boxPoints(((cx, cy), (sx, long), thing.angle))
        cv2.fillConvexPoly(mask, np.round(corners * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    alpha = mask.astype(np.float32) / np.float32(255)
    base = to_linear(np.array(thing.colour, np.float64)).astype(np.float32)
    c, s = np.cos(np.radians(thing.angle)), np.sin(np.radians(thing.angle))
    x = (np.arange(w, dtype=np.float32)[None] - cx) * c + (
        np.arange(h, dtype=np.float32)[:, None] - cy
    ) * s
    light = 1.0 - 0.45 * np.clip(np.abs(2 * x / max(sx, 1.0) + 0.3), 0, 1.4) ** 2
    colour = base * (light * alpha)[..., None]
    depth = np.where(alpha > 0.5, np.float32(thing.depth), np.float32(np.inf))
    return Layer(0, 0, colour.astype(np.float32), alpha, depth.astype(np.float32), thing.depth, -1)


def _cast_shadow(canvas: NDArray[np.float32], layer: Layer, palm: float, light: Lighting) -> None:
    """Darken the background where the hand keeps the lamp away."""
    h, w = canvas.shape[:2]
    mask = np.zeros((h, w), np.float32)
    mask[layer.box] = layer.alpha
    small = cv2.resize(mask, (w // 4, h // 4), interpolation=cv2.INTER_AREA)
    dx, dy = light.cast_offset[0] * palm / 4, light.cast_offset[1] * palm / 4
    moved = cv2.warpAffine(small, np.array([[1, 0, dx], [0, 1, dy]]), (w // 4, h // 4))
    moved = cv2.GaussianBlur(moved, (0, 0), max(0.8, 0.10 * palm / 4))
    shade_of = 1 - np.float32(light.cast) * cv2.resize(moved, (w, h))
    canvas *= shade_of[..., None]


@functools.cache
def _curves() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """SRGB byte to linear light, and linear light in 1/65535 to sRGB 0..255."""
    x = np.arange(65536) / 65535.0
    encoded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return to_linear(np.arange(256.0)).astype(np.float32), (255 * encoded).astype(np.float32)


@functools.cache
def _grain() -> NDArray[np.float32]:
    """Two million normal numbers: a picture takes a stretch of them, 4x faster than new ones."""
    return np.random.default_rng(17).standard_normal(2**21, np.float32)


def _noise(seed: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Sensor noise of standard deviation 1 that differs from seed to seed."""
    rng = np.random.default_rng([seed, 13])
    pool, n = _grain(), int(np.prod(shape))
    if n > len(pool) // 2:
        return rng.standard_normal(shape, np.float32)
    start = int(rng.integers(len(pool) - n))
    sign = np.float32(1 - 2 * int(rng.integers(2)))
    return pool[start : start + n].reshape(shape) * sign


def expose(canvas: NDArray[np.float32], sensor: Sensor, seed: int) -> NDArray[np.uint8]:
    """What the camera makes of linear light: blur, exposure, tone curve, noise, compression."""
    if sensor.blur > 0.2:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), sensor.blur), np.float32)
    gain = [65535.0 * sensor.exposure * b for b in sensor.balance]
    index = cv2.multiply(canvas, (*gain, 0.0), dtype=cv2.CV_16U)  # saturates at white
    image = _curves()[1][index]
    if sensor.noise > 0:
        image += _noise(seed, image.shape) * np.float32(sensor.noise)
    out = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    if sensor.jpeg is not None:
        done, coded = cv2.imencode(".jpg", out[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg])
        if done:
            out = np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])
    return out


def render_scene(scene: Scene) -> Rendering:
    """Draw a scene; the same scene gives the same bytes on the same machine."""
    camera = scene.camera
    behind = scene.background
    canvas = _curves()[0][
        background(behind.seed, behind.kind, (camera.width, camera.height), behind.photo)
    ]
    placed = [place(hand) for hand in scene.hands]
    layers: list[Layer] = []
    if placed:
        centres = np.concatenate([p.centres for p in placed])
        radii = np.concatenate([p.radii for p in placed])
        drawn = [
            draw_hand(p, i, camera, scene.lighting, centres, radii) for i, p in enumerate(placed)
        ]
        layers = _part_overlaps([layer for layer in drawn if layer is not None])
    objects = [draw_occluder(thing, camera) for thing in scene.occluders]
    truth = scene_truth(scene, [p.skeleton for p in placed], layers, objects)
    for k, layer in enumerate(layers):
        hand = scene.hands[layer.hand]
        if scene.lighting.cast > 0:
            palm = camera.fx * 0.092 * hand.scale / max(hand.wrist[2], 0.05)
            _cast_shadow(canvas, layer, palm, scene.lighting)
        if scene.sensor.shutter > 0:
            layers[k] = _motion_blur(layer, hand, camera, scene.sensor.shutter)
    for layer in sorted([*layers, *objects], key=lambda part: -part.order):
        under = canvas[layer.box]
        under *= (1 - layer.alpha)[..., None]
        under += layer.colour
    return Rendering(expose(canvas, scene.sensor, scene.seed), truth)
