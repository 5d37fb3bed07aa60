"""The truth about a picture: where every joint is and whether it is visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgehands.hand import Handedness
from edgehands.synthetic.mediapipe_joints import facing_of, mediapipe_joints
from edgehands.synthetic.scene import HandTruth, Keypoints, SceneTruth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgehands.synthetic.anatomy import Skeleton
    from edgehands.synthetic.layers import Layer
    from edgehands.synthetic.scene import Camera, Scene, SceneHand

# A joint lies inside flesh: the surface in front of it is at most this much nearer (metres).
_FLESH = 0.024
_NAMELESS = frozenset({"relaxed", "random"})


def to_camera(hand: SceneHand, joints: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hand millimetres of the (right-handed) model to camera-frame metres."""
    flip = np.array([1.0 if hand.handedness is Handedness.RIGHT else -1.0, 1.0, 1.0])
    scaled = joints * flip * (0.001 * hand.scale)
    return np.asarray(scaled @ hand.rotation.T + np.array(hand.wrist))


def keypoints(camera: Camera, points: NDArray[np.float64]) -> Keypoints:
    """The same 21 points: in the picture, in the camera frame, about the middle knuckle."""
    return Keypoints(camera.project(points), points, points - points[9])


def _covers(layer: Layer, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(21,) depth of a layer at image points; infinite outside it."""
    col = np.floor(xy[:, 0]).astype(int) - layer.x
    row = np.floor(xy[:, 1]).astype(int) - layer.y
    h, w = layer.depth.shape
    inside = (col >= 0) & (col < w) & (row >= 0) & (row < h)
    out = np.full(len(xy), np.inf)
    out[inside] = layer.depth[row[inside], col[inside]]
    return out


@dataclass(frozen=True, slots=True)
class Drawn:
    """The layers drawn into a picture: hands and objects."""

    hands: Sequence[Layer]
    objects: Sequence[Layer]


def hand_truth(
    index: int,
    hand: SceneHand,
    skeleton: Skeleton,
    camera: Camera,
    drawn: Drawn,
) -> HandTruth:
    """The truth about one hand, given everything that was drawn."""
    anatomical = keypoints(camera, to_camera(hand, skeleton.joints))
    facing = facing_of(hand.rotation, np.array(hand.wrist))
    joints = mediapipe_joints(skeleton, hand.pose, facing)
    fitted = keypoints(camera, to_camera(hand, joints))
    xy, z = fitted.image, fitted.camera[:, 2]
    in_image = (
        (z > 0.02)
        & (xy[:, 0] >= 0)
        & (xy[:, 0] < camera.width)
        & (xy[:, 1] >= 0)
        & (xy[:, 1] < camera.height)
    )
    free = in_image.copy()
    seen = in_image.copy()
    for layer in drawn.hands:
        depth = _covers(layer, xy)
        if layer.hand == index:
            seen &= ~(depth < z - _FLESH * hand.scale)
        else:
            free &= ~(depth < z - 0.5 * _FLESH * hand.scale)
    for layer in drawn.objects:
        free &= ~((_covers(layer, xy) < np.inf) & (layer.order < hand.wrist[2]))
    return HandTruth(
        index=index,
        handedness=hand.handedness,
        gesture="none" if hand.gesture in _NAMELESS else hand.gesture,
        pose=hand.pose,
        anatomical=anatomical,
        mediapipe=fitted,
        in_image=in_image,
        visible=seen & free,
        shown=float(free.mean()),
        rotation=hand.rotation,
        palm_size=float(np.linalg.norm(xy[9] - xy[0])),
    )


def scene_truth(scene: Scene, skeletons: Sequence[Skeleton], drawn: Drawn) -> SceneTruth:
    """The truth about a scene, given its posed hands and the layers drawn for it."""
    hands = [
        hand_truth(i, hand, skeleton, scene.camera, drawn)
        for i, (hand, skeleton) in enumerate(zip(scene.hands, skeletons, strict=True))
    ]
    return SceneTruth(scene.seed, scene.t, scene.camera, tuple(hands))
