"""Lists the cameras, for ``edgehands cameras`` and ``edgehands doctor``.

Nothing is opened for capture: V4L2 devices are queried by ioctl, which works while another program
uses them. Structures and numbers are those of Linux' ``videodev2.h``.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgehands.cameras.picamera2 import load_picamera2
from edgehands.cameras.v4l2 import is_pi_internal
from edgehands.errors import BackendUnavailable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraMode:
    """One size that a camera supports.

    Attributes:
        format: FourCC of the pixel format (``MJPG``, ``YUYV``), or the sensor's raw format.
        width, height: pixels.
        fps: frames a second supported at this size, descending; empty if unknown.
    """

    format: str
    width: int
    height: int
    fps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """One camera that edgehands can use.

    Attributes:
        uri: for ``--source``; for USB the name that survives replugging, if any.
        kind: ``v4l2`` or ``picamera2``.
        name: the manufacturer's name.
        path: device file (V4L2) or libcamera's id.
        modes: sizes and rates, as far as the device reports them.
    """

    uri: str
    kind: str
    name: str
    path: str
    modes: tuple[CameraMode, ...] = ()


def list_cameras() -> tuple[CameraInfo, ...]:
    """Find CSI cameras (if picamera2 is installed), then USB ones. Never raises."""
    return (*list_csi_cameras(), *list_v4l2_cameras())


_CAP_VIDEO_CAPTURE = 0x00000001
_CAP_STREAMING = 0x04000000
_CAP_DEVICE_CAPS = 0x80000000
_BUF_TYPE_VIDEO_CAPTURE = 1
_DISCRETE = 1


def _ior(number: int, size: int, *, write: bool) -> int:
    """Build an ioctl request: ``_IOR('V', …)`` or ``_IOWR('V', …)``."""
    return (3 if write else 2) << 30 | size << 16 | ord("V") << 8 | number


_QUERYCAP = _ior(0, 104, write=False)
_ENUM_FMT = _ior(2, 64, write=True)
_ENUM_FRAMESIZES = _ior(74, 44, write=True)
_ENUM_FRAMEINTERVALS = _ior(75, 52, write=True)

# Like fcntl.ioctl: fills the buffer or raises OSError.
Ioctl = Callable[[int, int, bytearray], None]


def _ioctl(fd: int, request: int, buffer: bytearray) -> None:
    fcntl.ioctl(fd, request, buffer, True)  # noqa: FBT003 - fcntl knows no keyword


def list_v4l2_cameras(
    dev: Path = Path("/dev"), sys: Path = Path("/sys"), ioctl: Ioctl = _ioctl
) -> tuple[CameraInfo, ...]:
    """Find V4L2 capture devices other than a Pi's internal ones.

    Args:
        dev: folder of the device files.
        sys: folder of the kernel's descriptions.
        ioctl: queries a device.
    """
    by_id: dict[Path, Path] = {}
    for link in sorted((dev / "v4l" / "by-id").glob("*")):
        by_id.setdefault(link.resolve(), link)
    found = []
    nodes = (sys / "class" / "video4linux").glob("video*")
    for node in sorted(nodes, key=lambda n: int(n.name[5:]) if n.name[5:].isdecimal() else 999):
        path = dev / node.name
        try:
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            log.debug("%s: %s", path, error)
            if error.errno in (errno.EACCES, errno.EPERM, errno.EBUSY):
                name = f"{_read(node / 'name') or node.name} ({error.strerror})"
                found.append(CameraInfo(f"v4l2:{path}", "v4l2", name, str(path)))
            continue
        try:
            info = _ask(fd, path, by_id.get(path.resolve()), ioctl)
        except OSError as error:
            log.debug("%s: %s", path, error)
            info = None
        finally:
            os.close(fd)
        if info is not None:
            found.append(info)
    return tuple(found)


def list_csi_cameras() -> tuple[CameraInfo, ...]:
    """Find the cameras that need libcamera rather than V4L2 alone; none without picamera2."""
    try:
        module = load_picamera2()
    except BackendUnavailable as error:
        log.debug("%s", error)
        return ()
    try:
        cameras = module.Picamera2.global_camera_info()
    except Exception as error:  # noqa: BLE001 - libcamera raises whatever it likes
        log.warning("picamera2 can't list its cameras: %s", error)
        return ()
    found = []
    for number, camera in enumerate(cameras):
        identity = str(camera.get("Id", ""))
        if "usb" in identity.lower():  # listed by V4L2, with its modes
            continue
        modes = _sensor_modes(module, number)
        name = str(camera.get("Model", "camera"))
        found.append(CameraInfo(f"picamera2:{number}", "picamera2", name, identity, modes))
    return tuple(found)


def _sensor_modes(module: object, number: int) -> tuple[CameraMode, ...]:
    """A CSI camera's sensor modes; none while another program uses it."""
    try:
        camera = module.Picamera2(number)  # type: ignore[attr-defined]
        try:
            raw = camera.sensor_modes
        finally:
            camera.close()
        return tuple(
            CameraMode(
                format=str(mode["format"]),
                width=int(mode["size"][0]),
                height=int(mode["size"][1]),
                fps=(float(mode["fps"]),),
            )
            for mode in raw
            if "size" in mode
        )
    except Exception as error:  # noqa: BLE001
        log.debug("picamera2:%d: %s", number, error)
        return ()


