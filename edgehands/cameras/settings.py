"""How a camera, a file or a folder is opened: the ``[camera]`` table of the configuration."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgehands.config import check_range


class CameraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to ask of a source. A device that can't do it gives what it can, and that is logged.

    Attributes:
        width, height: picture size asked of a camera, pixels, before ``rotation``. Files and
            folders keep their own size.
        fps: frames a second asked of a camera, and the pace of a folder in a live run.
        rotation: degrees clockwise that the picture is turned by: 0, 90, 180 or 270.
        mirrored: flip the picture left to right (after the rotation) before anybody sees it. It
            corrects a device that delivers a mirror image; who wants a selfie view instead sets
            ``tracking.mirrored`` as well, so that left and right hands keep their names.
        autofocus: ``continuous``, ``off``, or ``default`` to leave the device as it is.
        lens_position: focus with ``autofocus = "off"``, in the device's own unit (dioptres on a
            Camera Module 3, 0 = far away); -1 leaves it alone.
        exposure_us: exposure time in microseconds; 0 = automatic.
        gain: analogue gain (picamera2 only); 0 = automatic.
        lores: picamera2 only: take frames of this size from the low-resolution stream (YUV420),
            scaled by the camera hardware from the full field of view; see ``docs/cameras.md``.
        loop: begin a file or folder again at its end (live runs only).
        image_seconds: how long each image of a folder is shown in a live run.
    """

    width: int = 640
    height: int = 480
    fps: float = 30.0
    rotation: Literal[0, 90, 180, 270] = 0
    mirrored: bool = False
    autofocus: Literal["default", "continuous", "off"] = "default"
    lens_position: float = -1.0
    exposure_us: int = 0
    gain: float = 0.0
    lores: bool = False
    loop: bool = False
    image_seconds: float = 1.0

    def __post_init__(self) -> None:
        check_range("camera.width", self.width, 64, 7680)
        check_range("camera.height", self.height, 64, 7680)
        check_range("camera.fps", self.fps, 1, 240)
        # A Literal is only checked where msgspec decodes; a caller in Python may pass anything.
        if self.rotation not in (0, 90, 180, 270):
            check_range("camera.rotation (0, 90, 180 or 270)", self.rotation, 1, 0)
        check_range("camera.lens_position", self.lens_position, -1, 1000)
        check_range("camera.exposure_us", self.exposure_us, 0, 1_000_000)
        check_range("camera.gain", self.gain, 0, 64)
        check_range("camera.image_seconds", self.image_seconds, 0.01, 3600)
