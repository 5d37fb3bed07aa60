"""What :class:`~edgehands.cameras.video.VideoSource` plays: a file of pictures with times.

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
    """A film that is read from its beginning to its end.

    Attributes:
        fps: frames a second; where a file has no times of its own, they are spaced by it.
        frames: number of frames that the file announces; 0 when it doesn't.
        seconds: length that the file announces; 0 when it doesn't.
        size: width and height of the first frame, upright, in square pixels; known after a grab.
        damaged: frames left out so far because they couldn't be decoded.
    """

    size: tuple[int, int]
    fps: float
    frames: int
    seconds: float
    damaged: int

    def grab(self) -> float | None:
        """Go to the next frame; give its time in seconds from the first one, None at the end.

        Raises:
            SourceError: Nothing of the file can be decoded.
        """

    def retrieve(self) -> NDArray[np.uint8] | None:
        """Give the frame that was grabbed, upright, (H, W, 3) uint8 RGB; None if it is damaged."""

    def close(self) -> None:
        """Close the file."""


def open_film(path: Path, *, fps: float | None, default_fps: float, threads: int) -> Film:
    """Open a film or an animated image.

    Args:
        path: a file that is there.
        fps: the rate of a file without times of its own; None = what it says itself, if anything.
        default_fps: its rate where nobody says anything.
        threads: for decoding; 0 = by the number of cores.

    Raises:
        SourceError: No film, or larger than the limits.
    """
    if is_image(path):
        return Animation(path)
    # Only here: a camera's service has no use for FFmpeg a second time in memory.
    from edgehands.cameras.av_film import AvFilm  # noqa: PLC0415

    return AvFilm(path, fps=fps, default_fps=default_fps, threads=threads)


def is_animation(path: Path) -> bool:
    """Whether an image file holds frames with times, as a GIF may."""
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
        """Give it."""
        assert self._picture is not None  # noqa: S101 - grab came first
        return self._picture.image

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
