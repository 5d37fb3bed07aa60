"""Position and orientation of a hand in the camera's frame."""

from edgehands.config.pose import PoseConfig
from edgehands.pose.camera import Intrinsics, from_fov, intrinsics_of
from edgehands.pose.estimate import estimate_pose
from edgehands.pose.estimator import PoseEstimator, learn_hand_length

__all__ = [
    "Intrinsics",
    "PoseConfig",
    "PoseEstimator",
    "estimate_pose",
    "from_fov",
    "intrinsics_of",
    "learn_hand_length",
]
