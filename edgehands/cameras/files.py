"""Images and folders of images as a source: each once, or played like a camera."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgehands.cameras.base import SourceInfo, orient
from edgehands.cameras.images import IMAGE_SUFFIXES, ImageFile
from edgehands.cameras.limits import check_file, shown
from edgehands.cameras.pacing import Clock, Pacer
from edgehands.closing import Closing
from edgehands.errors import SourceError, SourceNotFound
from edgehands.hand import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from edgehands.cameras.images import Picture
    from edgehands.config import CameraSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The images of a folder and its subfolders, in natural order.

    Attributes:
        images: paths, sorted so that ``img2`` comes before ``img10``.
        left_out: other files, hidden folders, links to folders, and folders that can't be read.
    """

    images: tuple[Path, ...]
    left_out: tuple[Path, ...]


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key by path with numbers in numeric order, ignoring case."""
    parts = re.split(r"(\d+)", str(path).casefold())
    # isdecimal, not isdigit: int() can't parse a superscript two, but re's \d doesn't match it
    # either; the number is kept with the text so that both kinds of part compare.
    key = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)
    return key, str(path)


def list_folder(folder: str | os.PathLike[str]) -> FolderListing:
    """Find the images of a folder and its subfolders; hidden ones count as other files.

    Raises:
        SourceNotFound: There is no such folder.
        SourceError: It can't be read or has no image.
    """
    folder = Path(folder)
    if not folder.exists():
        raise SourceNotFound(f"{shown(folder)}: no such file or folder: check the path")
    if not folder.is_dir():
        raise SourceError(f"{shown(folder)}: not a folder")

    problems: list[OSError] = []
    images: list[Path] = []
    left_out: list[Path] = []
    for root, folders, names in os.walk(folder, onerror=problems.append):
        for name in tuple(folders):
            if name.startswith(".") or Path(root, name).is_symlink():
                folders.remove(name)
                left_out.append(Path(root, name))
        for name in names:
            known = Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
            (images if known else left_out).append(Path(root, name))
    for problem in problems:
        log.warning("%s: %s: left out", shown(problem.filename or folder), problem.strerror)
        left_out.append(Path(problem.filename or folder))
    if not images:
        reason = problems[0].strerror if problems else f"{len(left_out)} other files"
        raise SourceError(
            f"{shown(folder)}: no image in it ({reason}): put JPEG, PNG, WebP, GIF, BMP, TIFF, "
            "HEIC or AVIF files there; give videos by name"
        )
    return FolderListing(tuple(sorted(images, key=natural_key)), tuple(left_out))


def in_words(left_out: Sequence[Path]) -> str:
    """What a folder's listing left out, by extension: ``2 .mp4, 1 .txt``; empty if nothing."""
    counts = Counter(
        "hidden" if path.name.startswith(".") else path.suffix.lower() or "without an ending"
        for path in left_out
    )
    named = [f"{count} {shown(ending)}" for ending, count in counts.most_common(6)]
    rest = len(left_out) - sum(count for _, count in counts.most_common(6))
    return ", ".join(named + ([f"{rest} more"] if rest else []))


class ImageSource(Closing):
    """Images one after the other: a single one, a list, or those in a folder; all pages of each.

    If not in real time, each page is one frame, as fast as it is read; ``t_mono`` counts ``1 /
    fps`` per image and ``t_wall`` is the file's modification time. In real time the images are
    played like a camera: ``fps`` frames a second, each image for ``image_seconds``.

    A damaged image among others is logged and skipped. If none can be read, the last error is
    raised.
    """

    reconnects = 0
    failures = 0
    problem = ""
    stuck_s = 0.0
    online = True

    def __init__(
        self,
        images: Sequence[Path],
        settings: CameraSettings,
        *,
        info: SourceInfo,
        realtime: bool,
        clock: Clock | None = None,
    ) -> None:
        self.finished = False
        self.dropped = 0
        self.failed = 0
        self._images = tuple(images)
        self._settings = settings
        self._info = info
        self._realtime = realtime
        self._clock = clock or Clock()
        self._pacer = Pacer(self._clock)
        self._seq = 0
        self._tick = 0
        self._ticks_left = 0
        self._shown = -1
        self._pages: Iterator[Picture] = iter(())
        self._pages_left = 0
        self._picture: NDArray[np.uint8] | None = None
        self._good = 0
        if len(self._images) == 1:
            check_file(self._images[0])

    def read(self, timeout: float) -> Frame | None:
        """The next image, or, in real time, the current one."""
        if self.finished:
            return None
        return self._read_live(timeout) if self._realtime else self._read_next()

    def describe(self) -> SourceInfo:
        """The source's description; the size is that of the last image."""
        if self._picture is None:
            return self._info
        height, width = self._picture.shape[:2]
        info = self._info
        return SourceInfo(info.uri, info.kind, width, height, info.fps, info.detail)

    def close(self) -> None:
        """Release the picture; nothing is read from now on."""
        self.finished = True
        self._picture = None

    def _read_next(self) -> Frame | None:
        if not self._advance(loop=False):
            return None
        # The caller must learn now that this was the last, not with another read.
        self.finished = self._shown + 1 == len(self._images) and not self._pages_left
        try:
            wall = self._images[self._shown].stat().st_mtime
        except OSError:
            wall = self._clock.wall()
        return self._frame(self._seq / self._settings.fps, wall)

    def _read_live(self, timeout: float) -> Frame | None:
        late = self._pacer.wait(self._tick / self._settings.fps, timeout)
        if late is None:
            return None
        behind = int(late * self._settings.fps)
        self.dropped += behind
        self._tick += behind
        self._ticks_left -= behind
        if self._ticks_left <= 0:
            if not self._advance(loop=self._settings.loop):
                return None
            self._ticks_left = max(1, round(self._settings.image_seconds * self._settings.fps))
        t_mono, t_wall = self._pacer.times(self._tick / self._settings.fps)
        self._tick += 1
        self._ticks_left -= 1
        return self._frame(t_mono, t_wall)

    def _advance(self, *, loop: bool) -> bool:
        """Load the next image that can be read; False, and finished, if none is left."""
        while self._pages_left or loop or self._shown + 1 < len(self._images):
            try:
                if not self._pages_left:
                    self._shown = (self._shown + 1) % len(self._images)
                    file = ImageFile(self._images[self._shown])
                    self._pages, self._pages_left = file.pictures(), file.pages
                self._pages_left -= 1
                self._picture = orient(next(self._pages).image, self._settings)
            except (SourceError, SourceNotFound) as error:
                self._pages_left = 0
                self.failed += 1
                if self.failed >= len(self._images) and not self._good:
                    self.finished = True
                    raise
                log.warning("%s (left out)", error)
            else:
                self._good += 1
                return True
        self.finished = True
        return False

    def _frame(self, t_mono: float, t_wall: float) -> Frame:
        assert self._picture is not None  # noqa: S101 - _advance came first
        seq, self._seq = self._seq, self._seq + 1
        return Frame(self._picture, seq, t_mono, t_wall, shown(self._images[self._shown]))
