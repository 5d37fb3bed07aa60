"""What :class:`~edgehands.cameras.video.VideoSource` plays: a file of timed pictures.

Two kinds: films through PyAV, animated images through Pillow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edgehands.cameras.images import ImageFile, Picture, is_image

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


class Film(Protocol):
    """A film read from beginning to end.

    Attributes:
        fps: frames a second; the spacing if a file has no times of its own.
        frames: number of frames according to the file; 0 if unknown.
        seconds: length according to the file; 0 if unknown.
        size: width and height of the first frame, upright, in square pixels; known after a grab.
        damaged: frames skipped so far because they couldn't be decoded.
    """

    size: tuple[int, int]
    fps: float
    frames: int
    seconds: float
    damaged: int

    def grab(self) -> float | None:
        """Go to the next frame; returns its time in seconds from the first one, None at the end.

        Raises:
            SourceError: Nothing in the file can be decoded.
        """

    def retrieve(self) -> NDArray[np.uint8] | None:
        """The grabbed frame, upright, (H, W, 3) uint8 RGB; None if it is damaged."""

    def close(self) -> None:
        """Close the file."""


def open_film(path: Path, *, fps: float | None, default_fps: float, threads: int) -> Film:
    """Open a film or an animated image.

    Args:
        path: an existing file.
        fps: the rate of a file without times of its own; None = as in the file, if given.
        default_fps: its rate if none is given.
        threads: for decoding; 0 = by core count.

    Raises:
        SourceError: Not a film, or above the limits.
    """
    if is_image(path):
        return Animation(path)
    # Only here: a camera's service doesn't need a second FFmpeg in memory.
    from edgehands.cameras.av_film import AvFilm  # noqa: PLC0415

    return AvFilm(path, fps=fps, default_fps=default_fps, threads=threads)


def is_animation(path: Path) -> bool:
    """Whether an image file contains timed frames, as a GIF may."""
    with ImageFile(path) as file:
        return file.animated


class Animation:
    """An animated GIF, PNG or WebP."""

    def __init__(self, path: Path) -> None:
        self._file = ImageFile(path)
        self._pictures = self._file.pictures()
        self._picture: Picture | None = None
        self.size = (0, 0)
        self.frames = self._file.pages
        self.fps = self._file.fps
        self.seconds = 0.0
        self.damaged = 0

    def grab(self) -> float | None:
        """Decode the next picture."""
        self._picture = next(self._pictures, None)
        if self._picture is None:
            return None
        self.size = (self._picture.image.shape[1], self._picture.image.shape[0])
        return self._picture.t

    def retrieve(self) -> NDArray[np.uint8]:
        """The decoded picture."""
        assert self._picture is not None  # noqa: S101 - grab came first
        return self._picture.image

    def close(self) -> None:
        """Close the file."""
        self._file.close()
