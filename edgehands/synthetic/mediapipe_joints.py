"""MediaPipe's definition of the 21 landmarks, as offsets from the anatomical joints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.synthetic.anatomy import Bone
from edgehands.synthetic.mediapipe_offsets import OFFSETS_MM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.synthetic.anatomy import Skeleton

# The bone that carries each landmark.
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

OFFSETS = np.array(OFFSETS_MM)


def mediapipe_joints(skeleton: Skeleton) -> NDArray[np.float64]:
    """(21, 3) landmarks as MediaPipe defines them, hand millimetres."""
    turn = skeleton.rotations[CARRIER]
    return skeleton.joints + np.einsum("lij,lj->li", turn, OFFSETS)
