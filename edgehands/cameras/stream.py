"""Network cameras and streams: RTSP, MJPEG and HLS over HTTP, through PyAV.

A server's influence is limited: FFmpeg opens only the protocols needed for the URL's kind (never a
file), a picture above the limits is refused, a wait ends after some seconds, and MJPEG is read
through :mod:`edgehands.cameras.http`, which limits each picture's bytes.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import av

from edgehands.cameras.capture import Complaints, Shot
from edgehands.cameras.decoding import (
    CONTAINERS,
    MICROSECONDS,
    Deinterlacer,
    Shaper,
    reason,
    set_up_decoder,
    video_stream,
)
from edgehands.cameras.http import ask
from edgehands.cameras.limits import check_size
from edgehands.cameras.pacing import Clock, Pacer
from edgehands.errors import SourceError
from edgehands.safe_text import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgehands.cameras.http import MjpegResponse
    from edgehands.config import CameraSettings

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 8.0
READ_TIMEOUT_S = 5.0

_PROTOCOLS = {
    "rtsp": "rtp,udp,tcp",
    "rtsps": "tls,tcp,rtp,srtp,udp",
    "http": "http,https,tls,tcp,crypto",
    "https": "https,http,tls,tcp,crypto",
}
"""What FFmpeg may open for each scheme. HLS needs ``crypto`` for encrypted segments."""

_STORED = frozenset({"hls", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi"})
"""Formats that arrive in pieces, faster than real time: these are played at their own pace."""

_WHY = {
    "HTTPUnauthorizedError": "user or password is wrong, or missing",
    "HTTPForbiddenError": "user or password is wrong, or missing",
    "HTTPNotFoundError": "the server has nothing under this path",
    "ExitError": "no answer in time",
    "TimeoutError": "no answer in time",
}


@dataclass
class StreamOpener:
    """Opens one stream, as often as needed.

    Attributes:
        url: ``rtsp://[user:password@]host[:port]/path``; never logged unredacted.
        settings: transport, decoder, certificate.
    """

    url: str
    settings: CameraSettings

    def __call__(self) -> StreamDevice:
        """Connect.

        Raises:
            SourceError: No answer, refused, or no video in it.
        """
        return StreamDevice(self.url, self.settings)


class StreamDevice:
    """An open stream."""

    def __init__(self, url: str, settings: CameraSettings) -> None:
        self._name = redact(url)
        self._mjpeg: MjpegResponse | None = None
        self._container: Any = None
        try:
            self._container = self._open(url, settings)
            stream = video_stream(self._container, self._name)
            context = stream.codec_context
            self._decoder = self._set_up(stream, settings.decoder)
            self.width, self.height = context.width or 0, context.height or 0
            if self.width:
                check_size(self._name, self.width, self.height)
            rate = float(stream.average_rate or stream.guessed_rate or 0)
            self.fps = rate if 0 < rate <= 240 else 0.0
            self.detail = (
                f"{self._name} {context.name} {self.width}x{self.height} at {self.fps:g} fps"
            )
        except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
            self.close()
            if isinstance(error, SourceError):
                raise
            why = _WHY.get(type(error).__name__, reason(error))
            raise SourceError(
                f"{self._name}: can't be opened ({why}): check host, port, path, user and password"
            ) from None
        except BaseException:
            self.close()
            raise
        self._stream = stream
        self._shaper = Shaper(stream, threads=1)
        self._deinterlacer = Deinterlacer()
        self._complaints = Complaints(self._name)
        self._pacer = Pacer(Clock()) if self._container.format.name in _STORED else None
        self._frames = self._decoded()

    def read(self) -> Shot | None:
        """Wait for the next frame. Its time is its arrival: cameras' clocks are wrong.

        Returns:
            The frame; None at the end of a film from a server.

        Raises:
            SourceError: The stream ended, nothing came for :data:`READ_TIMEOUT_S`, or the data
                couldn't be decoded for some time.
        """
        for frame in self._frames:
            try:
                image = self._shaper.picture(frame)
            except (av.FFmpegError, ValueError, MemoryError) as error:
                self._complaints.add(reason(error))
                continue
            self._complaints.clear()
            if self._mjpeg is not None:
                self._mjpeg.picture_came()
            if self._pacer is not None:
                self._pacer.wait(frame.time or 0.0, READ_TIMEOUT_S)
            return Shot(image, time.monotonic())
        if self._pacer is not None and self._container.duration:
            return None
        raise SourceError(f"{self._name}: the stream ended")

    def close(self) -> None:
        """Close the connection."""
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._mjpeg is not None:
            self._mjpeg.close()
            self._mjpeg = None

    def _open(self, url: str, settings: CameraSettings) -> Any:
        scheme = url.partition(":")[0].lower()
        options = {
            "protocol_whitelist": _PROTOCOLS[scheme],
            "format_whitelist": f"{CONTAINERS},rtsp,rtp,hls,mpjpeg,aac,ac3,mp3",
            # Frames from before FFmpeg has seen enough are skipped: they would be shown late.
            "fflags": "nobuffer",
            "analyzeduration": "1000000",
            "probesize": "1000000",
        }
        timeouts = (OPEN_TIMEOUT_S, READ_TIMEOUT_S)
        if scheme.startswith("rtsp"):
            options |= {"rtsp_transport": settings.transport, "max_delay": "100000"}
        else:
            answer = ask(url, ca_file=settings.ca_file, timeouts=timeouts, name=self._name)
            self._mjpeg = answer.mjpeg
            if self._mjpeg is not None:
                options["protocol_whitelist"] = "none"
                return av.open(self._mjpeg, format=self._mjpeg.format, container_options=options)
            options["live_start_index"] = "-1"
            if answer.stored:
                # It is played at its own pace anyway; else a short playlist has no frames left.
                del options["fflags"]
                options["analyzeduration"] = "300000"  # a live one may buffer a second at most
        if settings.ca_file and scheme in {"https", "rtsps"}:
            options |= {"tls_verify": "1", "ca_file": settings.ca_file}
        return av.open(
            url,
            format="rtsp" if scheme.startswith("rtsp") else None,
            container_options=options,
            timeout=timeouts,
        )

    def _set_up(self, stream: Any, decoder: str) -> Any:
        """The decoder: the stream's own software decoder, or the computer's hardware."""
        # One thread: FFmpeg otherwise uses one thread per core, and each delays a frame.
        set_up_decoder(stream, threads=1, low_delay=True)
        if decoder == "hardware":
            return hardware_decoder(stream, self._name) or stream.codec_context
        return stream.codec_context

    def _decoded(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None or (not packet.size and packet.pts is None):
                    return
                if not packet.size:
                    continue
            except EOFError:
                return
            except (av.FFmpegError, ValueError, OSError) as error:
                why = _WHY.get(type(error).__name__, reason(error))
                raise SourceError(f"{self._name}: the stream broke off ({why})") from None
            try:
                frames = self._decoder.decode(packet)
            except (av.FFmpegError, ValueError, MemoryError) as error:
                self._complaints.add(reason(error))
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._complaints.add("damaged picture data")
                    continue
                if frame.time is not None:
                    frame.pts, frame.time_base = round(frame.time / MICROSECONDS), MICROSECONDS
                yield from self._deinterlacer.push(frame)


def hardware_decoder(stream: Any, name: str) -> Any:
    """A V4L2 memory-to-memory decoder for a stream, as a Raspberry Pi has; None = none."""
    own = stream.codec_context
    codec = f"{own.name}_v4l2m2m"
    try:
        context: Any = av.CodecContext.create(codec, "r")
        context.width, context.height = own.width, own.height
        context.extradata = own.extradata
        context.open()
    except (av.FFmpegError, ValueError, LookupError) as error:
        log.warning("%s: no hardware decoder %s (%s): software decodes", name, codec, reason(error))
        return None
    return context
