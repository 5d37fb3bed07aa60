"""Moving hands: key frames, smooth paths between them, contact of two hands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from edgehands.synthetic.anatomy import pose_skeleton
from edgehands.synthetic.body import Spheres, spheres
from edgehands.synthetic.poses import blend, depth_of_contact, named_pose
from edgehands.synthetic.sample import orient
from edgehands.synthetic.scene import SceneHand, Skin
from edgehands.synthetic.truth import to_camera

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import Handedness
    from edgehands.synthetic.anatomy import HandPose
    from edgehands.synthetic.scene import Camera

_ANCHOR = np.array([0.0, 46.0, 3.0])  # the palm's centre, hand millimetres
_PALM_M = 0.092  # wrist to middle MCP of the unscaled hand, metres


@dataclass(frozen=True, slots=True)
class Place:
    """A hand's position and orientation.

    Attributes:
        x, y: the palm's centre as a share of the picture's width and height.
        palm: wrist to middle MCP as a share of the picture's height, when facing the camera.
        yaw: degrees; 0 shows the palm, 180 the back.
        pitch: degrees the fingers lean towards (+) or away from the camera.
        roll: degrees clockwise in the picture.
    """

    x: float = 0.5
    y: float = 0.55
    palm: float = 0.2
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    def to_vector(self) -> NDArray[np.float64]:
        """(6,) the attributes in their order."""
        return np.array([self.x, self.y, self.palm, self.yaw, self.pitch, self.roll])


@dataclass(frozen=True, slots=True)
class Key:
    """A key frame of a film.

    Attributes:
        t: seconds.
        place: the hand's place at that time.
        gesture: the shape from then on; None: unchanged.
    """

    t: float
    place: Place
    gesture: str | None = None


def put_palm(hand: SceneHand, camera: Camera, place: Place) -> SceneHand:
    """Place a hand so that its palm's centre appears at a place, in that orientation."""
    rotation = orient(place.yaw, place.pitch, place.roll)
    z = camera.fx * _PALM_M * hand.scale / (place.palm * camera.height)
    x = (place.x * camera.width - camera.cx) * z / camera.fx
    y = (place.y * camera.height - camera.cy) * z / camera.fy
    turned = replace(hand, rotation=rotation, wrist=(0.0, 0.0, 0.0))
    offset = to_camera(turned, _ANCHOR[None])[0]
    wrist = np.array([x, y, z]) - offset
    return replace(turned, wrist=(float(wrist[0]), float(wrist[1]), float(wrist[2])))


