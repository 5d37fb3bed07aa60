"""Network cameras by RTSP, through FFmpeg inside OpenCV."""

from __future__ import annotations

import logging
import math
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2

from edgehands.cameras.capture import Shot
from edgehands.cameras.images import quiet_opencv
from edgehands.cameras.v4l2 import decode_frame
from edgehands.errors import SourceError
from edgehands.safe_text import redact

log = logging.getLogger(__name__)

quiet_opencv()

OPEN_TIMEOUT_MS = 8000
READ_TIMEOUT_MS = 5000

CaptureFactory = Callable[[str, Sequence[int]], Any]


def _opencv_capture(url: str, params: Sequence[int]) -> Any:
    # TCP, because over UDP a lost packet smears the picture until the next key frame. Read by
    # OpenCV at each open; whoever has set it knows why.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    return cv2.VideoCapture(url, cv2.CAP_FFMPEG, params)


@dataclass
class RtspOpener:
    """Opens one stream, again and again.

    Attributes:
        url: ``rtsp://[user:password@]host[:port]/path``; never logged as it is.
    """

    url: str
    factory: CaptureFactory = _opencv_capture

    def __call__(self) -> RtspDevice:
        """Connect.

        Raises:
            SourceError: No answer, refused, or no picture in it. FFmpeg doesn't say which.
        """
        return RtspDevice(self.url, self.factory)


class RtspDevice:
    """An open stream."""

    def __init__(self, url: str, factory: CaptureFactory = _opencv_capture) -> None:
        self._name = redact(url)
        params = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS),
            # FFmpeg otherwise decodes H.264 with a thread a core, and each holds a frame back:
            # measured at 30 fps, 34 ms with one thread, 68 with two, 136 with four.
            *(cv2.CAP_PROP_N_THREADS, 1),
        ]
        self._capture = factory(url, params)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(
                f"{self._name}: can't be opened: check host, port, path, user and password"
            )
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if math.isfinite(fps) and 0 < fps <= 240 else 0.0
        self.detail = f"{self._name} {self.width}x{self.height} at {self.fps:g} fps"

    def read(self) -> Shot:
        """Wait for the next frame. Its time is that of its arrival: RTSP cameras' clocks are off.

        Raises:
            SourceError: The stream ended, or nothing came for :data:`READ_TIMEOUT_MS`.
        """
        if not self._capture.grab():
            raise SourceError(f"{self._name}: the stream ended or gave nothing for a while")
        t_mono = time.monotonic()
        ok, raw = self._capture.retrieve()
        image = decode_frame(raw) if ok and raw is not None else None
        if image is None:
            raise SourceError(f"{self._name}: a frame can't be decoded")
        return Shot(image, t_mono)

    def close(self) -> None:
        """Close the connection."""
        self._capture.release()


def check_url(url: str) -> bool:
    """Whether a URL has a host at all, so that a mistyped one isn't retried for ever."""
    return (
        re.match(r"rtsp://(?:[^/]*@)?(?:\[[\w:.%]+\]|[^/@:\s\[\]]+)(?::\d{1,5})?(?:[/?].*)?$", url)
        is not None
    )
