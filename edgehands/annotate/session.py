"""The set being annotated: what the page shows of it, and how answers are saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edgehands.annotate.guess import Guesser, from_recording
from edgehands.annotate.messages import (
    Answer,
    Box,
    HandsNews,
    Mark,
    PictureNews,
    Saved,
    SetNews,
)
from edgehands.annotate.practice import TRUTH, mark
from edgehands.cameras.images import read_bytes, read_image
from edgehands.dataset.annotations import AnnotationStore, annotators
from edgehands.dataset.depth import depths_at, read_depth
from edgehands.dataset.files import read_frames, read_header
from edgehands.dataset.labels import labelled
from edgehands.dataset.lift import fit_depths
from edgehands.dataset.thumbnails import thumbnail_path, write_thumbnail
from edgehands.errors import DatasetError, EdgehandsError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.annotate.messages import Progress
    from edgehands.config import TrackingConfig
    from edgehands.dataset.format import AnnotatedHand, RecordedFrame, ZOrigin


class AnnotationSession:
    """One annotator's work on one folder.

    Args:
        folder: of the data set.
        annotator: whose answers these are.
        config: the models that guess a hand in a drawn box.

    Raises:
        DatasetError: the folder isn't a data set, has no pictures, or an answer in it is damaged.
    """

    def __init__(self, folder: Path, annotator: str, config: TrackingConfig | None = None) -> None:
        read_header(folder)
        self.folder = folder
        self.frames = read_frames(folder)
        if not self.frames:
            raise DatasetError(f"{folder}: no picture in it yet: record some with edgehands record")
        self._store = AnnotationStore(folder, annotator)
        self._practice = annotator != TRUTH and TRUTH in annotators(folder)
        self._truth = AnnotationStore(folder, TRUTH)
        self._guesser = Guesser(config)
        # Read everything once, to report a damaged answer before an hour's work, not after it.
        self._states: dict[str, Progress] = {f.file: self._state(f) for f in self.frames}

    def _state(self, frame: RecordedFrame) -> Progress:
        answer = self._store.read(frame.file)
        if answer is None:
            return "todo"
        return "done" if answer.complete else "started"

    def frame(self, number: int) -> RecordedFrame:
        """The record of a picture.

        Raises:
            DatasetError: there is none of that number.
        """
        if not 0 <= number < len(self.frames):
            raise DatasetError(f"picture {number}: there are {len(self.frames)}, from 0")
        return self.frames[number]

    def overview(self) -> SetNews:
        """All pictures, and whether they are done."""
        return SetNews(
            name=self.folder.resolve().name,
            annotator=self._store.annotator,
            practice=self._practice,
            pictures=[
                PictureNews(
                    file=frame.file,
                    width=frame.width,
                    height=frame.height,
                    state=self._states[frame.file],
                    why=[*frame.why],
                )
                for frame in self.frames
            ],
        )

    def image(self, number: int) -> tuple[bytes, str]:
        """A picture's file and its media type.

        Raises:
            SourceNotFound, SourceError: it doesn't exist or can't be read.
        """
        frame = self.frame(number)
        kind = "image/png" if frame.file.endswith(".png") else "image/jpeg"
        return read_bytes(self.folder / frame.file), kind

    def thumbnail(self, number: int) -> bytes:
        """A picture's thumbnail, a JPEG; made now if there is none."""
        frame = self.frame(number)
        path = thumbnail_path(self.folder, frame.file)
        if path.is_file():
            return path.read_bytes()
        return write_thumbnail(self.folder, frame.file, read_image(self.folder / frame.file))

    def hands(self, number: int) -> HandsNews:
        """The saved answer for a picture; without one, the tracker's guess."""
        frame = self.frame(number)
        answer = self._store.read(frame.file)
        if answer is None:
            start = [from_recording(frame, hand) for hand in frame.hands]
            return HandsNews(revision=0, complete=False, seconds=0.0, hands=start)
        return HandsNews(
            revision=answer.revision,
            complete=answer.complete,
            seconds=answer.seconds,
            hands=answer.hands,
        )

    def save(self, number: int, answer: Answer) -> Saved:
        """Save an answer, with the depth of its points; it is on the disk when this returns.

        Raises:
            Outdated: there is a newer one.
            DatasetError: it can't be saved.
        """
        frame = self.frame(number)
        depth = self._depth(frame)
        hands = [with_depths(frame, hand, depth) for hand in answer.hands]
        kept = self._store.save(
            frame,
            hands,
            revision=answer.revision,
            seconds=answer.seconds,
            complete=answer.complete,
        )
        self._states[frame.file] = "done" if kept.complete else "started"
        return Saved(revision=kept.revision, mark=self._mark(frame) if kept.complete else None)

    def guess(self, number: int, box: Box) -> AnnotatedHand:
        """The model's hand in a drawn box."""
        frame = self.frame(number)
        return self._guesser.guess(read_image(self.folder / frame.file), frame, box)

    def close(self) -> None:
        """Release the models."""
        self._guesser.close()

    def _mark(self, frame: RecordedFrame) -> Mark | None:
        truth, answer = self._truth.read(frame.file), self._store.read(frame.file)
        if not self._practice or truth is None or answer is None:
            return None
        found = mark(
            labelled(self.folder, frame, truth).hands, labelled(self.folder, frame, answer).hands
        )
        error = sum(found.errors) / len(found.errors) if found.errors else None
        return Mark(
            error=error,
            missed=found.missed,
            false_hands=found.false_hands,
            wrong_side=found.wrong_side,
        )

    def _depth(self, frame: RecordedFrame) -> NDArray[np.uint16] | None:
        if not frame.depth:
            return None
        try:
            return read_depth(self.folder / frame.depth)
        except EdgehandsError:
            return None  # a damaged depth picture doesn't reject a person's answer


def with_depths(
    frame: RecordedFrame, hand: AnnotatedHand, depth: NDArray[np.uint16] | None
) -> AnnotatedHand:
    """The hand with the depth of each point: measured, otherwise fitted, otherwise absent.

    Args:
        frame: its picture.
        hand: as the annotator left it.
        depth: (H, W) millimetres; None = there is no depth picture.
    """
    points = np.array(hand.points, np.float64)
    z = np.full(len(points), np.nan)
    origins = np.full(len(points), "absent", dtype="U8")
    if len(hand.guess_mm) == len(points):
        fitted = fit_depths(points, np.array(hand.guess_mm, np.float64))
        if fitted is not None:
            z[:], origins[:] = fitted, "fitted"
    if depth is not None:
        seen = np.array([state == "visible" for state in hand.states])
        measured = depths_at(depth, points, seen, (frame.width, frame.height))
        known = ~np.isnan(measured)
        z[known], origins[known] = measured[known], "depth"
    values: list[float | None] = [None if np.isnan(v) else round(float(v), 1) for v in z]
    named: list[ZOrigin] = [str(origin) for origin in origins]  # type: ignore[misc]
    known_any = any(value is not None for value in values)
    return msgspec.structs.replace(
        hand, z_mm=values if known_any else [], z_from=named if known_any else []
    )
