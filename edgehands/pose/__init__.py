"""Where a hand is in space and how it is turned, in the camera's frame."""

# First, because its sections are made of this package's settings, which are made of its values.
import edgehands.config  # noqa: F401
from edgehands.pose.camera import Intrinsics, from_fov, intrinsics_of
from edgehands.pose.estimate import estimate_pose
from edgehands.pose.estimator import PoseEstimator, learn_hand_length
from edgehands.pose.settings import PoseConfig

__all__ = [
    "Intrinsics",
    "PoseConfig",
    "PoseEstimator",
    "estimate_pose",
    "from_fov",
    "intrinsics_of",
    "learn_hand_length",
]
