"""A film as a source: as fast as it decodes, or at its original pace."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edgehands.cameras.base import SourceInfo, orient, oriented_size
from edgehands.cameras.film import open_film
from edgehands.cameras.limits import check_file, shown
from edgehands.cameras.pacing import Clock, Pacer
from edgehands.closing import Closing
from edgehands.errors import SourceError
from edgehands.hand import Frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edgehands.cameras.film import Film
    from edgehands.config import CameraSettings

log = logging.getLogger(__name__)

ALL_CORES = 0
"""FFmpeg's number of threads if memory and delay don't matter."""


class VideoSource(Closing):
    """The frames of a video file or an animated image.

    If not in real time, ``t_mono`` is the video's own clock, from 0, strictly increasing, and
    ``t_wall`` is the file's modification time plus that: two runs give the same values. In real
    time frames come when due, and those late by a frame or more are dropped.

    Args:
        path: the file.
        settings: rotation, mirroring, loop.
        realtime: see above.
        uri: as requested.
        loop: restart at the end, in real time; None = as in ``settings``.
        fps: the rate of a file without times; None = as in the file, or as in ``settings``.
        clock: for tests.
        opener: opens the film, as often as needed; None = by the file's type.

    Raises:
        SourceNotFound: There is no such file.
        SourceError: It is empty, truncated before its index, not a video, or no frame decodes.
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
        loop: bool | None = None,
        fps: float | None = None,
        clock: Clock | None = None,
        opener: Callable[[], Film] | None = None,
    ) -> None:
        check_file(path)
        self.finished = False
        self.dropped = 0
        self._name = shown(path)
        self._settings = settings
        self._realtime = realtime
        self._loop = (settings.loop if loop is None else loop) and realtime
        self._uri = uri or f"file:{self._name}"
        self._clock = clock or Clock()
        self._pacer = Pacer(self._clock)
        self._seq = 0
        self._offset = 0.0  # video time at which the current loop began
        self._next_t = 0.0
        threads = 1 if realtime else ALL_CORES
        self._open = opener or (
            lambda: open_film(path, fps=fps, default_fps=settings.fps, threads=threads)
        )
        self._wall = path.stat().st_mtime
        self._film = self._open()
        try:
            self.finished = not self._grab()
        except BaseException:
            self._film.close()
            raise

    @property
    def frames_announced(self) -> int:
        """Number of frames according to the file, 0 if unknown: for progress bars."""
        return self._film.frames if self._film.frames < 1e9 else 0

    def read(self, timeout: float) -> Frame | None:
        """The next frame; in real time the one that is due."""
        # One frame is always grabbed ahead, so that the last one is known.
        while not self.finished:
            late = self._pacer.wait(self._next_t, timeout) if self._realtime else 0.0
            if late is None:
                return None
            if late >= 1.0 / self._film.fps:
                self.dropped += 1
                self._step()
                continue
            t = self._next_t
            image = self._film.retrieve()
            self._step()
            if image is None:
                if self.finished and not self._seq:
                    raise SourceError(
                        f"{self._name}: no frame of it can be shown: convert it again"
                    )
                continue
            if self._realtime:
                t_mono, t_wall = self._pacer.times(t)
            else:
                t_mono, t_wall = t, self._wall + t
            seq, self._seq = self._seq, self._seq + 1
            return Frame(orient(image, self._settings), seq, t_mono, t_wall, self._name)
        return None

    def describe(self) -> SourceInfo:
        """The source's description."""
        width, height = oriented_size(*self._film.size, self._settings)
        frames = f"{self.frames_announced} frames" if self.frames_announced else "length unknown"
        return SourceInfo(self._uri, "video", width, height, self._film.fps, frames)

    def close(self) -> None:
        """Close the file."""
        self.finished = True
        self._film.close()

    def _grab(self) -> bool:
        """Decode the next frame and record when it is due; False at the end."""
        t = self._film.grab()
        if t is None:
            return False
        self._next_t = self._offset + t
        return True

    def _step(self) -> None:
        if self._grab():
            return
        film, gap = self._film, 1.0 / self._film.fps
        if film.damaged:
            log.warning("%s: %d damaged frames left out", self._name, film.damaged)
        seen = self._next_t - self._offset + gap
        # Some containers only estimate their length: 2 % and two frames aren't reported.
        if seen < 0.98 * film.seconds - 2 * gap:
            log.warning(
                "%s: the video ends after %.2f of %.2f seconds: the file is cut off or damaged",
                self._name,
                seen,
                film.seconds,
            )
        if self._loop:
            film.close()
            self._film = self._open()
            self._offset = self._next_t + gap
            if self._grab():
                return
        self.finished = True
