"""USB cameras, and all other V4L2 capture devices on Linux.

How frames are captured, and why (OpenCV's ``cap_v4l.cpp``, 4.x):

* MJPG, because USB 2 can't carry 640x480 raw at 30 frames a second on most cameras.
* One buffer, so that a frame is never older than one period. With OpenCV's own conversion that
  buffer is held while the JPEG is decoded, and a camera without a free buffer drops a whole frame.
  So the JPEG is read as bytes (``CONVERT_RGB`` off): OpenCV copies them and returns the buffer at
  once, and they are decoded here, where a damaged one is noticed instead of repeating the previous
  picture.
* ``CAP_PROP_POS_MSEC`` is the driver's own time stamp of the frame, of the monotonic clock on UVC
  cameras; it is used if plausible.
"""

from __future__ import annotations

import logging
import math
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edgehands.cameras.capture import Complaints, Shot, capture_time
from edgehands.cameras.jpeg import decode_jpeg
from edgehands.errors import SourceError, SourceNotFound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.config import CameraSettings

log = logging.getLogger(__name__)

MJPG = cv2.VideoWriter.fourcc(*"MJPG")

# Like cv2.VideoCapture: tests pass one that isn't backed by a device.
CaptureFactory = Callable[[str], Any]


def _opencv_capture(path: str) -> Any:
    # We report errors in one line; with OPENCV_LOG_LEVEL set, OpenCV's are logged too.
    if "OPENCV_LOG_LEVEL" not in os.environ:
        # OpenCV 5 moved the function.
        place = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
        place.setLogLevel(0)
    return cv2.VideoCapture(path, cv2.CAP_V4L2)


@dataclass
class V4L2Opener:
    """Opens one camera, as often as needed, under whatever number it comes back.

    ``/dev/video0`` may become ``/dev/video1`` after replugging. So the name under
    ``/dev/v4l/by-id`` that led to the same device is remembered and tried first.

    Attributes:
        name: ``/dev/video0``, ``0``, a path or a name under ``/dev/v4l/by-id``.
        settings: what to request from the camera.
    """

    name: str
    settings: CameraSettings
    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    factory: CaptureFactory = _opencv_capture
    stable: Path | None = field(default=None, init=False)

    def __call__(self) -> V4L2Device:
        """Open the camera.

        Raises:
            SourceNotFound: There is no such device.
            SourceError: It may not be opened, is busy, or isn't a camera.
        """
        path = self.stable if self.stable is not None and self.stable.exists() else self._path()
        _check_device(path, self.dev)
        node = self.sys / "class" / "video4linux" / path.resolve().name / "name"
        if node.exists() and is_pi_internal(node.read_text(encoding="utf-8", errors="replace")):
            raise SourceError(
                f"{path}: part of a Raspberry Pi's own camera or codec hardware: "
                "use picamera2:0 for a CSI camera (see: edgehands cameras)"
            )
        device = V4L2Device(path, self.settings, self.factory)
        self.stable = self.stable or _stable_name(path, self.dev)
        return device

    def _path(self) -> Path:
        if self.name.isdecimal():
            return self.dev / f"video{int(self.name)}"
        if "/" in self.name:
            return Path(self.name)
        return self.dev / "v4l" / "by-id" / self.name


