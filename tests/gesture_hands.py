"""Made hands for the tests of gestures and pose: exact, without pictures or models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.hand import Frame, FrameHands, Hand, Handedness, Roi
from edgehands.synthetic.anatomy import pose_skeleton, rot_x, rot_y, rot_z
from edgehands.synthetic.mediapipe_joints import facing_of, mediapipe_joints
from edgehands.synthetic.poses import POSES

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT, FOCAL = 640, 480, 560.0

FACING = np.diag([1.0, -1.0, -1.0])
"""The palm to the camera, fingers up."""


def made_hand(
    shape: str = "open_palm",
    *,
    at: tuple[float, float, float] = (0.0, 0.05, 0.6),
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    side: Handedness = Handedness.RIGHT,
    scale: float = 1.0,
    noise: float = 0.0,
    rng: np.random.Generator | None = None,
    hand_id: int = 1,
) -> Hand:
    """A hand as a perfect landmark model would see it.

    Args:
        shape: one of the synthetic poses.
        at: the wrist in the camera frame, metres.
        yaw: degrees about the vertical.
        pitch: degrees that the fingers lean to the camera.
        roll: degrees clockwise in the picture.
        side: of the person.
        scale: 1 = 190 mm.
        noise: standard deviation of each coordinate, metres.
        rng: for the noise.
        hand_id: its id.
    """
    turn = rot_z(roll) @ rot_x(pitch) @ rot_y(yaw) @ FACING
    mirror = np.array([1.0 if side is Handedness.RIGHT else -1.0, 1.0, 1.0])
    skeleton = pose_skeleton(POSES[shape])
    facing = facing_of(turn, np.array(at))
    joints = mediapipe_joints(skeleton, POSES[shape], facing) * mirror * (0.001 * scale)
    camera = joints @ turn.T + np.array(at)
    if noise and rng is not None:
        camera = camera + rng.normal(0.0, noise, (21, 3))
    return hand_of(camera, side=side, hand_id=hand_id)


def hand_of(
    camera: NDArray[np.float64], *, side: Handedness = Handedness.RIGHT, hand_id: int = 1
) -> Hand:
    """A hand from its 21 points in the camera frame."""
    z = camera[:, 2:]
    pixels = camera[:, :2] / z * FOCAL + np.array([WIDTH / 2, HEIGHT / 2])
    depth = (camera[:, 2:] - camera[0, 2]) * FOCAL / camera[0, 2]
    return Hand(
        id=hand_id,
        handedness=side,
        handedness_score=0.98,
        presence=0.99,
        landmarks=np.hstack([pixels, depth]).astype(np.float32),
        world_landmarks=(camera - camera.mean(axis=0)).astype(np.float32),
        roi=Roi(320.0, 240.0, 200.0, 0.0),
    )


_IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def frame_of(hands: tuple[Hand, ...], t: float = 0.0, seq: int = 0) -> FrameHands:
    """The hands of one frame."""
    return FrameHands(Frame(_IMAGE, seq, t, 1.7e9 + t, "made"), hands)
