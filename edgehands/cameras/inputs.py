"""The inputs of ``edgehands track``: images, folders and videos, one bad one not ending the rest.

found = find_inputs(["photos/", "clip.mp4"])
for item in iter_frames(found):
    if isinstance(item, SourceFailure):
        print(item.error)
    else:
        ...  # a Frame; item.source says which file it came from
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgehands.cameras.base import SourceFailure, orient
from edgehands.cameras.files import list_folder
from edgehands.cameras.image_header import HeaderCutOff, read_image_header
from edgehands.cameras.images import IMAGE_SUFFIXES, check_file, read_image
from edgehands.cameras.settings import CameraSettings
from edgehands.cameras.video import VideoSource
from edgehands.errors import SourceError, SourceNotFound
from edgehands.hand import Frame
from edgehands.safe_text import redact

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read frames from.

    Attributes:
        path: where it is.
        kind: ``image`` (one frame, unrelated to its neighbours) or ``video``.
    """

    path: Path
    kind: Literal["image", "video"]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was found behind the names that a user gave.

    Attributes:
        files: in the order given; the images of a folder in natural order.
        failures: names behind which there is nothing that can be read.
        skipped: other files that lay in folders.
    """

    files: tuple[InputFile, ...]
    failures: tuple[SourceFailure, ...]
    skipped: int


def find_inputs(names: Iterable[str | os.PathLike[str]]) -> Inputs:
    """Look up images, folders and videos; ``file:`` and ``dir:`` may stand before a path."""
    files: list[InputFile] = []
    failures: list[SourceFailure] = []
    skipped = 0
    for given in names:
        name = str(given)
        if _ADDRESS.match(name):
            failures.append(SourceFailure(redact(name), _not_a_file(name)))
            continue
        path = Path(name)
        if not path.exists():
            path = Path(name.removeprefix("file:").removeprefix("dir:"))
        try:
            if path.is_dir():
                listing = list_folder(path)
                skipped += listing.skipped
                files += [InputFile(image, "image") for image in listing.images]
            else:
                check_file(path)
                files.append(InputFile(path, file_kind(path)))
        except (SourceError, SourceNotFound) as error:
            failures.append(SourceFailure(name, error))
    return Inputs(tuple(files), tuple(failures), skipped)


def _not_a_file(address: str) -> SourceNotFound:
    return SourceNotFound(
        f"{redact(address)} is an address, files are expected: download it first, or follow a"
        " camera's stream with 'edgehands run --source rtsp://…'"
    )


def file_kind(path: Path) -> Literal["image", "video"]:
    """Tell an image from a video by its first bytes; by its name where they say nothing."""
    try:
        with path.open("rb") as file:
            start = file.read(65536)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from None
    try:
        known = read_image_header(start) is not None
    except HeaderCutOff:
        known = True
    return "image" if known or path.suffix.lower() in IMAGE_SUFFIXES else "video"


def iter_frames(
    inputs: Inputs, settings: CameraSettings | None = None
) -> Iterator[Frame | SourceFailure]:
    """Read every frame of every input, as fast as possible; never raises for a bad file.

    ``Frame.seq`` counts from 0 in each file. A video that breaks off gives its frames first.
    """
    yield from inputs.failures
    for file in inputs.files:
        yield from read_input(file, settings)


def read_input(
    file: InputFile, settings: CameraSettings | None = None
) -> Iterator[Frame | SourceFailure]:
    """Read the frames of one input; a failure is given, not raised."""
    settings = settings or CameraSettings()
    try:
        if file.kind == "image":
            image = orient(read_image(file.path), settings)
            yield Frame(image, 0, 0.0, file.path.stat().st_mtime, str(file.path))
            return
        with VideoSource(file.path, settings, realtime=False) as video:
            while not video.finished:
                frame = video.read(0.0)
                if frame is not None:
                    yield frame
    except (SourceError, SourceNotFound) as error:
        yield SourceFailure(str(file.path), error)
    except OSError as error:
        yield SourceFailure(str(file.path), SourceError(f"{file.path}: {error.strerror or error}"))


def count_frames(file: InputFile) -> int:
    """How many frames a file will give, for a progress bar: 0 when it can't be known."""
    if file.kind == "image":
        return 1
    try:
        with VideoSource(file.path, CameraSettings(), realtime=False) as video:
            return video.frames_announced
    except (SourceError, SourceNotFound):
        return 0
