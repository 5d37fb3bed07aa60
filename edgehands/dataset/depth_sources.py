"""Sources of frames with depth: any source plus a folder of depth pictures, RealSense, OAK.

The two cameras are driven through their makers' packages (``pip install pyrealsense2``, ``pip
install depthai``), following their documentation; both are tested against fakes and were never run
on hardware.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from edgehands.cameras import SourceInfo
from edgehands.closing import Closing
from edgehands.dataset.depth import read_depth
from edgehands.errors import BackendUnavailable, SourceError, SourceNotFound
from edgehands.hand import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.cameras import CameraSettings, Source

SCHEMES: Final = ("realsense", "oak")


@dataclass(frozen=True, slots=True, eq=False)
class DepthFrame:
    """A frame and, where there is one, its depth, (H, W) uint16 millimetres, 0 = unknown."""

    frame: Frame
    depth: NDArray[np.uint16] | None = None


@dataclass(frozen=True, slots=True)
class Lens:
    """Focal lengths in pixels, as reported by the camera."""

    focal_x: float
    focal_y: float


class DepthSource(Protocol):
    """A source to record from."""

    @property
    def finished(self) -> bool:
        """True once the last frame was read; never for a camera."""

    @property
    def lens(self) -> Lens | None:
        """The lens, where the camera reports it."""

    def read(self, timeout: float) -> DepthFrame | None:
        """The next frame; None if none came within ``timeout`` seconds, or none is left."""

    def describe(self) -> SourceInfo:
        """What the source is."""


class WithDepthFolder:
    """Any source, with depth pictures from a folder.

    A picture's depth picture has the same name, with ``.png``; for a video, the depth pictures are
    numbered from 0 in the order of their names, like the frames.

    Args:
        source: of the frames; the caller closes it.
        folder: of the depth pictures; None = there are none.

    Raises:
        SourceNotFound: there is no such folder, or no PNG in it.
    """

    lens = None

    def __init__(self, source: Source, folder: Path | None) -> None:
        self._source = source
        self._files: dict[str, Path] = {}
        if folder is not None:
            paths = sorted(folder.glob("*.png")) if folder.is_dir() else []
            if not paths:
                raise SourceNotFound(
                    f"--depth {folder}: no PNG in it: give 16-bit PNGs, one a frame"
                )
            self._files = {path.stem: path for path in paths}
        self._order = list(self._files.values())

    @property
    def finished(self) -> bool:
        """True once the last frame was read."""
        return self._source.finished

    def read(self, timeout: float) -> DepthFrame | None:
        """The next frame with its depth picture, where there is one."""
        frame = self._source.read(timeout)
        if frame is None:
            return None
        path = self._files.get(Path(frame.source).stem)
        if path is None and self.describe().kind not in {"folder", "image"}:
            path = self._order[frame.seq] if frame.seq < len(self._order) else None
        return DepthFrame(frame, read_depth(path) if path is not None else None)

    def describe(self) -> SourceInfo:
        """What the source of the frames is."""
        return self._source.describe()


class RealSense(Closing):
    """An Intel RealSense depth camera through ``pyrealsense2``.

    Args:
        serial: its serial number; empty = the first one.
        settings: size and rate of the pictures.

    Raises:
        BackendUnavailable: ``pyrealsense2`` isn't installed.
        SourceNotFound: no such camera.
    """

    finished = False

    def __init__(self, serial: str, settings: CameraSettings) -> None:
        rs = _package("pyrealsense2", "realsense")
        self._uri = f"realsense:{serial}"
        self._settings = settings
        self._seq = 0
        self._pipeline = rs.pipeline()
        config = rs.config()
        if serial:
            config.enable_device(serial)
        size = (settings.width, settings.height)
        fps = round(settings.fps)
        config.enable_stream(rs.stream.color, *size, rs.format.rgb8, fps)
        config.enable_stream(rs.stream.depth, *size, rs.format.z16, fps)
        try:
            profile = self._pipeline.start(config)
        except RuntimeError as error:
            raise SourceNotFound(f"{self._uri}: {error}: is it plugged in?") from None
        self._to_mm = 1000.0 * profile.get_device().first_depth_sensor().get_depth_scale()
        self._align = rs.align(rs.stream.color)
        lens = profile.get_stream(rs.stream.color).as_video_stream_profile().get_intrinsics()
        self.lens = Lens(float(lens.fx), float(lens.fy))

    def read(self, timeout: float) -> DepthFrame | None:
        """The next frame, with its depth in the colour picture's pixels."""
        try:
            frames = self._align.process(self._pipeline.wait_for_frames(round(timeout * 1000)))
        except RuntimeError:
            return None  # none came in time
        colour, depth = frames.get_color_frame(), frames.get_depth_frame()
        if not colour or not depth:
            return None
        seq, self._seq = self._seq, self._seq + 1
        image = np.array(colour.get_data(), np.uint8)
        mm = np.asarray(depth.get_data(), np.float64) * self._to_mm
        frame = Frame(image, seq, time.monotonic(), time.time(), self._uri)
        return DepthFrame(frame, np.clip(np.rint(mm), 0, 65535).astype(np.uint16))

    def describe(self) -> SourceInfo:
        """What the source is."""
        s = self._settings
        return SourceInfo(self._uri, "realsense", s.width, s.height, s.fps)

    def close(self) -> None:
        """Let go of the camera."""
        self._pipeline.stop()