class V4L2Device:
    """An open V4L2 camera."""

    def __init__(
        self, path: Path, settings: CameraSettings, factory: CaptureFactory = _opencv_capture
    ) -> None:
        self._path = path
        self._complaints = Complaints(str(path))
        self._capture = factory(str(path.resolve()))
        try:
            self._configure(settings)
        except BaseException:
            self._capture.release()
            raise

    def read(self) -> Shot:
        """Wait for the next frame.

        Raises:
            SourceError: The camera was unplugged, or delivers nothing that can be decoded.
        """
        while True:
            if not self._capture.grab():
                raise SourceError(f"{self._path}: the camera stopped giving frames (unplugged?)")
            t_mono = capture_time(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0)
            ok, raw = self._capture.retrieve()
            image = decode_frame(raw) if ok and raw is not None else None
            if image is not None:
                self._complaints.clear()
                return Shot(image, t_mono)
            self._complaints.add("not a whole picture")

    def close(self) -> None:
        """Close the device."""
        self._capture.release()

    def _configure(self, settings: CameraSettings) -> None:
        capture = self._capture
        if not capture.isOpened():
            raise SourceError(
                f"{self._path}: can't be opened as a camera: it is used by another program, "
                "or isn't a capture device (see: edgehands cameras)"
            )
        # In this order: the format determines the sizes available, the size the rates.
        capture.set(cv2.CAP_PROP_FOURCC, MJPG)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        for prop, value in _controls(settings):
            if not capture.set(prop, value):
                log.warning("%s: no such control (property %d): left as it is", self._path, prop)
        fourcc = int(capture.get(cv2.CAP_PROP_FOURCC))
        if fourcc == MJPG:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        self.width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if math.isfinite(fps) and fps > 0 else 0.0
        buffers = int(capture.get(cv2.CAP_PROP_BUFFERSIZE))
        name = "".join(chr(fourcc >> shift & 255) for shift in (0, 8, 16, 24))
        self.detail = (
            f"{self._path} {name} {self.width}x{self.height} at {self.fps:g} fps, "
            f"{buffers} buffer{'s' if buffers != 1 else ''}"
        )
        asked = (settings.width, settings.height, round(settings.fps), "MJPG", 1)
        if (self.width, self.height, round(self.fps), name, buffers) != asked:
            log.warning(
                "%s: asked for MJPG %dx%d at %g fps, 1 buffer; the camera gives %s",
                self._path,
                settings.width,
                settings.height,
                settings.fps,
                self.detail,
            )


# Drivers of a Pi's own camera and codec hardware: V4L2 devices, but not cameras by themselves.
_PI_INTERNAL = ("unicam", "bcm2835", "rp1-cfe", "pispbe", "rpi-hevc", "rpivid", "vc4")


def is_pi_internal(name: str) -> bool:
    """Tell by a driver's or device's name whether it is inside a Raspberry Pi."""
    return name.strip().lower().startswith(_PI_INTERNAL)


def decode_frame(raw: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Convert the result of ``retrieve``, a BGR picture or the bytes of a JPEG, to RGB."""
    if raw.ndim == 3 and raw.shape[2] == 3:
        return np.asarray(cv2.cvtColor(raw, cv2.COLOR_BGR2RGB), np.uint8)
    return decode_jpeg(raw.reshape(-1))


def _controls(settings: CameraSettings) -> list[tuple[int, float]]:
    """The controls that are to be changed, as OpenCV's properties (raw values)."""
    controls: list[tuple[int, float]] = []
    if settings.exposure_us:
        # V4L2_CID_EXPOSURE_AUTO: 1 = manual; V4L2_CID_EXPOSURE_ABSOLUTE counts 100 us.
        controls.append((cv2.CAP_PROP_AUTO_EXPOSURE, 1))
        controls.append((cv2.CAP_PROP_EXPOSURE, max(1, round(settings.exposure_us / 100))))
    if settings.autofocus != "default":
        controls.append((cv2.CAP_PROP_AUTOFOCUS, int(settings.autofocus == "continuous")))
    if settings.autofocus == "off" and settings.lens_position >= 0:
        controls.append((cv2.CAP_PROP_FOCUS, settings.lens_position))
    return controls


def _check_device(path: Path, dev: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        by_id = sorted(p.name for p in (dev / "v4l" / "by-id").glob("*-index0"))
        there = f"; there are {', '.join(by_id)}" if by_id else ""
        raise SourceNotFound(
            f"{path}: no such camera: plug it in, or see: edgehands cameras{there}"
        ) from None
    if not stat.S_ISCHR(mode):
        raise SourceError(f"{path}: not a device: give for example v4l2:/dev/video0")
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceError(
            f"{path}: permission denied: add the user to the group 'video' and log in again"
        )


def _stable_name(path: Path, dev: Path) -> Path | None:
    """Find the name under by-id that leads to the same device."""
    target = path.resolve()
    for link in sorted((dev / "v4l" / "by-id").glob("*")):
        if link.resolve() == target:
            return link
    return None