def _ask(fd: int, path: Path, link: Path | None, ioctl: Ioctl) -> CameraInfo | None:
    """The camera behind an open device, or None if it is something else."""
    answer = bytearray(104)
    ioctl(fd, _QUERYCAP, answer)
    driver, card, _bus, _version, whole, device = struct.unpack_from("<16s32s32sIII", answer)
    caps = device if whole & _CAP_DEVICE_CAPS else whole
    if caps & _CAP_VIDEO_CAPTURE == 0 or caps & _CAP_STREAMING == 0:
        return None
    if is_pi_internal(_text(driver)):
        return None
    modes = tuple(mode for fourcc in _formats(fd, ioctl) for mode in _modes_of(fd, fourcc, ioctl))
    if not modes and not _formats(fd, ioctl):  # the metadata node of a UVC camera
        return None
    uri = f"v4l2:{link or path}"
    return CameraInfo(uri, "v4l2", _text(card), str(path), modes)


def _formats(fd: int, ioctl: Ioctl) -> list[int]:
    formats: list[int] = []
    for index in range(64):  # some drivers never report the end
        buffer = bytearray(64)
        struct.pack_into("<II", buffer, 0, index, _BUF_TYPE_VIDEO_CAPTURE)
        try:
            ioctl(fd, _ENUM_FMT, buffer)
        except OSError:
            break
        formats.append(struct.unpack_from("<I", buffer, 44)[0])
    return formats


def _modes_of(fd: int, fourcc: int, ioctl: Ioctl) -> list[CameraMode]:
    modes = []
    name = struct.pack("<I", fourcc & 0x7FFFFFFF).decode("ascii", "replace").rstrip()
    for index in range(128):
        buffer = bytearray(44)
        struct.pack_into("<II", buffer, 0, index, fourcc)
        try:
            ioctl(fd, _ENUM_FRAMESIZES, buffer)
        except OSError:
            break
        kind, width, height = struct.unpack_from("<III", buffer, 8)
        if kind != _DISCRETE:
            # A range (least, most, step for each side): its largest size is used.
            _, width, _, _, height, _ = struct.unpack_from("<IIIIII", buffer, 12)
        modes.append(CameraMode(name, width, height, _rates(fd, fourcc, width, height, ioctl)))
        if kind != _DISCRETE:
            break
    return modes


def _rates(fd: int, fourcc: int, width: int, height: int, ioctl: Ioctl) -> tuple[float, ...]:
    rates = set()
    for index in range(64):
        buffer = bytearray(52)
        struct.pack_into("<IIII", buffer, 0, index, fourcc, width, height)
        try:
            ioctl(fd, _ENUM_FRAMEINTERVALS, buffer)
        except OSError:
            break
        # Discrete: seconds as a fraction. A range begins with its shortest interval.
        kind, numerator, denominator = struct.unpack_from("<III", buffer, 16)
        if numerator:
            rates.add(round(denominator / numerator, 2))
        if kind != _DISCRETE:
            break
    return tuple(sorted(rates, reverse=True))


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
