"""A film file through PyAV: all single-file containers and codecs of FFmpeg."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import av

from edgehands.cameras.decoding import (
    CONTAINERS,
    MICROSECONDS,
    Deinterlacer,
    Shaper,
    display_matrix,
    reason,
    set_up_decoder,
    square_pixels,
    turned_size,
    video_stream,
)
from edgehands.cameras.limits import check_size, shown
from edgehands.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

DAMAGE_LIMIT = 50
"""This many consecutive packets that can't be decoded count as the end of the film."""

_WITHOUT_TIMES = frozenset(
    {"h264", "hevc", "vvc", "m4v", "mpegvideo", "mjpeg", "obu", "av1", "dirac", "cavsvideo", "h263"}
    | {"h261", "vc1"}
)
"""FFmpeg's demuxers for raw coded pictures: their times are invented."""


class AvFilm:
    """See :class:`~edgehands.cameras.film.Film`.

    Raises:
        SourceError: Not a film, nothing in it can be decoded, or above the limits.
    """

    def __init__(self, path: Path, *, fps: float | None, default_fps: float, threads: int) -> None:
        self._name = shown(path)
        self._file = path.open("rb")
        self._container: Any = None
        try:
            self._container = self._open()
            stream = video_stream(self._container, self._name)
            check_size(path, stream.codec_context.width or 1, stream.codec_context.height or 1)
            set_up_decoder(stream, threads=threads)
            self._stream = stream
            self._raw = self._container.format.name in _WITHOUT_TIMES
            self.fps = self._rate(fps, default_fps)
            self.seconds = self._length()
            self.frames = stream.frames or round(self.seconds * self.fps)
            self.damaged = 0
            self.size = (0, 0)
            self._trouble = ""
            self._shaper = Shaper(stream, threads=threads)
            self._frames = self._decoded()
            self._frame: Any = None
            self._first_t: float | None = None
        except BaseException:
            self.close()
            raise

    def grab(self) -> float | None:
        """Decode up to the next whole frame."""
        self._frame = next(self._frames, None)
        if self._frame is None:
            if self._first_t is None:
                raise SourceError(
                    f"{self._name}: no frame of it can be decoded{self._why()}: convert it again"
                )
            return None
        if self._first_t is None:
            self._first_t = self._frame.time
            frame = self._frame
            square = square_pixels(frame.width, frame.height, self._stream.sample_aspect_ratio)
            self.size = turned_size(*square, display_matrix(frame))
        return float(self._frame.time - self._first_t)

    def retrieve(self) -> NDArray[np.uint8] | None:
        """Convert the frame; None, and counted as damaged, if FFmpeg can't."""
        try:
            return self._shaper.picture(self._frame)
        except (av.FFmpegError, ValueError, MemoryError) as error:
            self._trouble = reason(error)
            self.damaged += 1
            return None

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()
            self._container = None
        self._file.close()

    def _open(self) -> Any:
        jpeg = self._file.read(3) == b"\xff\xd8\xff"
        self._file.seek(0)
        try:
            # Through our own file object, so any name will do, and FFmpeg opens nothing by itself.
            # Options for the container only: for all, they crash PyAV 14 to 16 with formats whose
            # streams appear late (FLV, MPEG-PS).
            return av.open(
                _Reader(self._file),
                format="mjpeg" if jpeg else None,
                container_options={"format_whitelist": CONTAINERS, "protocol_whitelist": "none"},
            )
        except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
            log.debug("%s: %s", self._name, error)
            raise SourceError(
                f"{self._name}: not an image, and not a video that can be read ({reason(error)})"
            ) from None

    def _rate(self, given: float | None, default: float) -> float:
        stream = self._stream
        if self._raw:
            # FFmpeg reports 25 if the pictures have no rate.
            return given or _plausible(stream.codec_context.framerate) or default
        return _plausible(stream.average_rate) or _plausible(stream.guessed_rate) or default

    def _length(self) -> float:
        stream = self._stream
        if self._raw:
            return 0.0
        if stream.duration:
            return float(stream.duration * stream.time_base)
        # Of the longest stream, which may be audio.
        alone = len(self._container.streams) == 1 and self._container.duration
        return self._container.duration / av.time_base if alone else 0.0

    def _decoded(self) -> Iterator[Any]:
        """Undamaged frames in display order, with strictly increasing times."""
        deinterlacer = Deinterlacer()
        number, last = 0, -math.inf
        for frame in self._decoded_raw():
            t = None if self._raw else frame.time
            # If a container has no time stamps, or broken ones, frames are spaced evenly.
            if t is None or (number and not last < t < last + 3600):
                t = last + 1 / self.fps if number else 0.0
            number, last = number + 1, t
            frame.pts, frame.time_base = round(t / MICROSECONDS), MICROSECONDS
            yield from deinterlacer.push(frame)
        yield from deinterlacer.flush()

    def _decoded_raw(self) -> Iterator[Any]:
        """Undamaged frames; damaged ones are counted and skipped."""
        failures = 0  # in a row
        packets = self._container.demux(self._stream)
        while failures <= DAMAGE_LIMIT:
            packet = None
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                if not packet.size and packet.pts is not None:
                    continue  # AVI's code for repeating the previous picture
                frames = packet.decode()
            except EOFError:
                return
            except (av.FFmpegError, ValueError, MemoryError) as error:
                self._trouble = reason(error)
                failures += 1
                if packet is None:  # a generator that has raised is exhausted
                    packets = self._container.demux(self._stream)
                else:
                    self.damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._trouble = "damaged picture data"
                    self.damaged += 1
                    failures += 1
                else:
                    failures = 0
                    yield frame

    def _why(self) -> str:
        return f" ({self._trouble})" if self._trouble else ""


class _Reader:
    """A file object without its name, which FFmpeg would take for a URL or couldn't encode."""

    def __init__(self, file: Any) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def _plausible(fps: Any) -> float:
    value = float(fps or 0)
    return value if 0.1 <= value <= 1000 else 0.0
