"""USB cameras, against a capture that behaves as OpenCV's V4L2 backend is documented to."""

from __future__ import annotations

import errno
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edgehands.cameras import CameraSettings, SourceInfo, capture, open_source
from edgehands.cameras.capture import Backoff, LiveSource
from edgehands.cameras.listing import list_v4l2_cameras
from edgehands.cameras.v4l2 import MJPG, V4L2Device, V4L2Opener, decode_frame
from edgehands.errors import SourceError, SourceNotFound, UsageError
from tools.common.waiting import until

if TYPE_CHECKING:
    from numpy.typing import NDArray

YUYV = cv2.VideoWriter.fourcc(*"YUYV")
BY_ID = "usb-046d_HD_Pro_Webcam_C920-video-index0"


def jpeg(shade: int, width: int = 64, height: int = 48) -> bytes:
    """A frame as a camera sends it: a red picture of this shade."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2] = shade
    return cv2.imencode(".jpg", image)[1].tobytes()


class FakeWebcam:
    """What is behind all captures of one camera: its abilities, and whether it is plugged in."""

    def __init__(self, *, mjpg: bool = True, sizes: tuple[tuple[int, int], ...] = ()) -> None:
        self.mjpg = mjpg
        self.sizes = sizes or ((640, 480), (1280, 720))
        self.max_fps = 30.0
        self.buffers = 1
        self.plugged = True
        self.busy = False
        self.frames: list[bytes] = []
        self.stamp_offset = 0.0
        self.log: list[tuple[int, float]] = []
        self.open_count = 0
        self.controls = {cv2.CAP_PROP_AUTOFOCUS, cv2.CAP_PROP_FOCUS}

    def capture(self, path: str) -> FakeCapture:
        """Stand in for cv2.VideoCapture(path, CAP_V4L2)."""
        return FakeCapture(self, path)


class FakeCapture:
    """cv2.VideoCapture on V4L2: set, get, grab and retrieve as in OpenCV's cap_v4l.cpp."""

    def __init__(self, cam: FakeWebcam, path: str) -> None:
        self.cam = cam
        self.path = path
        self.opened = cam.plugged and not cam.busy
        self.props: dict[int, float] = {
            cv2.CAP_PROP_FRAME_WIDTH: 640,
            cv2.CAP_PROP_FRAME_HEIGHT: 480,
            cv2.CAP_PROP_FPS: 30.0,
            cv2.CAP_PROP_FOURCC: YUYV,
            cv2.CAP_PROP_BUFFERSIZE: 4,
            cv2.CAP_PROP_CONVERT_RGB: 1,
            cv2.CAP_PROP_POS_MSEC: 0,
        }
        self.current = b""
        self.count = 0
        cam.open_count += self.opened

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Say whether the device was there and free."""
        return self.opened

    def set(self, prop: int, value: float) -> bool:
        """Take what the camera can do, as drivers do: the nearest, without complaint."""
        cam = self.cam
        cam.log.append((prop, value))
        if prop == cv2.CAP_PROP_FOURCC:
            if int(value) == MJPG and not cam.mjpg:
                return False
        elif prop == cv2.CAP_PROP_FRAME_HEIGHT:
            width = self.props[cv2.CAP_PROP_FRAME_WIDTH]
            best = min(cam.sizes, key=lambda s: abs(s[0] - width) + abs(s[1] - value))
            self.props[cv2.CAP_PROP_FRAME_WIDTH] = best[0]
            value = best[1]
        elif prop == cv2.CAP_PROP_FPS:
            value = min(value, cam.max_fps)
        elif prop == cv2.CAP_PROP_BUFFERSIZE:
            value = max(value, cam.buffers)
        elif prop not in self.props and prop not in cam.controls:
            return False
        self.props[prop] = value
        return True

    def get(self, prop: int) -> float:
        """Read back."""
        return self.props.get(prop, -1.0)

    def grab(self) -> bool:
        """Give a frame; false for ever once the device is gone (VIDIOC_DQBUF: ENODEV)."""
        if not self.opened or not self.cam.plugged:
            return False
        time.sleep(0.002)
        self.count += 1
        self.current = self.cam.frames.pop(0) if self.cam.frames else jpeg(self.count % 200 + 20)
        stamp = time.monotonic() - 0.015 + self.cam.stamp_offset
        self.props[cv2.CAP_PROP_POS_MSEC] = stamp * 1000
        return True

    def retrieve(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """Give the bytes of the JPEG, or a BGR picture where conversion is on."""
        raw = np.frombuffer(self.current, np.uint8)[None]
        if self.props[cv2.CAP_PROP_CONVERT_RGB]:
            return True, np.asarray(cv2.imdecode(raw, cv2.IMREAD_COLOR), np.uint8)
        return True, raw

    def release(self) -> None:
        """Close."""
        self.opened = False


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """A /dev with one camera that has a name by id; its device file is /dev/null's twin."""
    root = tmp_path / "dev"
    (root / "v4l" / "by-id").mkdir(parents=True)
    plug_in(root, 0)
    return root


