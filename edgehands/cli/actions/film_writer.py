"""Writes films of tracked hands: H.264 where FFmpeg has an encoder, each frame at its own time."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edgehands.cameras.limits import shown
from edgehands.closing import Closing
from edgehands.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_H264 = ("libx264", "libopenh264", "mpeg4")
FILMS = {
    ".mp4": ("mp4", _H264),
    ".mov": ("mov", _H264),
    ".mkv": ("matroska", _H264),
    ".webm": ("webm", ("libvpx-vp9", "libvpx")),
    ".avi": ("avi", ("mpeg4", "mjpeg")),
}
"""FFmpeg's container and encoders by file name ending; the first available encoder is used."""


class FilmWriter(Closing):
    """Writes pictures of any size into one film of the first one's size.

    A context manager; the file is opened at the first picture.

    Args:
        path: the file; its ending chooses the container, one of :data:`FILMS`.
        option: the option's name, for messages.

    Raises:
        UsageError: an unknown ending, or a path that can't be written to.
    """

    def __init__(self, path: Path, option: str) -> None:
        self._path = path
        self._option = f"{option} {shown(path)}"
        if path.suffix.lower() not in FILMS:
            raise UsageError(f"{self._option}: name a file that ends in {', '.join(FILMS)}")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{self._option}: no such folder: make it, or name another")
        self._file: Any = None
        self._container: Any = None
        self._stream: Any = None
        self._size = (0, 0)
        self._tick = Fraction(1, 1000)
        self._last = -1

    def write(self, image: NDArray[np.uint8], t: float) -> None:
        """Add a picture.

        Args:
            image: (H, W, 3) uint8 RGB; scaled to fit if its size differs from the first.
            t: seconds from the film's start; later than the previous picture.
        """
        # Imported here: without a film to write, a second FFmpeg in memory isn't needed.
        import av

        try:
            if self._container is None:
                self._open(av, image)
            frame = av.VideoFrame.from_ndarray(fitted(image, self._size), format="rgb24")
            self._last = max(round(t / self._tick), self._last + 1)
            frame.pts, frame.time_base = self._last, self._tick
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Finish the file.

        Raises:
            UsageError: it can't be written: the disk is full.
        """
        container, self._container = self._container, None
        file, self._file = self._file, None
        try:
            if container is not None:
                container.mux(self._stream.encode(None))
                container.close()
            if file is not None:
                file.close()
        except (ValueError, OSError) as error:  # av.FFmpegError's leaves are one of both
            raise self._failed(error) from None

    def _open(self, av: Any, image: NDArray[np.uint8]) -> None:
        form, encoders = FILMS[self._path.suffix.lower()]
        height, width = image.shape[:2]
        self._size = (width + width % 2, height + height % 2)  # 4:2:0 needs even sizes
        # Opened by us: FFmpeg takes some file names for URLs, and others can't be encoded.
        self._file = self._path.open("wb")
        self._container = av.open(self._file, "w", format=form)
        name = next(e for e in encoders if e in av.codecs_available)
        self._stream = self._container.add_stream(name, rate=30)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuvj420p" if name == "mjpeg" else "yuv420p"
        self._tick = Fraction(1, 30 if form == "avi" else 1000)  # AVI has one rate and no times
        self._stream.codec_context.time_base = self._tick
        if name in {"mpeg4", "mjpeg"}:
            self._stream.bit_rate = 8 * width * height
        elif name == "libx264":
            self._stream.options = {"preset": "veryfast", "crf": "20"}

    def _failed(self, error: Exception) -> UsageError:
        why = getattr(error, "strerror", None) or error
        return UsageError(f"{self._option}: can't be written ({why}): is there room on the disk?")


def fitted(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale a picture to this size, with black bars where the aspect ratio differs."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return np.ascontiguousarray(image)
    out = np.zeros((size[1], size[0], 3), np.uint8)
    scale = min(size[0] / width, size[1] / height)
    if abs(size[0] - width) < 2 and abs(size[1] - height) < 2:  # only rounded to even
        scale = 1.0
    new = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = (
        image if new == (width, height) else cv2.resize(image, new, interpolation=cv2.INTER_AREA)
    )
    left, top = (size[0] - new[0]) // 2, (size[1] - new[1]) // 2
    out[top : top + new[1], left : left + new[0]] = small
    return out
