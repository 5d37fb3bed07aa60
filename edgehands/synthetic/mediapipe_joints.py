"""MediaPipe's definition of the 21 landmarks, as fitted offsets from the anatomical joints.

MediaPipe was trained on points annotated in photographs, where people see skin, not joints: a
knuckle is marked at its crease when the palm shows and at its bump when the back shows, a tip at
the middle of the nail, hidden tips at a guess. So an offset is constant in its bone's frame, plus
parts that grow with the joint's flexion and with how the palm faces the camera:

    offset = c0 + c1 · flexion + facing · (c2 + c3 · flexion)

with flexion in units of 90 degrees and facing = 1 when the palm faces the camera, -1 when the back
does. ``tools/fit_synthetic_joints.py`` fits the numbers and cross-validates them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.synthetic.anatomy import Bone
from edgehands.synthetic.mediapipe_offsets import OFFSETS_MM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.synthetic.anatomy import HandPose, Skeleton

CARRIER = np.array(
    [
        Bone.PALM,
        *(Bone.THUMB_MC, Bone.THUMB_MC, Bone.THUMB_PP, Bone.THUMB_DP),
        *(Bone.PALM, Bone.INDEX_PP, Bone.INDEX_MP, Bone.INDEX_DP),
        *(Bone.PALM, Bone.MIDDLE_PP, Bone.MIDDLE_MP, Bone.MIDDLE_DP),
        *(Bone.RING_MC, Bone.RING_PP, Bone.RING_MP, Bone.RING_DP),
        *(Bone.PINKY_MC, Bone.PINKY_PP, Bone.PINKY_MP, Bone.PINKY_DP),
    ]
)
"""The bone that carries each landmark."""

OFFSETS = np.array(OFFSETS_MM)
"""(21, 4, 3) millimetres: c0 to c3 of each landmark along the axes of its bone."""


def flexion(pose: HandPose) -> NDArray[np.float64]:
    """(21,) flexion of the finger at each landmark, in units of 90 degrees."""
    thumb = (pose.thumb.mcp, pose.thumb.ip)
    out = [0.0, 0.0, thumb[0], sum(thumb), sum(thumb)]
    for f in (pose.index, pose.middle, pose.ring, pose.pinky):
        out += [f.mcp, f.mcp + f.pip, f.mcp + f.pip + f.dip, f.mcp + f.pip + f.dip]
    return np.array(out) / 90.0


def features(pose: HandPose, facing: float) -> NDArray[np.float64]:
    """(21, 4) factors of the four parts of each offset."""
    bent = flexion(pose)
    one = np.ones(21)
    return np.stack([one, bent, facing * one, facing * bent], axis=1)


def facing_of(rotation: NDArray[np.float64], wrist: NDArray[np.float64]) -> float:
    """1 when the palm faces the camera, -1 when the back of the hand does."""
    return float(-(rotation[:, 2] @ wrist) / max(float(np.linalg.norm(wrist)), 1e-9))


def mediapipe_joints(skeleton: Skeleton, pose: HandPose, facing: float) -> NDArray[np.float64]:
    """(21, 3) landmarks as MediaPipe defines them, hand millimetres."""
    offsets = np.einsum("lk,lkj->lj", features(pose, facing), OFFSETS)
    moved = np.einsum("lij,lj->li", skeleton.rotations[CARRIER], offsets)
    return np.asarray(skeleton.joints + moved)
