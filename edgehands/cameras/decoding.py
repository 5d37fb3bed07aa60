"""What films and streams share in PyAV: opening with limits, and frames to upright RGB pictures.

Import it only where a source needs it: PyAV loads its own FFmpeg into memory.
"""

from __future__ import annotations

import logging
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import av.filter
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from edgehands.cameras.limits import MAX_IMAGE_PIXELS
from edgehands.errors import SourceError
from edgehands.geometry.constants import LONGEST_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,dv,mxf,gxf,nut,ivf,"
    "rm,wtv,h264,hevc,vvc,m4v,mjpeg,obu,av1,vc1,dirac,cavsvideo,h263,h261,yuv4mpegpipe,swf,nsv,nuv"
)
"""FFmpeg's demuxers that read one file and nothing else: no playlists or lists of other files."""

MICROSECONDS = Fraction(1, 1_000_000)

_THREADED = int(av.__version__.partition(".")[0]) >= 17
"""Whether PyAV converts in threads, and lets their number be chosen."""

_MATRICES = {1: 1, 7: 7, 9: 9, 10: 9}
"""AVColorSpace to swscale's SWS_CS: BT.709, SMPTE 240M, BT.2020; all others are BT.601 (5)."""


def reason(error: BaseException) -> str:
    """Why FFmpeg refused something, in one line without URLs."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    logged = getattr(error, "log", None)  # (level, name, message) of FFmpeg's last error
    if logged and str(logged[2]).strip():
        text = f"{text}: {str(logged[2]).strip()}"
    return " ".join(text.split())[:200]


def video_stream(container: Any, name: str) -> Any:
    """The film among a file's streams: the largest picture that isn't a cover.

    Raises:
        SourceError: There is none.
    """
    found = [s for s in container.streams.video if not is_cover(s)]
    if found and all(s.codec_context is None for s in found):
        raise SourceError(f"{name}: FFmpeg doesn't know its codec: convert it to H.264")
    found = [s for s in found if s.codec_context is not None]
    if not found:
        raise SourceError(f"{name}: no moving pictures in it: give a video, or the camera's path")
    return max(found, key=lambda s: (s.codec_context.width or 0) * (s.codec_context.height or 0))


def is_cover(stream: Any) -> bool:
    """Whether a stream is cover art."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def set_up_decoder(stream: Any, *, threads: int, low_delay: bool = False) -> None:
    """Set a stream's decoder before its first packet."""
    context = stream.codec_context
    context.thread_count = threads
    context.thread_type = "SLICE" if low_delay or threads == 1 else "AUTO"
    options = {"max_pixels": str(MAX_IMAGE_PIXELS)}
    if context.name == "mjpeg":
        # Otherwise FFmpeg silently fills in what is missing in a JPEG. Bytes that cameras put
        # between segments or before the end mark are harmless.
        options["err_detect"] = "explode"
    if low_delay:
        options["flags"] = "low_delay"
    context.options = options


