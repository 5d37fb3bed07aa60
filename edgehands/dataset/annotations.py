"""People's annotations: one small file per picture and annotator, replaced atomically.

So two people can work on one set, a crash loses nothing that was saved, and no answer overwrites
one that its author hasn't seen.
"""

from __future__ import annotations

import getpass
import math
import re
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from edgehands.atomic import replace_file, sync_folder
from edgehands.dataset.files import decode, now, read_limited
from edgehands.dataset.format import Annotation
from edgehands.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from edgehands.dataset.format import AnnotatedHand, RecordedFrame

FOLDER: Final = "annotations"
MAX_BYTES: Final = 200_000
BEYOND: Final = 1.0
"""How far points may lie outside the picture, in units of its width and height."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_encoder = msgspec.json.Encoder()


class Outdated(DatasetError):
    """The annotation was saved by someone else since it was read; nothing was changed."""


def default_annotator() -> str:
    """The user's login name, reduced to what a folder name may contain."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):
        name = ""
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)[:32] or "me"


def check_annotator(name: str) -> None:
    """Raise :class:`DatasetError` unless this is a valid annotator name."""
    if not _NAME.fullmatch(name):
        raise DatasetError(f'annotator "{name[:40]}": use 1 to 32 of letters, digits, "_" and "-"')


def annotators(folder: Path) -> tuple[str, ...]:
    """The names of a folder's annotators, sorted."""
    place = folder / FOLDER
    if not place.is_dir():
        return ()
    return tuple(sorted(p.name for p in place.iterdir() if p.is_dir() and _NAME.fullmatch(p.name)))


class AnnotationStore:
    """One annotator's answers.

    Args:
        folder: of the data set.
        annotator: whose; their folder is created with the first answer.

    Raises:
        DatasetError: the name can't be used.
    """

    def __init__(self, folder: Path, annotator: str) -> None:
        check_annotator(annotator)
        self.annotator = annotator
        self._folder = folder
        self._place = folder / FOLDER / annotator
        self._lock = threading.Lock()

    def read(self, file: str) -> Annotation | None:
        """The annotation of a picture; None where there is none.

        Raises:
            DatasetError: the file is damaged, or belongs to another version or picture.
        """
        path = self._path(file)
        if not path.exists():
            return None
        found = decode(read_limited(path, MAX_BYTES), Annotation, str(path))
        if found.image != file:
            raise DatasetError(f"{path}: says it is of {found.image}: was it renamed?")
        return found

    def stems(self) -> set[str]:
        """The annotated pictures (their names without ending)."""
        if not self._place.is_dir():
            return set()
        return {p.stem for p in self._place.iterdir() if p.suffix == ".json" and p.name[0] != "."}

    def save(
        self,
        frame: RecordedFrame,
        hands: list[AnnotatedHand],
        *,
        revision: int,
        seconds: float = 0.0,
        complete: bool = True,
    ) -> Annotation:
        """Save the annotation of a picture; it is on the disk when this returns.

        Args:
            frame: the picture.
            hands: all hands in it.
            revision: of the answer that was read before; 0 = there was none.
            seconds: spent on it in total.
            complete: the annotator has finished with the picture.

        Raises:
            Outdated: there is a newer answer than the one that was read.
            DatasetError: a point is invalid, or the disk is full; nothing was changed.
        """
        for number, hand in enumerate(hands, 1):
            check_points(frame, hand, f"{frame.file} hand {number}")
        with self._lock:
            before = self.read(frame.file)
            known = before.revision if before else 0
            if known != revision:
                raise Outdated(
                    f"{frame.file} was saved elsewhere in the meantime (revision {known}, not "
                    f"{revision}): load it again; nothing was changed"
                )
            answer = Annotation(
                image=frame.file,
                annotator=self.annotator,
                saved=now(),
                revision=known + 1,
                seconds=round(seconds, 1),
                complete=complete,
                hands=hands,
            )
            try:
                if not self._place.is_dir():
                    self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
                    sync_folder(self._place.parent)
                replace_file(self._path(frame.file), _encoder.encode(answer) + b"\n")
            except OSError as error:
                raise DatasetError(
                    f"{self._place}: {error.strerror or error}: make room; nothing was changed"
                ) from None
        return answer

    def _path(self, file: str) -> Path:
        stem = file.removeprefix("images/").rpartition(".")[0]
        return self._place / f"{stem}.json"


def check_points(frame: RecordedFrame, hand: AnnotatedHand, where: str) -> None:
    """Raise :class:`DatasetError` where a point is implausible."""
    size = (frame.width, frame.height)
    for i, (point, state) in enumerate(zip(hand.points, hand.states, strict=True)):
        if not all(map(math.isfinite, point)):
            raise DatasetError(f"{where}: point {i} isn't a finite number")
        for value, side in zip(point, size, strict=True):
            if not -BEYOND * side <= value <= (1 + BEYOND) * side:
                raise DatasetError(
                    f"{where}: point {i} at {point[0]:.0f}, {point[1]:.0f} is far outside of the "
                    f"{size[0]} x {size[1]} picture: put it nearer"
                )
            if state != "outside" and not 0 <= value <= side:
                raise DatasetError(
                    f"{where}: point {i} at {point[0]:.0f}, {point[1]:.0f} lies outside of the "
                    f"{size[0]} x {size[1]} picture: move it in, or mark it outside"
                )
    if len(hand.z_mm) not in {0, len(hand.points)} or len(hand.z_from) != len(hand.z_mm):
        raise DatasetError(
            f"{where}: {len(hand.z_mm)} depths from {len(hand.z_from)} origins for "
            f"{len(hand.points)} points: give one of each for every point, or none"
        )