def smooth_between(
    t: float, times: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A smooth path through values (K, C) at times (K,).

    A monotone cubic (Fritsch and Carlson 1980): it never overshoots, and is constant between equal
    neighbours.
    """
    if t <= times[0]:
        return np.asarray(values[0])
    if t >= times[-1]:
        return np.asarray(values[-1])
    i = int(np.searchsorted(times, t, side="right")) - 1
    step = np.diff(times)
    rate = np.diff(values, axis=0) / step[:, None]
    slope = np.zeros_like(values)
    same = rate[:-1] * rate[1:] > 0
    w1, w2 = (2 * step[1:] + step[:-1])[:, None], (step[1:] + 2 * step[:-1])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = (w1 + w2) / (w1 / rate[:-1] + w2 / rate[1:])
    slope[1:-1] = np.where(same, harmonic, 0.0)
    h = float(step[i])
    u = (t - float(times[i])) / h
    a, b = values[i], values[i + 1]
    da, db = slope[i] * h, slope[i + 1] * h
    return np.asarray(
        a * (2 * u**3 - 3 * u**2 + 1)
        + da * (u**3 - 2 * u**2 + u)
        + b * (3 * u**2 - 2 * u**3)
        + db * (u**3 - u**2)
    )


_SOMEBODY = Skin()


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """A hand with a script.

    Attributes:
        handedness, skin, scale: of the person.
        keys: its key frames in order of time; the first one has a gesture.
        change: seconds that a change of shape takes.
        sway: amplitude of a real hand's small movements (1 = usual, 0 = none).
        phase: makes two actors sway differently.
    """

    handedness: Handedness
    keys: tuple[Key, ...]
    skin: Skin = _SOMEBODY
    scale: float = 1.0
    change: float = 0.4
    sway: float = 1.0
    phase: float = 0.0

    def shape_at(self, t: float) -> tuple[str, HandPose]:
        """The gesture's name and the pose at a time; the name changes halfway."""
        name = self.keys[0].gesture or "relaxed"
        pose = named_pose(name)
        for key in self.keys[1:]:
            if key.t > t or key.gesture is None:
                continue
            u = min((t - key.t) / self.change, 1.0)
            u = u * u * (3 - 2 * u)
            pose = blend(pose, named_pose(key.gesture), u)
            name = key.gesture if u >= 0.5 else name
        if self.sway:
            v = pose.to_vector()
            beat = np.sin(t * np.array([1.3, 1.7, 2.1, 1.1, 1.9]) + self.phase)
            for finger in range(4):
                v[6 + 4 * finger : 9 + 4 * finger] += 1.5 * self.sway * beat[finger]
            pose = type(pose).from_vector(v)
        return name, pose

    def place_at(self, t: float) -> Place:
        """Its place at a time."""
        times = np.array([k.t for k in self.keys])
        v = smooth_between(t, times, np.array([k.place.to_vector() for k in self.keys]))
        if self.sway:
            p = self.phase
            v = v + self.sway * np.array(
                [
                    0.003 * np.sin(1.9 * t + p),
                    0.004 * np.sin(1.4 * t + 2 * p),
                    0.001 * np.sin(1.1 * t + p),
                    1.6 * np.sin(0.9 * t + p),
                    1.3 * np.sin(1.2 * t + 3 * p),
                    1.1 * np.sin(1.6 * t + p),
                ]
            )
        return Place(*(float(x) for x in v))

    def hand_at(self, t: float, camera: Camera) -> SceneHand:
        """The hand at a time, with its velocity."""
        name, pose = self.shape_at(t)
        empty = SceneHand(
            self.handedness, name, pose, np.eye(3), (0.0, 0.0, 1.0), self.scale, self.skin
        )
        place, dt = self.place_at(t), 1 / 120
        before, after = self.place_at(t - dt), self.place_at(t + dt)
        hand = put_palm(empty, camera, place)
        speed = (_palm_at(empty, camera, after) - _palm_at(empty, camera, before)) / (2 * dt)
        spin = float(np.radians(after.roll - before.roll)) / (2 * dt)
        return replace(
            hand, velocity=(float(speed[0]), float(speed[1]), float(speed[2])), spin=spin
        )


def _palm_at(hand: SceneHand, camera: Camera, place: Place) -> NDArray[np.float64]:
    """(3,) the palm's centre in the camera frame."""
    return np.asarray(to_camera(put_palm(hand, camera, place), _ANCHOR[None])[0])


def _balls(hand: SceneHand) -> Spheres:
    """The balls that approximate a hand, in the camera frame, millimetres."""
    made = spheres(pose_skeleton(hand.pose))
    return Spheres(to_camera(hand, made.centres) * 1000.0, made.radii * hand.scale, made.part)


def keep_apart(
    first: SceneHand, second: SceneHand, press: float = 1.0
) -> tuple[SceneHand, SceneHand]:
    """Two hands, moved apart along the picture's x until they just touch.

    ``press``: millimetres that flesh may be compressed.
    """
    a, b = _balls(first), _balls(second)
    if depth_of_contact(a, b) <= press:
        return first, second
    sign = 1.0 if first.wrist[0] > second.wrist[0] else -1.0
    low, high = 0.0, 200.0
    for _ in range(16):
        middle = (low + high) / 2
        moved = Spheres(a.centres + np.array([sign * middle, 0.0, 0.0]), a.radii, a.part)
        low, high = (middle, high) if depth_of_contact(moved, b) > press else (low, middle)
    half = sign * high / 2000.0
    return (
        replace(first, wrist=(first.wrist[0] + half, *first.wrist[1:])),
        replace(second, wrist=(second.wrist[0] - half, *second.wrist[1:])),
    )
