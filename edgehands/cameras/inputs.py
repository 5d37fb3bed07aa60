"""The inputs of ``edgehands track``: files, folders, cameras; a bad one doesn't stop the others.

found = find_inputs(["photos/", "clip.mp4", "v4l2:0"])
for item in iter_frames(found):
    if isinstance(item, SourceFailure):
        print(item.error)
    else:
        ...  # a Frame; item.source says which file it came from
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgehands.cameras.base import SourceFailure, orient
from edgehands.cameras.files import list_folder
from edgehands.cameras.images import ImageFile, is_image
from edgehands.cameras.limits import check_file, shown
from edgehands.cameras.opening import is_live, open_source
from edgehands.cameras.video import VideoSource
from edgehands.config import CameraSettings
from edgehands.errors import EdgehandsError, SourceError, SourceNotFound
from edgehands.hand import Frame
from edgehands.safe_text import redact

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from typing import Self

    from edgehands.cameras.base import Source

SILENCE_S = 30.0
"""A camera without frames for this long has failed, unless waiting without limit."""

Kind = Literal["image", "video", "camera"]


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file or camera to read frames from.

    Attributes:
        path: its path; for a camera, stream or ``demo:`` its URI.
        kind: ``image`` (unrelated pictures), ``video`` or ``camera``. An animated image turns out
            to be a video only when opened.
        uri: for a camera, as requested: it may contain a password.
    """

    path: Path
    kind: Kind
    uri: str = ""

    @property
    def name(self) -> str:
        """Its name in messages, and in the ``source`` of its frames."""
        return redact(self.uri) or shown(self.path)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was found for a user's names.

    Attributes:
        files: in the order given; the images of a folder in natural order.
        failures: names for which nothing readable was found.
        left_out: other files in the folders.
    """

    files: tuple[InputFile, ...]
    failures: tuple[SourceFailure, ...]
    left_out: tuple[Path, ...]


def find_inputs(names: Iterable[str | os.PathLike[str]]) -> Inputs:
    """Look up images, folders, videos and cameras: anything that :func:`open_source` accepts.

    Raises:
        UsageError: A URI that is invalid.
    """
    files: list[InputFile] = []
    failures: list[SourceFailure] = []
    left_out: list[Path] = []
    for given in names:
        name = str(given)
        if is_live(name) and not Path(name).exists():
            files.append(InputFile(Path(name), "camera", name))
            continue
        path = Path(name)
        if not path.exists():
            path = Path(name.removeprefix("file:").removeprefix("dir:"))
        try:
            if path.is_dir():
                listing = list_folder(path)
                left_out += listing.left_out
                files += [InputFile(image, "image") for image in listing.images]
            else:
                check_file(path)
                files.append(InputFile(path, "image" if is_image(path) else "video"))
        except (SourceError, SourceNotFound) as error:
            failures.append(SourceFailure(shown(name), error))
    return Inputs(tuple(files), tuple(failures), tuple(left_out))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an input is read.

    Attributes:
        frames: at most this many; 0 = all.
        seconds: of its own time, from the first frame; 0 = all.
    """

    frames: int = 0
    seconds: float = 0.0


class OpenInput:
    """An input being read: a context manager, and an iterator over its frames.

    Not in real time: every frame of a file once, as fast as it is read; from a camera the newest.
    ``Frame.seq`` counts from 0. A video that breaks off delivers its frames first.

    Args:
        file: what to read.
        settings: rotation, mirroring; size and rate of a camera.
        fps: the rate of a film without times of its own.
        limits: when to stop.

    Attributes:
        kind: the actual kind.

    Raises:
        SourceNotFound, SourceError: It can't be read; so does the iterator.
    """

    def __init__(
        self,
        file: InputFile,
        settings: CameraSettings | None = None,
        *,
        fps: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._file = file
        self._limits = limits or Limits()
        self._settings = settings or CameraSettings()
        self._source: Source | None = None
        self._image: ImageFile | None = None
        self.kind: Kind = file.kind
        if file.kind == "camera":
            self._source = open_source(file.uri, self._settings, realtime=False)
        elif file.kind == "image":
            self._image = ImageFile(file.path)
            self.kind = "video" if self._image.animated else "image"
        else:
            self._source = VideoSource(file.path, self._settings, realtime=False, fps=fps)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for opened in (self._source, self._image):
            if opened is not None:
                opened.close()

    def __iter__(self) -> Iterator[Frame]:
        most = self._limits.frames or math.inf
        longest = self._limits.seconds or math.inf
        first: Frame | None = None
        for number, frame in enumerate(self._read()):
            first = first or frame
            if frame.t_mono - first.t_mono >= longest:
                return
            yield frame
            if number + 1 >= most:
                return

    def _read(self) -> Iterator[Frame]:
        if self._image is not None:
            yield from self._pictures(self._image)
            return
        assert self._source is not None  # noqa: S101 - one of both
        heard = began = time.monotonic()
        longest = self._limits.seconds or math.inf
        while not self._source.finished:
            frame = self._source.read(0.5)
            if frame is not None:
                heard = time.monotonic()
                yield frame
            elif self.kind == "camera" and time.monotonic() - began > longest:
                return
            elif self.kind == "camera" and time.monotonic() - heard > SILENCE_S:
                raise SourceError(
                    self._source.problem or f"{self._file.name}: no frame for {SILENCE_S:g} s"
                )

    def _pictures(self, image: ImageFile) -> Iterator[Frame]:
        wall = self._file.path.stat().st_mtime
        for number, picture in enumerate(image.pictures()):
            pixels = orient(picture.image, self._settings)
            yield Frame(pixels, number, picture.t, wall + picture.t, image.name)


def iter_frames(
    inputs: Inputs, settings: CameraSettings | None = None
) -> Iterator[Frame | SourceFailure]:
    """Read every frame of every input, as fast as possible; never raises because of a bad file."""
    yield from inputs.failures
    for file in inputs.files:
        yield from read_input(file, settings)


def read_input(
    file: InputFile, settings: CameraSettings | None = None
) -> Iterator[Frame | SourceFailure]:
    """Read the frames of one input; a failure is yielded, not raised."""
    try:
        with OpenInput(file, settings) as opened:
            yield from opened
    except (EdgehandsError, OSError) as error:
        yield failure_of(file, error)


def failure_of(file: InputFile, error: EdgehandsError | OSError) -> SourceFailure:
    """Name an input that couldn't be read, and why."""
    name = file.name
    if isinstance(error, (SourceError, SourceNotFound)):
        return SourceFailure(name, error)
    why = getattr(error, "strerror", None) or str(error)
    return SourceFailure(name, SourceError(f"{name}: {why}"))


def count_frames(file: InputFile) -> int:
    """Number of frames in a file, for a progress bar: 0 if unknown."""
    if file.kind == "image":
        return 1
    if file.kind == "camera":
        return 0
    try:
        with VideoSource(file.path, CameraSettings(), realtime=False) as video:
            return video.frames_announced
    except (SourceError, SourceNotFound):
        return 0