class Oak(Closing):
    """A Luxonis OAK-D through ``depthai`` 3.

    Args:
        device: its name or address; empty = the first one.
        settings: size and rate of the pictures.

    Raises:
        BackendUnavailable: ``depthai`` isn't installed, or is older than 3.
        SourceNotFound: no such camera.
    """

    finished = False
    lens = None

    def __init__(self, device: str, settings: CameraSettings) -> None:
        dai = _package("depthai", "oak")
        if not hasattr(dai.node, "Camera") or not hasattr(dai.node, "Sync"):
            raise BackendUnavailable("oak: this depthai is too old: pip install 'depthai>=3'")
        self._uri = f"oak:{device}"
        self._settings = settings
        self._seq = 0
        try:
            self._pipeline = (
                dai.Pipeline(dai.Device(dai.DeviceInfo(device))) if device else (dai.Pipeline())
            )
            self._queue = self._build(dai)
            self._pipeline.start()
        except RuntimeError as error:
            raise SourceNotFound(f"{self._uri}: {error}: is it plugged in?") from None

    def _build(self, dai: Any) -> Any:
        s, sockets = self._settings, dai.CameraBoardSocket

        def camera(socket: Any, size: tuple[int, int]) -> Any:
            node = self._pipeline.create(dai.node.Camera).build(socket)
            return node.requestOutput(size, fps=s.fps)

        colour = camera(sockets.CAM_A, (s.width, s.height))
        stereo = self._pipeline.create(dai.node.StereoDepth)
        camera(sockets.CAM_B, (640, 400)).link(stereo.left)
        camera(sockets.CAM_C, (640, 400)).link(stereo.right)
        colour.link(stereo.inputAlignTo)
        sync = self._pipeline.create(dai.node.Sync)
        colour.link(sync.inputs["colour"])
        stereo.depth.link(sync.inputs["depth"])
        return sync.out.createOutputQueue(maxSize=1, blocking=False)

    def read(self, timeout: float) -> DepthFrame | None:
        """The newest frame, with its depth in the colour picture's pixels."""
        until = time.monotonic() + timeout
        group = self._queue.tryGet()
        while group is None:
            if time.monotonic() >= until:
                return None
            if not self._pipeline.isRunning():
                raise SourceError(f"{self._uri}: the camera went away: plug it in again")
            time.sleep(0.005)
            group = self._queue.tryGet()
        seq, self._seq = self._seq, self._seq + 1
        image = np.ascontiguousarray(group["colour"].getCvFrame()[..., ::-1], np.uint8)
        frame = Frame(image, seq, time.monotonic(), time.time(), self._uri)
        return DepthFrame(frame, np.array(group["depth"].getFrame(), np.uint16))

    def describe(self) -> SourceInfo:
        """What the source is."""
        s = self._settings
        return SourceInfo(self._uri, "oak", s.width, s.height, s.fps)

    def close(self) -> None:
        """Let go of the camera."""
        self._pipeline.stop()


def open_depth_camera(uri: str, settings: CameraSettings) -> RealSense | Oak | None:
    """Open ``realsense:`` or ``oak:``; None where the URI names neither."""
    scheme, _, rest = uri.partition(":")
    if scheme == "realsense":
        return RealSense(rest, settings)
    return Oak(rest, settings) if scheme == "oak" else None


def _package(name: str, scheme: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BackendUnavailable(
            f"{scheme}: needs the package {name}: pip install 'edgehands[{scheme}]' ({error})"
        ) from None
