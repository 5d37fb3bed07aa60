"""A video file as a source: as fast as it decodes, or at the pace at which it was taken."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.cameras.base import Closing, SourceInfo, orient, oriented_size
from edgehands.cameras.images import MAX_IMAGE_PIXELS, check_file, quiet_opencv
from edgehands.cameras.pacing import Clock, Pacer
from edgehands.errors import SourceError
from edgehands.hand import Frame

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.cameras.settings import CameraSettings

log = logging.getLogger(__name__)

DAMAGE_LIMIT = 50
"""So many frames in a row that can't be decoded are taken for the end of the video."""

quiet_opencv()


class VideoSource(Closing):
    """The frames of a video file.

    Not in real time, ``t_mono`` is the video's own clock, from 0, strictly rising, and ``t_wall``
    is the file's time of change plus that: two runs give the same values. In real time frames come
    when they are due, and those that are late by a frame or more are dropped.

    Raises:
        SourceNotFound: There is no such file.
        SourceError: It is empty, cut off before its index, no video, or no frame decodes.
    """

    reconnects = 0
    failures = 0
    problem = ""
    stuck_s = 0.0
    online = True

    def __init__(  # noqa: PLR0913 - each is a choice of the caller
        self,
        path: Path,
        settings: CameraSettings,
        *,
        realtime: bool,
        uri: str | None = None,
        kind: str = "video",
        loop: bool | None = None,
        clock: Clock | None = None,
    ) -> None:
        check_file(path)
        self.finished = False
        self.dropped = 0
        self._path = path
        self._settings = settings
        self._realtime = realtime
        self._loop = (settings.loop if loop is None else loop) and realtime
        self._uri = uri or f"file:{path}"
        self._kind = kind
        self._clock = clock or Clock()
        self._pacer = Pacer(self._clock)
        self._seq = 0
        self._offset = 0.0  # video time at which the current round began
        self._capture = _open(path)
        try:
            self._wall = path.stat().st_mtime
            self._fps = _fps(self._capture)
            self._announced = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
            self._begin_round()
            self._first()
        except BaseException:
            self._capture.release()
            raise

    @property
    def frames_announced(self) -> int:
        """Number of frames the file says it holds, 0 when it doesn't say: for progress bars."""
        return int(self._announced) if 0 < self._announced < 1e9 else 0

    def read(self, timeout: float) -> Frame | None:
        """Give the next frame; in real time the one that is due."""
        # One frame is always grabbed ahead: so the last one is known to be the last.
        while not self.finished:
            late = self._pacer.wait(self._next_t, timeout) if self._realtime else 0.0
            if late is None:
                return None
            if late >= 1.0 / self._fps:
                self.dropped += 1
                self._step()
                continue
            t = self._next_t
            image = self._retrieve()
            self._step()
            if image is None:
                continue
            if self._realtime:
                t_mono, t_wall = self._pacer.times(t)
            else:
                t_mono, t_wall = t, self._wall + t
            seq, self._seq = self._seq, self._seq + 1
            return Frame(image, seq, t_mono, t_wall, str(self._path))
        return None

    def describe(self) -> SourceInfo:
        """Say what the source is."""
        width, height = oriented_size(*self._size, self._settings)
        frames = f"{self.frames_announced} frames" if self.frames_announced else "length unknown"
        return SourceInfo(self._uri, self._kind, width, height, self._fps, frames)

    def close(self) -> None:
        """Close the file."""
        self.finished = True
        self._capture.release()

    def _begin_round(self) -> None:
        self._grabbed = 0
        self._damaged = 0
        self._next_t = self._offset
        self._size = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        if self._size[0] * self._size[1] > MAX_IMAGE_PIXELS:
            raise SourceError(
                f"{self._path}: {self._size[0]}x{self._size[1]} pixels, the limit is "
                f"{MAX_IMAGE_PIXELS // 1_000_000} million: scale it down"
            )

    def _grab(self) -> bool:
        """Decode the next frame and note when it is due; false at the end."""
        # OpenCV says "no" at a damaged frame and at the end alike: where the file promises more
        # frames, it is asked again (measured: a scratched AVI otherwise ends at its first scratch).
        failed = 0
        while not self._capture.grab():
            failed += 1
            left = self.frames_announced - self._grabbed - self._damaged
            if failed > min(left, DAMAGE_LIMIT):
                return False
        self._damaged += failed
        # Some containers carry no time stamps, or broken ones: then frames are spaced evenly.
        t = self._offset + self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        if self._grabbed and not self._next_t < t < self._next_t + 3600:
            t = self._next_t + 1.0 / self._fps
        elif not self._grabbed and not self._offset <= t < self._offset + 3600:
            t = self._offset
        self._next_t = t
        self._grabbed += 1
        return True

    def _first(self) -> None:
        if not self._grab():
            raise SourceError(f"{self._path}: no frame of it can be decoded: convert it again")

    def _retrieve(self) -> NDArray[np.uint8] | None:
        ok, image = self._capture.retrieve()
        if not ok or image is None:
            return None
        rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        return orient(rgb, self._settings)

    def _step(self) -> None:
        if self._grab():
            return
        announced, seen = self.frames_announced, self._grabbed + self._damaged
        if self._damaged:
            log.warning("%s: %d damaged frames left out", self._path, self._damaged)
        # Some containers only estimate their length: 2 % and a frame are no news.
        if seen < 0.98 * announced - 1:
            log.warning(
                "%s: the video ends after %d of %d frames: the file is cut off or damaged",
                self._path,
                seen,
                announced,
            )
        if self._loop:
            self._capture.release()
            self._capture = _open(self._path)
            self._offset = self._next_t + 1.0 / self._fps
            self._begin_round()
            if self._grab():
                return
        self.finished = True


def _open(path: Path) -> cv2.VideoCapture:
    """Open a video through FFmpeg; an absolute path, so that no name is taken for a URL."""
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{path}: not an image, and not a video that can be read")
    # Portrait videos stand upright: the default, except in OpenCV 4.11.
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def _fps(capture: cv2.VideoCapture) -> float:
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if math.isfinite(fps) and 0.1 <= fps <= 1000 else 30.0
