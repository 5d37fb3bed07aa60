"""The ``[pose]`` table of the configuration file."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from edgehands.config.values import Section
from edgehands.errors import ConfigError


class PoseConfig(Section, frozen=True, kw_only=True):
    """The hand's position in space, as seen from the camera.

    Attributes:
        enabled: fill in ``Hand.pose``.
        horizontal_fov: the camera's horizontal field of view, degrees (Camera Module 2: 62, 3: 66,
            3 Wide: 102, many USB cameras: 60 to 70). Used when ``focal_x`` is 0.
        focal_x, focal_y: focal lengths in pixels, from ``edgehands cameras calibrate``; 0 = use
            the field of view. ``focal_y`` 0 = the same as ``focal_x``.
        center_x, center_y: the optical axis in pixels; 0 = the middle of the picture.
        calibrated_width, calibrated_height: picture size for which the four values above are valid;
            needed with ``focal_x``. Other sizes are converted, also if the camera crops the sides
            or top and bottom.
        hand_length: from the wrist's crease to the tip of the middle finger along the palm's side,
            metres. 0 = the average adult's (0.185 m): distances are then wrong by the same share as
            the hand's length, 5 to 10 % for most adults.
        smoothing: smooth the pose over time.
    """

    table: ClassVar[str] = "pose"
    enabled: bool = True
    horizontal_fov: Annotated[float, msgspec.Meta(ge=10, le=170)] = 62.0
    focal_x: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0
    focal_y: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0
    center_x: Annotated[float, msgspec.Meta(ge=0, le=20_000)] = 0.0
    center_y: Annotated[float, msgspec.Meta(ge=0, le=20_000)] = 0.0
    calibrated_width: Annotated[int, msgspec.Meta(ge=0, le=20_000)] = 0
    calibrated_height: Annotated[int, msgspec.Meta(ge=0, le=20_000)] = 0
    hand_length: Annotated[float, msgspec.Meta(ge=0, le=0.3)] = 0.0
    smoothing: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.focal_x and not (self.calibrated_width and self.calibrated_height):
            raise ConfigError(
                f"pose.focal_x = {self.focal_x} is in pixels of an unknown picture size: "
                "set pose.calibrated_width and pose.calibrated_height too"
            )
        if 0.0 < self.hand_length < 0.08:
            raise ConfigError(
                f"pose.hand_length = {self.hand_length} is shorter than a small child's hand "
                "(0.08 m): set metres, or 0 for the average"
            )
