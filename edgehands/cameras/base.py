"""What all sources of frames have in common: the protocol and its description.

A frame from a source is a separate array, (H, W, 3) uint8 RGB and contiguous: the source never
writes to it again, and the receiver must not write to it either (a folder shows the same picture
many times in a live run).
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
    """A source's description for people, ``info`` and the log, without secrets.

    Attributes:
        uri: the URI requested; a password or token in it becomes ``***``.
        kind: ``image``, ``folder``, ``video``, ``v4l2``, ``rtsp``, ``http``, ``picamera2`` or
            ``fake``.
        width, height: size of the frames delivered, pixels; 0 if unknown.
        fps: frames a second delivered; 0 if unknown.
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
    """One input that couldn't be read; the others continue.

    Attributes:
        source: the file.
        error: why, in one line that names the file.
    """

    source: str
    error: SourceError | SourceNotFound


class FrameSource(Protocol):
    """A camera, file or folder that delivers frames, as far as the frame loop needs it."""

    @property
    def finished(self) -> bool:
        """True once the last frame of a file or folder was read; never True for a camera."""

    @property
    def online(self) -> bool:
        """Whether frames arrive: False while a camera is missing. Files are always online."""

    @property
    def reconnects(self) -> int:
        """How often a camera was reconnected."""

    @property
    def dropped(self) -> int:
        """Frames that weren't read in time: each was replaced by a newer one."""

    @property
    def failures(self) -> int:
        """How often a camera couldn't be opened, or was lost while reading."""

    @property
    def problem(self) -> str:
        """Why no frames arrive, one line without secrets; empty if nothing is wrong."""

    @property
    def stuck_s(self) -> float:
        """Seconds for which a camera's driver has blocked a call; 0 if it doesn't."""

    def read(self, timeout: float) -> Frame | None:
        """The next frame (from a live source: the newest not yet returned).

        Args:
            timeout: longest time to wait, seconds.

        Returns:
            The frame, or None if none came within the timeout, or none is left.

        Raises:
            SourceError: The file is damaged. A camera never raises here: it goes offline.
        """

    def describe(self) -> SourceInfo:
        """The source's description, as far as known."""

    def close(self) -> None:
        """Release the device or file. May be called twice."""


class Source(FrameSource, Protocol):
    """A frame source that is a context manager too: leaving closes it.

    Every constructor either returns a working source or cleans up and raises
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
    """Turn and mirror a picture according to the settings; the same array if nothing is to do."""
    if settings.rotation:
        image = np.asarray(cv2.rotate(image, _TURNS[settings.rotation]), np.uint8)
    if settings.mirrored:
        image = np.asarray(cv2.flip(image, 1), np.uint8)
    return image


def oriented_size(width: int, height: int, settings: CameraSettings) -> tuple[int, int]:
    """Width and height after :func:`orient`."""
    return (height, width) if settings.rotation in (90, 270) else (width, height)
