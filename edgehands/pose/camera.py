"""A camera's intrinsics: the mapping from directions in space to pixels.

The *camera frame* of this package: origin in the camera's centre of projection, x to the right of
the picture, y down, z forward (out of the lens), metres. It is the frame of OpenCV and of ROS's
``*_optical_frame``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgehands.errors import CalibrationError

if TYPE_CHECKING:
    from edgehands.config.pose import PoseConfig


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera for pictures of one size.

    Attributes:
        width, height: of the pictures, pixels.
        fx, fy: focal lengths, pixels.
        cx, cy: where the optical axis meets the picture, pixels.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise CalibrationError(
                f"picture size {self.width} x {self.height}: give positive sizes"
            )
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(map(math.isfinite, values)) or self.fx <= 0 or self.fy <= 0:
            raise CalibrationError(
                f"focal lengths {self.fx}, {self.fy} and centre {self.cx}, {self.cy}: "
                "give finite numbers, focal lengths above 0"
            )

    @property
    def horizontal_fov(self) -> float:
        """Horizontal angle of the picture, degrees."""
        return math.degrees(2.0 * math.atan(0.5 * self.width / self.fx))

    def resized(self, width: int, height: int) -> Intrinsics:
        """The same camera with pictures of another size.

        A picture of another aspect ratio is assumed to be the larger of the two crops that the
        sensor allows, cut evenly on both sides, as cameras do between 4:3 and 16:9.
        """
        if (width, height) == (self.width, self.height):
            return self
        scale = max(width / self.width, height / self.height)
        return Intrinsics(
            width,
            height,
            self.fx * scale,
            self.fy * scale,
            0.5 * width + (self.cx - 0.5 * self.width) * scale,
            0.5 * height + (self.cy - 0.5 * self.height) * scale,
        )


def from_fov(horizontal_fov: float, width: int, height: int) -> Intrinsics:
    """Intrinsics from the horizontal field of view in degrees; square pixels, centred axis.

    Raises:
        CalibrationError: the angle isn't between 10 and 170 degrees, or the size isn't positive.
    """
    if not 10.0 <= horizontal_fov <= 170.0:
        raise CalibrationError(
            f"field of view of {horizontal_fov} degrees is outside 10 to 170: give degrees"
        )
    focal = 0.5 * width / math.tan(math.radians(0.5 * horizontal_fov))
    return Intrinsics(width, height, focal, focal, 0.5 * width, 0.5 * height)


def intrinsics_of(config: PoseConfig, width: int, height: int) -> Intrinsics:
    """The intrinsics from the settings for pictures of this size."""
    if not config.focal_x:
        return from_fov(config.horizontal_fov, width, height)
    given = Intrinsics(
        config.calibrated_width,
        config.calibrated_height,
        config.focal_x,
        config.focal_y or config.focal_x,
        config.center_x or 0.5 * config.calibrated_width,
        config.center_y or 0.5 * config.calibrated_height,
    )
    return given.resized(width, height)
