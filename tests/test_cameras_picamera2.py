"""CSI cameras, against a picamera2 that behaves as its manual and source say. Never run on a Pi."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from edgehands.cameras import CameraSettings, SourceInfo, open_source
from edgehands.cameras import picamera2 as adapter
from edgehands.cameras.base import orient
from edgehands.cameras.capture import Backoff, LiveSource
from edgehands.cameras.listing import list_csi_cameras
from edgehands.cameras.picamera2 import Picamera2Opener, choose_mode
from edgehands.errors import BackendUnavailable, SourceError, SourceNotFound, UsageError
from tools.common.waiting import until

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Camera Module 2 (imx219) as libcamera lists it.
IMX219_MODES = [
    {"format": "SRGGB10", "size": (640, 480), "fps": 206.65, "crop_limits": (1000, 752, 1280, 960)},
    {"format": "SRGGB10", "size": (1640, 1232), "fps": 41.85, "crop_limits": (0, 0, 3280, 2464)},
    {
        "format": "SRGGB10",
        "size": (1920, 1080),
        "fps": 47.57,
        "crop_limits": (680, 692, 1920, 1080),
    },
    {"format": "SRGGB10", "size": (3280, 2464), "fps": 21.19, "crop_limits": (0, 0, 3280, 2464)},
]


@dataclass(frozen=True)
class Transform:
    """libcamera.Transform."""

    hflip: int = 0
    vflip: int = 0


class FakeRequest:
    """A CompletedRequest: holds one of the camera's buffers until it is released."""

    def __init__(self, camera: FakePicamera2) -> None:
        self.camera = camera
        self.released = False
        self.stamp = time.monotonic_ns() - 20_000_000
        camera.free_buffers -= 1

    def get_metadata(self) -> dict[str, Any]:
        """Give what the sensor said of the frame."""
        return {"SensorTimestamp": self.stamp, "ExposureTime": 10000}

    def make_array(self, name: str) -> NDArray[np.uint8]:
        """Copy a stream's buffer out, shaped as Helpers.make_array does."""
        assert not self.released
        stream = self.camera.config[name]
        width, height = stream["size"]
        scene = self.camera.scene(width, height)
        if stream["format"] == "BGR888":  # R, G, B in memory
            return scene.copy()
        # YUV420, lines padded to the stride: grey 200 everywhere, padding 0.
        array = np.zeros((height * 3 // 2, stream["stride"]), np.uint8)
        array[:height, :width] = 200
        array[height:] = 128
        return array

    def release(self) -> None:
        """Give the buffer back; twice is an error, as in picamera2."""
        if self.released:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self.released = True
        self.camera.free_buffers += 1


class FakePicamera2:
    """picamera2.Picamera2, as far as the adapter touches it."""

    cameras: ClassVar[list[dict[str, Any]]] = []
    made: ClassVar[list[FakePicamera2]] = []
    broken: ClassVar[bool] = False
    in_use: ClassVar[bool] = False

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        """List the cameras."""
        return FakePicamera2.cameras

    def __init__(self, number: int) -> None:
        if FakePicamera2.in_use:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.number = number
        self.sensor_modes_read = 0
        self.camera_controls: dict[str, Any] = {"AfMode": (0, 2, 0), "LensPosition": (0, 32, 1)}
        self.camera_properties = {"Model": "imx708"}
        self.config: dict[str, Any] = {}
        self.free_buffers = 0
        self.started = self.closed = False
        self.flow = threading.Event()
        self.flow.set()
        self.jobs_waiting = 0
        FakePicamera2.made.append(self)

    @property
    def sensor_modes(self) -> list[dict[str, Any]]:
        """Give the modes (a slow business on a Pi)."""
        self.sensor_modes_read += 1
        return IMX219_MODES

    def create_video_configuration(self, **given: Any) -> dict[str, Any]:
        """Make a configuration: unknown keys are errors, sizes must be even."""
        known = {"main", "lores", "raw", "transform", "buffer_count", "queue", "controls"}
        assert given.keys() <= known
        return {"lores": None, **given}

    def align_configuration(self, config: dict[str, Any]) -> None:
        """Round widths down to what the hardware likes."""
        for name, step in (("main", 32), ("lores", 64)):
            if config.get(name):
                width, height = config[name]["size"]
                config[name]["size"] = (width - width % step, height - height % 2)

    def configure(self, config: dict[str, Any]) -> None:
        """Take the configuration, and check it as picamera2 does."""
        if FakePicamera2.broken:
            raise RuntimeError("Failed to configure\ncamera")
        for name in ("main", "lores"):
            if config.get(name):
                width = config[name]["size"][0]
                config[name]["stride"] = width * 3 if name == "main" else -(-width // 64) * 64 + 64
        if config["lores"]:
            assert config["lores"]["format"] == "YUV420"
            assert config["lores"]["size"] <= config["main"]["size"]
        self.config = config

    def camera_configuration(self) -> dict[str, Any]:
        """Give the configuration as it came out."""
        return self.config

    def start(self) -> None:
        """Run."""
        assert self.config
        self.free_buffers = self.config["buffer_count"]
        self.started = True

    def capture_request(self, wait: float) -> FakeRequest:
        """Give the next frame, or time out and leave the job in the list."""
        assert self.started
        if self.free_buffers < 1 or not self.flow.wait(wait):
            self.jobs_waiting += 1
            raise TimeoutError
        time.sleep(0.002)
        return FakeRequest(self)

    def cancel_all_and_flush(self) -> None:
        """Forget the jobs."""
        self.jobs_waiting = 0

    def stop(self) -> None:
        """Stop: hangs behind a job that waits, in picamera2; an error here."""
        if self.jobs_waiting:
            raise AssertionError("stop() would wait for ever behind the lost job")
        self.started = False

    def close(self) -> None:
        """Let go of the camera."""
        self.stop()
        self.closed = True

    def scene(self, width: int, height: int) -> NDArray[np.uint8]:
        """What the sensor sees, flipped as the transform says: one red corner, top left."""
        image = np.zeros((height, width, 3), np.uint8)
        image[: height // 4, : width // 4, 0] = 250
        transform = self.config["transform"]
        if transform.hflip:
            image = image[:, ::-1]
        if transform.vflip:
            image = image[::-1]
        return np.ascontiguousarray(image)


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> type[FakePicamera2]:
    """The module as if it were installed, with one camera."""
    module, libcamera = ModuleType("picamera2"), ModuleType("libcamera")
    module.Picamera2 = FakePicamera2  # type: ignore[attr-defined]
    libcamera.Transform = Transform  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    monkeypatch.setattr(
        FakePicamera2, "cameras", [{"Model": "imx708", "Id": "/base/i2c/imx708@1a"}]
    )
    monkeypatch.setattr(FakePicamera2, "made", [])
    monkeypatch.setattr(FakePicamera2, "broken", False)
    monkeypatch.setattr(FakePicamera2, "in_use", False)
    monkeypatch.setattr(adapter, "FRAME_TIMEOUT_S", 0.05)
    return FakePicamera2


def test_stream_is_configured_as_it_should(picamera2: type[FakePicamera2]) -> None:
    """RGB in memory, fresh frames, few buffers, the whole field of view, the wanted rate."""
    Picamera2Opener(0, CameraSettings(width=640, height=480, fps=25))()
    config = picamera2.made[0].config
    assert config["main"]["format"] == "BGR888"
    assert config["main"]["size"] == (640, 480)
    assert config["queue"] is False
    assert config["buffer_count"] == 4
    assert config["raw"] == {"size": (1640, 1232)}
    assert config["controls"] == {"FrameDurationLimits": (40000, 40000)}


def test_frames_are_rgb_and_carry_the_sensors_time(picamera2: type[FakePicamera2]) -> None:
    """Red stays red, and latency counts from the sensor."""
    with open_source("picamera2:0", realtime=False) as source:
        frame = source.read(10)
        info = source.describe()
    assert frame is not None
    assert frame.image.shape == (480, 640, 3)
    assert frame.image.flags.c_contiguous
    assert frame.image[5, 5].tolist() == [250, 0, 0]
    assert frame.image[400, 600].tolist() == [0, 0, 0]
    assert 0.015 < time.monotonic() - frame.t_mono < 10
    assert (info.kind, info.width, info.height, info.fps) == ("picamera2", 640, 480, 30.0)
    assert "imx708" in info.detail
    assert picamera2.made[0].closed


def test_every_request_is_released(picamera2: type[FakePicamera2]) -> None:
    """Four frames that aren't given back stop the camera for good."""
    device = Picamera2Opener(0, CameraSettings())()
    for _ in range(12):
        device.read()
    assert picamera2.made[0].free_buffers == 4


def test_request_is_released_when_a_frame_is_bad(
    picamera2: type[FakePicamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame that can't be read costs itself, not its buffer."""

    def fail(self: FakeRequest, name: str) -> NDArray[np.uint8]:
        raise RuntimeError("Format not supported")

    monkeypatch.setattr(FakeRequest, "make_array", fail)
    device = Picamera2Opener(0, CameraSettings())()
    with pytest.raises(RuntimeError):
        device.read()
    assert picamera2.made[0].free_buffers == 4


def test_hanging_camera_is_opened_anew(picamera2: type[FakePicamera2]) -> None:
    """A loose ribbon cable ends in a new camera object, and its old jobs don't block the end."""
    source = LiveSource(
        SourceInfo("picamera2:0", "picamera2", 0, 0, 0.0),
        Picamera2Opener(0, CameraSettings()),
        CameraSettings(),
        must_open=True,
        backoff=Backoff(0.002, 0.01),
        turn=False,
    )
    with source:
        assert source.read(10) is not None
        picamera2.made[0].flow.clear()
        until(lambda: source.reconnects == 1)
        assert picamera2.made[0].closed
        assert source.read(10) is not None
        # Asking for the modes configures the camera for each: once is enough.
        assert [c.sensor_modes_read for c in picamera2.made] == [1, 0]
        assert picamera2.made[1].config["raw"] == {"size": (1640, 1232)}


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotation_and_mirroring(
    picamera2: type[FakePicamera2], rotation: int, mirrored: bool
) -> None:
    """What the hardware flips and what is turned here add up to what every other source does."""
    settings = CameraSettings(rotation=rotation, mirrored=mirrored)  # type: ignore[arg-type]
    with open_source("picamera2:0", settings, realtime=False) as source:
        frame = source.read(10)
        info = source.describe()
    assert frame is not None
    upright = np.zeros((480, 640, 3), np.uint8)
    upright[:120, :160, 0] = 250
    np.testing.assert_array_equal(frame.image, orient(upright, settings))
    assert (info.height, info.width) == frame.image.shape[:2]


def test_low_resolution_stream(picamera2: type[FakePicamera2]) -> None:
    """Padded YUV lines become a picture of the right size, without a green edge."""
    with open_source("picamera2:0", CameraSettings(lores=True), realtime=False) as source:
        frame = source.read(10)
    assert frame is not None
    assert frame.image.shape == (480, 640, 3)
    assert frame.image.flags.c_contiguous
    assert abs(frame.image.astype(int) - 214).max() <= 2  # 200 in video range is 214
    config = picamera2.made[0].config
    assert config["lores"]["size"] == (640, 480)
    assert config["main"]["size"] == (1280, 960)


def test_controls(picamera2: type[FakePicamera2], caplog: pytest.LogCaptureFixture) -> None:
    """Exposure, gain and focus get libcamera's names; controls the camera lacks are reported."""
    settings = CameraSettings(
        exposure_us=8000, gain=2.0, autofocus="off", lens_position=1.5, fps=50
    )
    Picamera2Opener(0, settings)()
    assert picamera2.made[0].config["controls"] == {
        "FrameDurationLimits": (20000, 20000),
        "ExposureTime": 8000,
        "AnalogueGain": 2.0,
        "AfMode": 0,
        "LensPosition": 1.5,
    }
    Picamera2Opener(0, CameraSettings(autofocus="continuous"))()
    assert picamera2.made[1].config["controls"]["AfMode"] == 2
    assert "fixed focus" not in caplog.text


def test_camera_with_fixed_focus(
    picamera2: type[FakePicamera2],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Asking a Camera Module 2 to focus is no error, but said."""
    made = FakePicamera2.__init__

    def fixed(self: FakePicamera2, number: int) -> None:
        made(self, number)
        self.camera_controls = {}

    monkeypatch.setattr(FakePicamera2, "__init__", fixed)
    Picamera2Opener(0, CameraSettings(autofocus="continuous"))()
    assert "AfMode" not in picamera2.made[0].config["controls"]
    assert "fixed focus" in caplog.text


def test_sizes_the_hardware_does_not_like(
    picamera2: type[FakePicamera2], caplog: pytest.LogCaptureFixture
) -> None:
    """A size that isn't a multiple of 32 is rounded, and said."""
    device = Picamera2Opener(0, CameraSettings(width=650, height=481))()
    assert (device.width, device.height) == (640, 480)
    assert device.read().image.shape == (480, 640, 3)
    assert "asked for 650x481" in caplog.text


def test_modes() -> None:
    """The whole field of view at the wanted rate; of equal modes the smallest that suffices."""
    assert choose_mode(IMX219_MODES, (640, 480), 30) == (1640, 1232)
    assert choose_mode(IMX219_MODES, (640, 480), 20) == (1640, 1232)
    assert choose_mode(IMX219_MODES, (3000, 2000), 20) == (3280, 2464)
    assert choose_mode(IMX219_MODES, (640, 480), 45) == (1920, 1080)
    assert choose_mode(IMX219_MODES, (640, 480), 120) == (640, 480)
    assert choose_mode(IMX219_MODES, (640, 480), 240) == (640, 480)
    assert choose_mode([{"format": "MJPEG"}], (640, 480), 30) is None
    assert choose_mode([], (640, 480), 30) is None


def test_missing_picamera2() -> None:
    """On a PC, or in a venv without the system's packages, the remedy is named; no waiting."""
    if "picamera2" in sys.modules:
        pytest.skip("picamera2 is installed here")
    for realtime in (False, True):
        with pytest.raises(BackendUnavailable, match="apt install python3-picamera2"):
            open_source("picamera2:0", realtime=realtime)


def test_picamera2_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two-numpys trap is named as what it is."""

    def load(name: str) -> ModuleType:
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setattr(importlib, "import_module", load)
    with pytest.raises(BackendUnavailable, match=r"size changed.*numpy isn't apt's"):
        adapter.load_picamera2()

    def load_without_part(name: str) -> ModuleType:
        raise ImportError("libcamera.so.0.5: cannot open shared object file", name="libcamera")

    monkeypatch.setattr(importlib, "import_module", load_without_part)
    with pytest.raises(BackendUnavailable, match=r"doesn't load: libcamera\.so"):
        adapter.load_picamera2()


def test_cameras_that_cannot_be_opened(
    picamera2: type[FakePicamera2], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such camera, one in use, one that doesn't start: one line each, nothing left open."""
    with pytest.raises(SourceNotFound, match=r"no such camera \(1 found\)"):
        open_source("picamera2:1", realtime=False)
    with pytest.raises(UsageError, match="number is wanted"):
        open_source("picamera2:front", realtime=True)
    monkeypatch.setattr(picamera2, "broken", True)
    with pytest.raises(SourceError, match=r"doesn't start \(Failed to configure\)"):
        open_source("picamera2:0", realtime=False)
    assert all(camera.closed for camera in picamera2.made)
    monkeypatch.setattr(picamera2, "in_use", True)
    with pytest.raises(SourceError, match="is another program using it"):
        open_source("picamera2:0", realtime=False)


def test_listing(picamera2: type[FakePicamera2], monkeypatch: pytest.MonkeyPatch) -> None:
    """CSI cameras with their sensor modes; USB cameras that libcamera knows too stand elsewhere."""
    picamera2.cameras.append({"Model": "Webcam", "Id": "/base/soc/usb@7e980000-1:1.0"})
    (camera,) = list_csi_cameras()
    assert (camera.uri, camera.kind, camera.name) == ("picamera2:0", "picamera2", "imx708")
    assert [(m.width, m.fps) for m in camera.modes][1] == (1640, (41.85,))
    assert picamera2.made[0].closed
    monkeypatch.setattr(picamera2, "in_use", True)
    (camera,) = list_csi_cameras()
    assert camera.modes == ()
