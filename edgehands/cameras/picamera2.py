"""CSI cameras of a Raspberry Pi, through Raspberry Pi's own ``picamera2``.

Never run on a Pi by us: written from picamera2's manual and source (0.3.x), and tested against a
fake that behaves as they describe. Important details:

* ``BGR888`` is R, G, B in memory.
* ``queue=False``: a request returns a frame whose capture began after the call, not an older one
  from the queue; ``buffer_count=4`` keeps the sensor busy meanwhile.
* ``capture_request(wait=seconds)`` raises TimeoutError (old releases wait forever), but its job
  stays in picamera2's list, where a later frame is lost and ``stop`` waits behind it. So a timeout
  ends this camera object: ``cancel_all_and_flush``, close, open again.
* For a small picture, libcamera chooses the sensor mode nearest to it, which on most sensors is a
  crop of the middle (on a Camera Module 2, 640x480 shows 39 % of the width). The raw stream's size
  selects the mode: the one that sees most at the requested rate.
* ``SensorTimestamp`` counts nanoseconds of the monotonic clock, to the end of the first line's
  exposure.
* ``make_array`` copies, so ``release`` may follow at once, and must always follow.
* A ``lores`` stream is YUV420 on every Pi, its lines padded to ``stride``.
* libcamera can flip, but not rotate by 90 degrees: 180 degrees and mirroring cost nothing, the rest
  is rotated here.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edgehands.cameras.base import orient, oriented_size
from edgehands.cameras.capture import Shot, capture_time
from edgehands.config import CameraSettings
from edgehands.errors import BackendUnavailable, SourceError, SourceNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

FRAME_TIMEOUT_S = 4.0
"""A camera without a frame for this long (plus its exposure) is closed and reopened."""
BUFFERS = 4


def load_picamera2() -> Any:
    """Import ``picamera2``.

    Raises:
        BackendUnavailable: It isn't installed, or what is installed doesn't load.
    """
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        if error.name not in ("picamera2", None):
            raise BackendUnavailable(f"picamera2 doesn't load: {error}") from None
        raise BackendUnavailable(
            "picamera2 isn't installed: sudo apt install python3-picamera2, in an environment "
            "made with --system-site-packages (Raspberry Pi OS only)"
        ) from None
    except ValueError as error:  # "numpy.dtype size changed": two numpys
        raise BackendUnavailable(
            f"picamera2 doesn't load ({error}): the environment's numpy isn't apt's"
        ) from None


@dataclass
class Picamera2Opener:
    """Opens one CSI camera, as often as needed.

    Attributes:
        number: which camera, from 0, in the order of ``edgehands cameras``.
        settings: what to request from it.
    """

    number: int
    settings: CameraSettings
    mode: tuple[int, int] | None = field(default=None, init=False)

    def __call__(self) -> Picamera2Device:
        """Open, configure and start the camera.

        Raises:
            BackendUnavailable: picamera2 isn't installed.
            SourceNotFound: There is no such camera.
            SourceError: It is busy, or doesn't start.
        """
        module = load_picamera2()
        try:
            count = len(module.Picamera2.global_camera_info())
        except Exception as error:  # noqa: BLE001 - libcamera raises whatever it likes
            raise SourceError(f"picamera2:{self.number}: {_first_line(error)}") from None
        if self.number >= count:
            raise SourceNotFound(
                f"picamera2:{self.number}: no such camera ({count} found): check the ribbon cable, "
                "and see: edgehands cameras"
            )
        try:
            camera = module.Picamera2(self.number)
            device = Picamera2Device(camera, self.number, self.settings, self.mode)
        except Exception as error:  # noqa: BLE001
            raise SourceError(
                f"picamera2:{self.number}: doesn't start ({_first_line(error)}): "
                "is another program using it?"
            ) from None
        # Querying a camera's modes takes a while: once is enough.
        self.mode = device.mode
        return device


class Picamera2Device:
    """A running CSI camera. Frames are already rotated and mirrored."""

    def __init__(
        self,
        camera: Any,
        number: int,
        settings: CameraSettings,
        mode: tuple[int, int] | None = None,
    ) -> None:
        self._camera = camera
        self.mode = mode
        self._name = f"picamera2:{number}"
        self._settings = settings
        self._stream = "lores" if settings.lores else "main"
        # What remains after the hardware's flips: a quarter turn, or nothing.
        self._rest = CameraSettings(rotation=90 if settings.rotation in (90, 270) else 0)
        self._timeout = FRAME_TIMEOUT_S + settings.exposure_us / 1e6
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def read(self) -> Shot:
        """Wait for the next frame.

        Raises:
            SourceError: No frame came in time.
        """
        try:
            request = self._camera.capture_request(wait=self._timeout)
        except TimeoutError:
            # Otherwise the waiting job would block stop(), and with it close(), forever.
            with contextlib.suppress(AttributeError):  # releases before 2023 lack it
                self._camera.cancel_all_and_flush()
            raise SourceError(
                f"{self._name}: no frame for {self._timeout:g} s: check the ribbon cable"
            ) from None
        try:
            stamp = request.get_metadata().get("SensorTimestamp")
            array = request.make_array(self._stream)
        finally:
            request.release()
        image = orient(self._to_rgb(array), self._rest)
        return Shot(image, capture_time(float(stamp or 0) / 1e9, oldest=self._timeout))

    def close(self) -> None:
        """Stop and close the camera."""
        for step in ("stop", "close"):
            with contextlib.suppress(Exception):  # it may have died: the next step matters
                getattr(self._camera, step)()

    def _start(self) -> None:
        camera, settings = self._camera, self._settings
        size = (settings.width, settings.height)
        if self.mode is None:
            self.mode = choose_mode(camera.sensor_modes, size, settings.fps)
        streams: dict[str, Any] = {"main": {"format": "BGR888", "size": size}}
        if settings.lores:
            # The main stream exists because libcamera requires one: twice the size, so that the
            # hardware scales from a better picture; it isn't read.
            streams = {
                "main": {"format": "BGR888", "size": (2 * size[0], 2 * size[1])},
                "lores": {"format": "YUV420", "size": size},
            }
        configuration = camera.create_video_configuration(
            **streams,
            **({"raw": {"size": self.mode}} if self.mode else {}),
            transform=hardware_transform(settings),
            buffer_count=BUFFERS,
            queue=False,
            controls=self._controls(),
        )
        # Sizes that suit the hardware (multiples of 32 or 64) save a copy of each line.
        camera.align_configuration(configuration)
        camera.configure(configuration)
        camera.start()
        actual = camera.camera_configuration()[self._stream]
        self._size: tuple[int, int] = (int(actual["size"][0]), int(actual["size"][1]))
        self.width, self.height = oriented_size(*self._size, settings)
        self.fps = settings.fps
        model = camera.camera_properties.get("Model", "camera")
        self.detail = (
            f"{model} {actual['format']} {self._size[0]}x{self._size[1]} "
            f"({self._stream}) at {self.fps:g} fps"
        )
        if self._size != size:
            log.warning("%s: asked for %dx%d, gives %s", self._name, *size, self.detail)

    def _controls(self) -> dict[str, Any]:
        settings = self._settings
        has = self._camera.camera_controls
        period = round(1e6 / settings.fps)
        controls: dict[str, Any] = {"FrameDurationLimits": (period, period)}
        if settings.exposure_us:
            controls["ExposureTime"] = settings.exposure_us
        if settings.gain:
            controls["AnalogueGain"] = settings.gain
        if settings.autofocus != "default" and "AfMode" in has:
            # libcamera.controls.AfModeEnum: 0 manual, 2 continuous.
            controls["AfMode"] = 2 if settings.autofocus == "continuous" else 0
        if settings.autofocus == "off" and settings.lens_position >= 0 and "LensPosition" in has:
            controls["LensPosition"] = settings.lens_position
        wants_focus = settings.autofocus != "default" or settings.lens_position >= 0
        if wants_focus and "AfMode" not in has:
            log.warning("%s: this camera has a fixed focus: autofocus settings ignored", self._name)
        return controls

    def _to_rgb(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        width, height = self._size
        if self._stream == "lores":
            # (height * 3 / 2, stride): the padding is removed after the conversion.
            array = np.asarray(cv2.cvtColor(array, cv2.COLOR_YUV2RGB_I420), np.uint8)
        return np.ascontiguousarray(array[:height, :width])


def choose_mode(
    modes: Sequence[Mapping[str, Any]], size: tuple[int, int], fps: float
) -> tuple[int, int] | None:
    """Choose the sensor mode that sees most at this rate; of those, the smallest sufficient one.

    Args:
        modes: ``Picamera2.sensor_modes``: dicts with ``size``, ``fps`` and ``crop_limits`` (x, y,
            width, height of what the mode sees on the sensor).
        size: requested picture, pixels.
        fps: requested rate.

    Returns:
        The mode's size, or None if the camera reports no modes (a USB camera).
    """
    known = [mode for mode in modes if {"size", "fps", "crop_limits"} <= mode.keys()]
    if not known:
        return None
    fast = [mode for mode in known if mode["fps"] >= 0.98 * fps]
    if not fast:
        fast = [max(known, key=lambda mode: float(mode["fps"]))]

    def rank(mode: Mapping[str, Any]) -> tuple[float, bool, int]:
        (width, height), (_, _, sees_w, sees_h) = mode["size"], mode["crop_limits"]
        # Binning modes differ by some lines in what they see: up to 2 % counts as equal.
        widest = max(m["crop_limits"][2] * m["crop_limits"][3] for m in fast)
        loss = 1.0 - sees_w * sees_h / widest
        too_small = width < size[0] or height < size[1]
        return (loss if loss > 0.02 else 0.0, too_small, width * height)

    best = min(fast, key=rank)["size"]
    return int(best[0]), int(best[1])


def hardware_transform(settings: CameraSettings) -> Any:
    """Flips of libcamera for the settings; a quarter turn clockwise remains to be done.

    270 degrees are that quarter turn after a half turn (both flips); a mirror after the quarter
    turn is a vertical flip before it.
    """
    half_turn = settings.rotation in (180, 270)
    quarter = settings.rotation in (90, 270)
    mirror_h = settings.mirrored and not quarter
    mirror_v = settings.mirrored and quarter
    libcamera = importlib.import_module("libcamera")
    return libcamera.Transform(hflip=int(half_turn ^ mirror_h), vflip=int(half_turn ^ mirror_v))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