def square_pixels(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Width and height at which a picture's pixels are square: one of them may grow, none shrinks.

    Args:
        width: as stored, pixels.
        height: as stored, pixels.
        aspect: width of a stored pixel divided by its height; None = unknown, taken as 1.
    """
    ratio = float(aspect) if aspect else 1.0
    # Real ones are between 0.5 and 2.7 (anamorphic widescreen); others are errors.
    if not 0.2 <= ratio <= 5 or math.isclose(ratio, 1.0, abs_tol=0.005):
        return width, height
    wide = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
    return (
        wide
        if max(wide) <= LONGEST_SIDE and wide[0] * wide[1] <= MAX_IMAGE_PIXELS
        else (width, height)
    )


_NEVER = object()


class Shaper:
    """Converts FFmpeg's frames to upright RGB pictures with square pixels.

    Args:
        stream: the frames' stream, which has the shape of its pixels.
        threads: for conversion; 0 = by core count.
    """

    def __init__(self, stream: Any, *, threads: int) -> None:
        self._stream = stream
        # One for all frames: ``frame.reformat`` would set up another for each, and PyAV 17 and
        # later start threads for it that outlive the frame (300 of them, 50 MB).
        self._reformatter = VideoReformatter()
        self._options = {"threads": threads} if _THREADED else {}
        # A frame whose side data were read refers to itself: it stays, 0.5 MB at 640x480, until
        # Python collects such cycles (100 MB after 300 frames). Its rotation costs nothing.
        self._matrix: tuple[int, int, int, int] | None = None
        self._rotation: object = _NEVER

    def picture(self, frame: Any) -> NDArray[np.uint8]:
        """Convert a frame.

        Returns:
            (H, W, 3) uint8 RGB, contiguous, a separate array.

        Raises:
            av.FFmpegError, ValueError: The frame can't be converted.
        """
        width, height = square_pixels(frame.width, frame.height, self._stream.sample_aspect_ratio)
        matrix = _MATRICES.get(int(frame.colorspace), 5)
        rgb = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            # Both are given: PyAV 14 otherwise uses the source's for the result.
            src_colorspace=matrix,
            dst_colorspace=5,
            **self._options,
        )
        rotation = getattr(frame, "rotation", _NEVER)
        if rotation is _NEVER or rotation != self._rotation:
            self._rotation, self._matrix = rotation, display_matrix(frame)
        return turned(np.asarray(rgb.to_ndarray(), np.uint8), self._matrix)


def display_matrix(frame: Any) -> tuple[int, int, int, int] | None:
    """The upper left quarter (a, b, c, d) of a frame's display matrix; None if there is none.

    ISO 14496-12: the point (x, y) is shown at (a x + c y, b x + d y).
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return None
    values = np.frombuffer(data, np.int32)
    return (int(values[0]), int(values[1]), int(values[3]), int(values[4]))


def turned(image: NDArray[np.uint8], matrix: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    """Rotate and mirror a picture by its display matrix, to the nearest of eight right angles."""
    if matrix is None:
        return image
    a, b, c, d = matrix
    shown: Any = image
    if _lies(matrix):
        shown = cv2.transpose(shown)
        a, d = c, b
    if a < 0:
        shown = cv2.flip(shown, 1)
    if d < 0:
        shown = cv2.flip(shown, 0)
    return np.asarray(shown, np.uint8)


def turned_size(
    width: int, height: int, matrix: tuple[int, int, int, int] | None
) -> tuple[int, int]:
    """Width and height after :func:`turned`."""
    return (height, width) if _lies(matrix) else (width, height)


def _lies(matrix: tuple[int, int, int, int] | None) -> bool:
    """Whether a display matrix rotates by a quarter turn, which swaps width and height."""
    if matrix is None:
        return False
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


class Deinterlacer:
    """Deinterlaces frames of two fields; passes progressive frames on unchanged.

    The two fields of an interlaced frame show different moments, so a moving hand gets comb-like
    edges. FFmpeg's bwdif needs the next frame, so the first interlaced frame costs a frame of
    delay; progressive films don't use it.
    """

    def __init__(self) -> None:
        self._graph: Any = None
        self._shape: tuple[int, int, str] | None = None

    def push(self, frame: Any) -> list[Any]:
        """Add a frame, whose time is set; returns those that are ready."""
        shape = (frame.width, frame.height, frame.format.name)
        ready: list[Any] = []
        if self._graph is None or shape != self._shape:
            if self._graph is None and not frame.interlaced_frame:
                return [frame]
            ready = self.flush()
            self._graph, self._shape = _bwdif(*shape), shape
        self._graph.push(frame)
        return ready + self._pull()

    def flush(self) -> list[Any]:
        """The frames still held back."""
        if self._graph is None:
            return []
        self._graph.push(None)
        held = self._pull()
        self._graph = None
        return held

    def _pull(self) -> list[Any]:
        ready = []
        while True:
            try:
                ready.append(self._graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return ready


def _bwdif(width: int, height: int, form: str) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat(form), time_base=MICROSECONDS
    )
    filtered = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    end = graph.add("buffersink")
    source.link_to(filtered)
    filtered.link_to(end)
    graph.configure()
    return graph
