"""The values passed between the packages: frozen, with named fields, units in the docstrings.

Coordinate frames, used with these names everywhere:

* *frame pixels*: x to the right, y down, origin at the top-left corner of the captured image.
* *world metres*: MediaPipe's "world landmarks": axes as in frame pixels, origin at the hand's
  geometric centre, z smaller = nearer to the camera.
"""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Landmark(enum.IntEnum):
    """The 21 landmarks in MediaPipe's order."""

    WRIST = 0
    THUMB_CMC = 1
    THUMB_MCP = 2
    THUMB_IP = 3
    THUMB_TIP = 4
    INDEX_MCP = 5
    INDEX_PIP = 6
    INDEX_DIP = 7
    INDEX_TIP = 8
    MIDDLE_MCP = 9
    MIDDLE_PIP = 10
    MIDDLE_DIP = 11
    MIDDLE_TIP = 12
    RING_MCP = 13
    RING_PIP = 14
    RING_DIP = 15
    RING_TIP = 16
    PINKY_MCP = 17
    PINKY_PIP = 18
    PINKY_DIP = 19
    PINKY_TIP = 20


HAND_CONNECTIONS: tuple[tuple[int, int], ...] = (
    *((0, 1), (1, 2), (2, 3), (3, 4)),
    *((0, 5), (5, 6), (6, 7), (7, 8)),
    *((5, 9), (9, 10), (10, 11), (11, 12)),
    *((9, 13), (13, 14), (14, 15), (15, 16)),
    *((13, 17), (0, 17), (17, 18), (18, 19), (19, 20)),
)
"""Pairs of landmarks joined by lines in drawings: the fingers and the palm's outline."""


class Handedness(enum.StrEnum):
    """Left or right of the person whose hand it is."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One captured image.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        seq: number of the frame in its source, from 0.
        t_mono: capture time in seconds of the monotonic clock (or of the video's own clock).
        t_wall: capture time in seconds since 1970, UTC.
        source: the file or device of the frame, for messages.
    """

    image: NDArray[np.uint8]
    seq: int
    t_mono: float
    t_wall: float
    source: str = ""


@dataclass(frozen=True, slots=True)
class Roi:
    """The rotated square in which the landmark model reads a hand.

    Attributes:
        cx, cy: centre, frame pixels.
        size: side, frame pixels.
        rotation: radians, clockwise as seen on the screen; 0 when the hand points up.
    """

    cx: float
    cy: float
    size: float
    rotation: float


@dataclass(frozen=True, slots=True, eq=False)
class PalmDetection:
    """A palm that the palm model found in the whole frame.

    Attributes:
        box: (4,) float32: x0, y0, x1, y1, frame pixels.
        keypoints: (7, 2) float32, frame pixels: wrist, index MCP, middle MCP, ring MCP,
            pinky MCP, thumb CMC, thumb MCP.
        score: 0..1.
    """

    box: NDArray[np.float32]
    keypoints: NDArray[np.float32]
    score: float


@dataclass(frozen=True, slots=True)
class Gesture:
    """The meaning of a hand's shape: a name (``none`` if it has none) and a score 0..1."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Position and orientation of a hand in the *camera frame*.

    Camera frame: origin in the camera's centre of projection, x to the right of the picture, y
    down, z forward out of the lens, metres.

    Hand frame: origin in the palm's centre, x from the wrist to the middle finger's root, z out of
    the palm, y = z cross x (to the little finger's side of a right hand, to the thumb's side of a
    left hand).

    Attributes:
        wrist: (x, y, z) of the wrist, metres.
        palm: (x, y, z) of the palm's centre, metres.
        quaternion: (x, y, z, w) unit quaternion, w >= 0, that turns directions of the hand frame
            into the camera frame.
        palm_normal: unit vector out of the palm: z of the hand frame.
        pointing: unit vector along the hand: x of the hand frame.
        confidence: 0..1, how well the picture fits a hand at that position.
    """

    wrist: tuple[float, float, float]
    palm: tuple[float, float, float]
    quaternion: tuple[float, float, float, float]
    palm_normal: tuple[float, float, float]
    pointing: tuple[float, float, float]
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """One hand in one frame.

    Attributes:
        id: stable while the hand is tracked, never reused in a run.
        handedness: of the person.
        handedness_score: 0..1, probability of ``handedness``.
        presence: 0..1, the landmark model's probability that there is a hand.
        landmarks: (21, 3) float32, frame pixels; z in the same scale, smaller = nearer,
            relative to the wrist. Read-only, as ``world_landmarks``: change a ``copy()``.
        world_landmarks: (21, 3) float32, world metres.
        roi: where the landmark model looked.
        gesture: set by the gesture recognition; None if gestures are off.
        pose: set by the pose estimator; None if poses are off or it can't be determined.
    """

    id: int
    handedness: Handedness
    handedness_score: float
    presence: float
    landmarks: NDArray[np.float32]
    world_landmarks: NDArray[np.float32]
    roi: Roi
    gesture: Gesture | None = None
    pose: Pose | None = None

    def to_dict(self) -> dict[str, Any]:
        """The hand as plain lists, numbers and texts, for JSON or a table.

        Units are those of the attributes: ``landmarks`` in frame pixels, ``world_landmarks`` in
        metres. (The ``hands`` message of MQTT divides by the frame's size instead.)
        """
        return {
            "id": self.id,
            "handedness": self.handedness.value,
            "handedness_score": float(self.handedness_score),
            "presence": float(self.presence),
            "landmarks": self.landmarks.tolist(),
            "world_landmarks": self.world_landmarks.tolist(),
            "roi": asdict(self.roi),
            "gesture": asdict(self.gesture) if self.gesture is not None else None,
            "pose": asdict(self.pose) if self.pose is not None else None,
        }

    @property
    def palm_size(self) -> float:
        """Distance wrist - middle MCP in frame pixels: the unit in which errors are given."""
        dx = self.landmarks[Landmark.MIDDLE_MCP, :2] - self.landmarks[Landmark.WRIST, :2]
        return float((dx[0] ** 2 + dx[1] ** 2) ** 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class FrameHands:
    """All hands of one frame: what the tracker passes on and the publisher sends."""

    frame: Frame
    hands: tuple[Hand, ...]