def plug_in(dev: Path, number: int) -> None:
    # No V4L2 device can be made here: any character device serves for what looks at the file.
    node = dev / f"video{number}"
    node.symlink_to("/dev/null" if number == 0 else "/dev/zero")
    link = dev / "v4l" / "by-id" / BY_ID
    link.unlink(missing_ok=True)
    link.symlink_to(node)


def unplug(dev: Path, number: int) -> None:
    (dev / f"video{number}").unlink()
    (dev / "v4l" / "by-id" / BY_ID).unlink()


def opener(dev: Path, cam: FakeWebcam, name: str = "0", **settings: Any) -> V4L2Opener:
    return V4L2Opener(name, CameraSettings(**settings), dev=dev, factory=cam.capture)


def test_camera_is_asked_for_mjpg_and_one_buffer(dev: Path) -> None:
    """Raw pictures don't fit through USB 2, and four buffers would show the past."""
    cam = FakeWebcam()
    device = opener(dev, cam, width=1280, height=720)()
    asked = [prop for prop, _ in cam.log]
    assert asked == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
        cv2.CAP_PROP_BUFFERSIZE,
        cv2.CAP_PROP_CONVERT_RGB,
    ]
    assert dict(cam.log)[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert dict(cam.log)[cv2.CAP_PROP_CONVERT_RGB] == 0
    assert (device.width, device.height, device.fps) == (1280, 720, 30.0)
    assert "MJPG 1280x720 at 30 fps, 1 buffer" in device.detail
    device.close()


def test_frames_are_rgb_and_carry_the_drivers_time(dev: Path) -> None:
    """Red stays red, and latency is counted from the exposure, not from the arrival."""
    cam = FakeWebcam()
    device = opener(dev, cam)()
    shot = device.read()
    assert shot.image.shape == (48, 64, 3)
    assert shot.image.dtype == np.uint8
    assert shot.image[..., 0].min() > 10
    assert shot.image[..., 1:].max() < 10
    assert 0.01 < time.monotonic() - shot.t_mono < 5
    cam.stamp_offset = 1e6
    assert device.read().t_mono == pytest.approx(time.monotonic(), abs=1.0)


def test_what_the_camera_cannot_do_is_said(dev: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A user who asked for 60 fps learns from the log why it is 30."""
    cam = FakeWebcam()
    cam.buffers = 2
    device = opener(dev, cam, width=800, height=600, fps=60)()
    assert (device.width, device.height, device.fps) == (640, 480, 30.0)
    assert "asked for MJPG 800x600 at 60 fps, 1 buffer; the camera gives" in caplog.text
    assert "MJPG 640x480 at 30 fps, 2 buffers" in caplog.text


def test_camera_without_mjpg(dev: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An old camera that only gives raw pictures works all the same."""
    device = opener(dev, FakeWebcam(mjpg=False))()
    assert "YUYV" in device.detail
    assert "asked for MJPG" in caplog.text
    assert device.read().image[..., 0].min() > 10


def test_damaged_frames_are_left_out(dev: Path) -> None:
    """A bad cable costs single frames; the picture before them isn't shown twice."""
    cam = FakeWebcam()
    cam.frames = [b"", b"\xff\xd8\xff nonsense", jpeg(100)[:50], jpeg(150)]
    device = opener(dev, cam)()
    assert 140 < device.read().image[..., 0].mean() < 160


def test_picture_with_a_hole_is_left_out(dev: Path) -> None:
    """Bytes lost on the cable shift all that follows: such a picture would show hands elsewhere."""
    rng = np.random.default_rng(5)
    whole = cv2.imencode(".jpg", rng.integers(0, 256, (96, 128, 3), np.uint8))[1].tobytes()
    half = len(whole) // 2
    cam = FakeWebcam()
    cam.frames = [whole[:half] + whole[half + 1000 :], jpeg(150)]
    assert 140 < opener(dev, cam)().read().image[..., 0].mean() < 160


def test_padding_of_a_camera_is_no_damage(dev: Path) -> None:
    """Many webcams put bytes of their own between segments and around the end mark."""
    data = jpeg(150)
    cam = FakeWebcam()
    cam.frames = [data[:2] + bytes(3) + data[2:-2] + bytes(5) + data[-2:] + bytes(7)]
    assert 140 < opener(dev, cam)().read().image[..., 0].mean() < 160


def test_camera_that_gives_only_damage_is_lost(dev: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera in a state of madness is closed and opened again, which often cures it."""
    monkeypatch.setattr(capture, "DAMAGED_S", 0.0)
    cam = FakeWebcam()
    cam.frames = [b"junk"]
    with pytest.raises(SourceError, match="nothing but damaged frames for 0 s"):
        opener(dev, cam)().read()


def test_jpeg_without_huffman_tables() -> None:
    """Many webcams leave the standard tables out of their MJPG: it must decode all the same."""
    data = jpeg(120)
    stripped, at = bytearray(data[:2]), 2
    while data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        if data[at + 1] != 0xC4:
            stripped += data[at : at + 2 + length]
        at += 2 + length
    stripped += data[at:]
    assert len(stripped) < len(data) - 300
    image = decode_frame(np.frombuffer(bytes(stripped), np.uint8)[None])
    assert image is not None
    assert 110 < image[..., 0].mean() < 130


def test_controls_are_set_only_when_asked(dev: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Settings made with another tool are kept, and controls that the camera lacks are reported."""
    cam = FakeWebcam()
    opener(dev, cam)()
    assert not {cv2.CAP_PROP_AUTOFOCUS, cv2.CAP_PROP_EXPOSURE} & dict(cam.log).keys()
    opener(dev, cam, autofocus="off", lens_position=30, exposure_us=5000)()
    sent = dict(cam.log)
    assert sent[cv2.CAP_PROP_AUTOFOCUS] == 0
    assert sent[cv2.CAP_PROP_FOCUS] == 30
    assert sent[cv2.CAP_PROP_AUTO_EXPOSURE] == 1
    assert sent[cv2.CAP_PROP_EXPOSURE] == 50
    assert "no such control" in caplog.text


@pytest.mark.parametrize("name", ["0", "{dev}/video0", "{dev}/v4l/by-id/" + BY_ID, BY_ID])
def test_ways_to_name_a_camera(dev: Path, name: str) -> None:
    """Number, path, and the name that survives replugging all lead to the camera."""
    device = opener(dev, FakeWebcam(), name.format(dev=dev))()
    assert device.read().image.shape == (48, 64, 3)


def test_missing_camera(dev: Path) -> None:
    """The message says what is there instead."""
    with pytest.raises(SourceNotFound, match=rf"video7: no such camera.*{BY_ID}"):
        opener(dev, FakeWebcam(), "7")()
    for uri in ("v4l2:/dev/video77", "/dev/video77", "v4l2:77", "v4l2:usb-Nobody"):
        with pytest.raises(SourceNotFound, match="no such camera"):
            open_source(uri, realtime=False)
    with pytest.raises(UsageError, match="which camera"):
        open_source("v4l2:", realtime=True)


def test_missing_camera_in_a_live_run_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """A service that starts before its camera is plugged in says so and waits."""
    with open_source("v4l2:/dev/video77", realtime=True) as source:
        assert source.read(0.05) is None
        assert not source.online
        assert not source.finished
    assert "no such camera" in caplog.text
    assert "trying again for ever" in caplog.text


def test_device_that_is_no_device(tmp_path: Path) -> None:
    """A file where a device should be is distinguished from a missing camera."""
    (tmp_path / "video0").write_bytes(b"x")
    with pytest.raises(SourceError, match="not a device"):
        opener(tmp_path, FakeWebcam())()


def test_device_of_the_pi_itself(dev: Path, tmp_path: Path) -> None:
    """Whoever gives a CSI camera's raw device as a USB camera learns the right name."""
    node = tmp_path / "sys" / "class" / "video4linux" / "null"  # what the fixture's video0 is
    node.mkdir(parents=True)
    (node / "name").write_text("unicam-image\n")
    asked = opener(dev, FakeWebcam())
    asked.sys = tmp_path / "sys"
    with pytest.raises(SourceError, match="use picamera2:0"):
        asked()
    (node / "name").write_text("HD Pro Webcam C920\n")
    assert asked().read().image.shape == (48, 64, 3)


def test_busy_camera(dev: Path) -> None:
    """A camera that a browser holds gives that hint, and nothing stays open."""
    cam = FakeWebcam()
    cam.busy = True
    with pytest.raises(SourceError, match="used by another program"):
        opener(dev, cam)()
    assert cam.open_count == 0


def test_failed_setup_closes_the_device(dev: Path) -> None:
    """A camera that dies while it is set up isn't left open, so the next attempt can have it."""
    cam = FakeWebcam()
    captures: list[FakeCapture] = []

    class Dying(FakeCapture):
        """Is unplugged at the worst moment."""

        def set(self, prop: int, value: float) -> bool:  # noqa: ARG002
            """Fail as OpenCV does on an ioctl that can't be."""
            raise cv2.error("VIDIOC_S_FMT: No such device")

    def factory(path: str) -> FakeCapture:
        captures.append(Dying(cam, path))
        return captures[-1]

    with pytest.raises(cv2.error):
        V4L2Device(dev / "video0", CameraSettings(), factory)
    assert not captures[0].opened


def test_unplugged_camera_comes_back_under_another_number(dev: Path) -> None:
    """Whoever pulls the cable and puts it back gets video1: the service follows the camera."""
    cam = FakeWebcam()
    source = LiveSource(
        SourceInfo("v4l2:0", "v4l2", 0, 0, 0.0),
        opener(dev, cam),
        CameraSettings(),
        must_open=True,
        backoff=Backoff(0.002, 0.005),
    )
    with source:
        assert source.read(10) is not None
        cam.plugged = False
        unplug(dev, 0)
        until(lambda: not source.online)
        time.sleep(0.02)
        assert cam.open_count == 1
        plug_in(dev, 1)
        cam.plugged = True
        until(lambda: source.reconnects == 1)
        frame = source.read(10)
        assert frame is not None
        assert cam.open_count == 2
        assert BY_ID in source.describe().detail


# --- listing ---------------------------------------------------------------------------------


class FakeKernel:
    """Answers the ioctls of videodev2.h for devices known by the file that was opened."""

    def __init__(
        self, cards: dict[str, tuple[str, str, int, dict[str, dict[Any, list[int]]]]]
    ) -> None:
        self.cards = cards

    def ioctl(self, fd: int, request: int, buffer: bytearray) -> None:
        """Fill the buffer as the kernel does, EINVAL past the end of an enumeration."""
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        driver, card, caps, formats = self.cards[name]
        number, size = request & 0xFF, request >> 16 & 0x3FFF
        assert size == len(buffer)
        assert request >> 8 & 0xFF == ord("V")
        if number == 0:
            struct.pack_into(
                "<16s32s32sIII", buffer, 0, driver.encode(), card.encode(), b"", 0,
                caps | 0x80000000 | 1, caps,
            )  # fmt: skip
            return
        (index,) = struct.unpack_from("<I", buffer)
        try:
            if number == 2:
                fourcc = list(formats)[index].encode()
                buffer[44:48] = fourcc
                return
            sizes = formats[bytes(buffer[4:8]).decode()]
            if number == 74:
                shape = list(sizes)[index]
                struct.pack_into("<I", buffer, 8, 1 if len(shape) == 2 else 3)
                if len(shape) == 2:
                    struct.pack_into("<II", buffer, 12, *shape)
                else:
                    struct.pack_into("<IIIIII", buffer, 12, 16, shape[0], 8, 16, shape[1], 8)
            elif number == 75:
                width, height = struct.unpack_from("<II", buffer, 8)
                rates = next(r for s, r in sizes.items() if s[:2] == (width, height))
                struct.pack_into("<III", buffer, 16, 1, 1, rates[index])
        except IndexError:
            raise OSError(errno.EINVAL, "Invalid argument") from None


CAPTURE, META, M2M, STREAMING = 0x1, 0x800000, 0x8000, 0x4000000


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path, FakeKernel]:
    """A Pi with a webcam (two nodes), its own camera and codec nodes, and one odd camera."""
    dev, sys = tmp_path / "dev", tmp_path / "sys"
    (dev / "v4l" / "by-id").mkdir(parents=True)
    webcam = {
        "YUYV": {(640, 480): [30, 15]},
        "MJPG": {(640, 480): [30], (1280, 720): [30, 60]},
    }
    kernel = FakeKernel(
        {
            "video0": ("unicam", "unicam", CAPTURE | STREAMING, {"YUYV": {}}),
            "video10": ("bcm2835-codec", "decode", M2M | STREAMING, {}),
            "video2": ("uvcvideo", "HD Pro Webcam", CAPTURE | STREAMING, webcam),
            "video3": ("uvcvideo", "HD Pro Webcam", META | STREAMING, {}),
            "video4": (
                "gspca",
                "Odd",
                CAPTURE | STREAMING,
                {"GREY": {(1920, 1080, "range"): [50]}},
            ),
        }
    )
    for name in kernel.cards:
        (sys / "class" / "video4linux" / name).mkdir(parents=True)
        (dev / name).touch()
    (dev / "v4l" / "by-id" / BY_ID).symlink_to(dev / "video2")
    return dev, sys, kernel


def test_list_shows_cameras_and_nothing_else(machine: tuple[Path, Path, FakeKernel]) -> None:
    """`edgehands cameras` gives lines to paste behind --source, not twenty codec nodes."""
    dev, sys, kernel = machine
    webcam, odd = list_v4l2_cameras(dev, sys, kernel.ioctl)
    assert webcam.uri == f"v4l2:{dev}/v4l/by-id/{BY_ID}"
    assert (webcam.name, webcam.path) == ("HD Pro Webcam", str(dev / "video2"))
    modes = [(m.format, m.width, m.height, m.fps) for m in webcam.modes]
    assert modes == [
        ("YUYV", 640, 480, (30, 15)),
        ("MJPG", 640, 480, (30,)),
        ("MJPG", 1280, 720, (60, 30)),
    ]
    assert odd.uri == f"v4l2:{dev}/video4"
    assert [(m.width, m.height, m.fps) for m in odd.modes] == [(1920, 1080, (50,))]


def test_list_without_any_camera(tmp_path: Path) -> None:
    """A machine without cameras gets an empty list, not an error."""
    assert list_v4l2_cameras(tmp_path, tmp_path) == ()


def test_list_survives_devices_that_answer_nonsense(
    machine: tuple[Path, Path, FakeKernel],
) -> None:
    """One broken driver mustn't hide the other cameras."""
    dev, sys, kernel = machine

    def ioctl(fd: int, request: int, buffer: bytearray) -> None:
        if Path(f"/proc/self/fd/{fd}").readlink().name == "video2":
            raise OSError(errno.EIO, "I/O error")
        kernel.ioctl(fd, request, buffer)

    assert [c.name for c in list_v4l2_cameras(dev, sys, ioctl)] == ["Odd"]
