"""What every source of frames has in common: the protocol and its description.

A frame that a source hands on is an array of its own, (H, W, 3) uint8 RGB and contiguous: the
source never writes into it again, and whoever receives it must not write into it either (a folder
shows the same picture many times in a live run).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from edgehands.safe_text import redact

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from edgehands.config import CameraSettings
    from edgehands.errors import SourceError, SourceNotFound
    from edgehands.hand import Frame


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source is, for people, for ``info`` and for the log. No secret stands in it.

    Attributes:
        uri: how it was asked for; a password or a token in it becomes ``***``.
        kind: ``image``, ``folder``, ``video``, ``v4l2``, ``rtsp``, ``http``, ``picamera2`` or
            ``fake``.
        width, height: size of the frames handed on, pixels; 0 while it isn't known.
        fps: frames a second it gives, 0 while it isn't known.
        detail: one line more: the pixel format, the number of images, the device's own path.
    """

    uri: str
    kind: str
    width: int
    height: int
    fps: float
    detail: str = ""

    def __post_init__(self) -> None:
        for name in ("uri", "detail"):
            object.__setattr__(self, name, redact(getattr(self, name)))


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """One input among others that couldn't be read; the rest goes on.

    Attributes:
        source: the file.
        error: why, in one line that names the file.
    """

    source: str
    error: SourceError | SourceNotFound


class FrameSource(Protocol):
    """A camera, a file or a folder that gives frames: all that the frame loop needs of it."""

    @property
    def finished(self) -> bool:
        """True once the last frame of a file or folder was read; never true of a camera."""

    @property
    def online(self) -> bool:
        """Whether frames are coming: false while a camera is away. Files are always online."""

    @property
    def reconnects(self) -> int:
        """How many times a camera came back after it had gone away."""

    @property
    def dropped(self) -> int:
        """Frames that nobody read in time: each gave way to a newer one."""

    @property
    def failures(self) -> int:
        """How often a camera couldn't be opened, or was lost while it was read."""

    @property
    def problem(self) -> str:
        """Why no frames are coming, one line without secrets; empty while nothing is wrong."""

    @property
    def stuck_s(self) -> float:
        """Seconds that a camera's driver has been holding up a call by now; 0 when it isn't."""

    def read(self, timeout: float) -> Frame | None:
        """Give the next frame (of a live source: the newest that wasn't given yet).

        Args:
            timeout: longest time to wait, seconds.

        Returns:
            The frame, or None when there was none within the timeout, or none is left.

        Raises:
            SourceError: The file is damaged. A camera never raises here: it goes offline.
        """

    def describe(self) -> SourceInfo:
        """Say what the source is, as far as it is known by now."""

    def close(self) -> None:
        """Let go of the device or file. Doing it twice does no harm."""


class Source(FrameSource, Protocol):
    """A frame source that is a context manager too: leaving it closes it.

    Every constructor either gives a source that works or cleans up and raises
    :class:`~edgehands.errors.SourceNotFound` or :class:`~edgehands.errors.SourceError`.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


def orient(image: NDArray[np.uint8], settings: CameraSettings) -> NDArray[np.uint8]:
    """Turn and mirror a picture as the settings ask; gives the same array when they ask nothing."""
    if settings.rotation:
        image = np.asarray(cv2.rotate(image, _TURNS[settings.rotation]), np.uint8)
    if settings.mirrored:
        image = np.asarray(cv2.flip(image, 1), np.uint8)
    return image


def oriented_size(width: int, height: int, settings: CameraSettings) -> tuple[int, int]:
    """Width and height after :func:`orient`."""
    return (height, width) if settings.rotation in (90, 270) else (width, height)
