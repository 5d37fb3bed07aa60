"""The contents of a picture and the truth about it: frozen values, metres, camera frame.

*Camera frame*: x to the right, y down, z away from the camera, metres. *Image pixels*: x to the
right, y down, the centre of the top-left pixel at (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.hand import Handedness
    from edgehands.synthetic.anatomy import HandPose

BackgroundKind = Literal["plain", "gradient", "shapes", "noise", "stripes", "room", "photo"]
OccluderKind = Literal["bar", "card", "ball"]

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera: u = fx x / z + cx, v = fy y / z + cy (pixels)."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @staticmethod
    def of(width: int, height: int, fov: float = 60.0) -> Camera:
        """A camera with square pixels and a horizontal field of view in degrees."""
        f = width / 2 / float(np.tan(np.radians(fov / 2)))
        return Camera(width, height, f, f, width / 2, height / 2)

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 2) image pixels of (N, 3) camera-frame points."""
        z = np.maximum(points[:, 2], 1e-6)
        return np.stack(
            [self.fx * points[:, 0] / z + self.cx, self.fy * points[:, 1] / z + self.cy], axis=1
        )


@dataclass(frozen=True, slots=True)
class Skin:
    """The appearance of a hand's surface.

    Attributes:
        tone: 0 (very light) to 9 (very dark).
        identity: seed of lines, spots, veins.
        sleeve: millimetres from the wrist at which a sleeve begins; None = bare arm.
        cloth: sRGB colour of the sleeve.
    """

    tone: float = 3.0
    identity: int = 0
    sleeve: float | None = None
    cloth: tuple[int, int, int] = (70, 90, 120)


@dataclass(frozen=True, slots=True, eq=False)
class SceneHand:
    """One hand in a scene.

    Attributes:
        handedness: of the person.
        gesture: the name of the pose it was made from.
        pose: its joint angles.
        rotation: (3, 3) columns are the palm's axes in the camera frame: for both hands
            y towards the fingers, z out of the palm; x is their cross product.
        wrist: camera-frame metres.
        scale: 1 = a hand of 190 mm.
        skin: how it looks.
        velocity: metres per second, for motion blur.
        spin: radians per second about the viewing axis (clockwise on screen), for motion blur.
    """

    handedness: Handedness
    gesture: str
    pose: HandPose
    rotation: NDArray[np.float64]
    wrist: Vector
    scale: float = 1.0
    skin: Skin = Skin()
    velocity: Vector = (0.0, 0.0, 0.0)
    spin: float = 0.0


@dataclass(frozen=True, slots=True)
class Lighting:
    """One soft lamp and ambient light; linear RGB.

    Attributes:
        direction: from the hand to the lamp, camera frame, unit length.
        key: colour times intensity of the lamp.
        sky, ground: light from above and from below.
        cast: how dark the hand's shadow on the background is, 0..1.
        cast_offset: the shadow's shift in palm sizes (x, y).
    """

    direction: Vector = (-0.4, -0.6, -0.7)
    key: Vector = (0.75, 0.73, 0.70)
    sky: Vector = (0.38, 0.40, 0.44)
    ground: Vector = (0.20, 0.19, 0.18)
    cast: float = 0.0
    cast_offset: tuple[float, float] = (0.35, 0.45)


@dataclass(frozen=True, slots=True)
class Background:
    """The background behind the hands: a kind and a seed, or a photograph."""

    kind: BackgroundKind = "plain"
    seed: int = 0
    photo: Path | None = None


@dataclass(frozen=True, slots=True)
class Occluder:
    """An object in front of (or between) the hands, drawn flat.

    Attributes:
        kind: ``bar`` (across the whole picture), ``card`` or ``ball``.
        centre: image pixels.
        size: full width and height, pixels.
        angle: degrees, clockwise on the screen.
        depth: metres; it hides hands whose wrist is further away.
        colour: sRGB.
    """

    kind: OccluderKind
    centre: tuple[float, float]
    size: tuple[float, float]
    angle: float = 0.0
    depth: float = 0.1
    colour: tuple[int, int, int] = (90, 110, 80)


@dataclass(frozen=True, slots=True)
class Sensor:
    """The effects of lens and sensor on the picture.

    Attributes:
        exposure: factor on all light.
        balance: factors on red, green, blue.
        noise: standard deviation of the noise, of 255.
        blur: sigma of the lens's blur, pixels.
        shutter: seconds; with a hand's velocity this makes motion blur.
        jpeg: quality of a JPEG round trip, or None.
    """

    exposure: float = 1.0
    balance: Vector = (1.0, 1.0, 1.0)
    noise: float = 0.0
    blur: float = 0.45
    shutter: float = 0.0
    jpeg: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that makes one picture.

    Attributes:
        seed: for the noise.
        camera, hands, background, lighting, occluders, sensor: its parts.
        t: seconds since the clip began; 0 for stills.
    """

    seed: int
    camera: Camera
    hands: tuple[SceneHand, ...] = ()
    background: Background = Background()
    lighting: Lighting = Lighting()
    occluders: tuple[Occluder, ...] = ()
    sensor: Sensor = field(default_factory=Sensor)
    t: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """The 21 points of a hand by one definition of its joints.

    Attributes:
        image: (21, 2) image pixels.
        camera: (21, 3) metres, camera frame.
        world: (21, 3) metres, axes as in the camera frame, origin at the middle finger's knuckle:
            MediaPipe calls its origin "the hand's geometric centre"; measured over 200
            hands it lies there within 3 mm (and 9-16 mm from the mean of the 21 points).
    """

    image: NDArray[np.float64]
    camera: NDArray[np.float64]
    world: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class HandTruth:
    """The truth about one hand of a picture.

    Attributes:
        index: which hand of the scene; a clip's hands keep theirs.
        handedness, gesture, pose: as in the scene. ``gesture`` is ``none`` for ``relaxed`` and
            ``random`` shapes.
        anatomical: joint centres and finger tips of the skeleton.
        mediapipe: the same hand by MediaPipe's definition of its landmarks (fitted offsets).
        in_image: (21,) the point is inside the picture.
        visible: (21,) inside, and neither an object, another hand nor the hand itself hides it.
        shown: share of the points that are inside and hidden by no object or other hand.
        rotation: (3, 3) the palm's axes in the camera frame (see :class:`SceneHand`).
        palm_size: wrist to middle MCP by MediaPipe's definition, pixels.
    """

    index: int
    handedness: Handedness
    gesture: str
    pose: HandPose
    anatomical: Keypoints
    mediapipe: Keypoints
    in_image: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    shown: float
    rotation: NDArray[np.float64]
    palm_size: float


@dataclass(frozen=True, slots=True, eq=False)
class SceneTruth:
    """The truth about one picture.

    Attributes:
        seed, t, camera: as in the scene.
        hands: one for each hand of the scene, including those outside the picture.
    """

    seed: int
    t: float
    camera: Camera
    hands: tuple[HandTruth, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A picture and its truth.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        truth: what it shows.
    """

    image: NDArray[np.uint8]
    truth: SceneTruth
