"""Reads an annotated folder for programs: each picture with its annotated hands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgehands.dataset.annotations import AnnotationStore, annotators, check_annotator, check_points
from edgehands.dataset.files import read_frames, read_header
from edgehands.dataset.format import POINTS
from edgehands.errors import DatasetError
from edgehands.hand import Handedness

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from edgehands.dataset.format import AnnotatedHand, Annotation, RecordedFrame, ZOrigin


_ABSENT: list[ZOrigin] = ["absent"] * POINTS


@dataclass(frozen=True, slots=True, eq=False)
class LabelledHand:
    """A hand as annotated by a person.

    Attributes:
        handedness: of the person whose hand it is.
        points: (21, 2) float64, frame pixels, MediaPipe's order.
        visible: (21,) in the picture, and not occluded.
        inside: (21,) in the picture.
        z_mm: (21,) millimetres behind (+) or in front of (-) the wrist; NaN = unknown.
        z_from: where each of them comes from.
        gesture: the name of the shape; empty = not given.
    """

    handedness: Handedness
    points: NDArray[np.float64]
    visible: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    z_mm: NDArray[np.float64]
    z_from: tuple[ZOrigin, ...]
    gesture: str

    @property
    def palm_size(self) -> float:
        """Distance wrist - middle MCP in frame pixels, the unit of errors."""
        return float(np.linalg.norm(self.points[9] - self.points[0]))


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """A picture and all hands in it.

    Attributes:
        path: the image file.
        width, height: pixels.
        annotator: whose annotation it is.
        hands: all hands; empty = the annotator saw none.
        frame: its recorded data.
    """

    path: Path
    width: int
    height: int
    annotator: str
    hands: tuple[LabelledHand, ...]
    frame: RecordedFrame


def read(folder: str | os.PathLike[str], annotator: str | None = None) -> Iterator[LabelledImage]:
    """The annotated pictures of a folder, in the order in which they were recorded.

    Args:
        folder: made by ``edgehands record`` or ``edgehands convert``.
        annotator: whose answers; None = those of the one who annotated most pictures, and of the
            others for the rest.

    Raises:
        DatasetError: the folder isn't a data set, nobody of that name annotated it, or a file in
            it is damaged. Raised before the first picture, but for damaged annotations.
    """
    place = Path(folder)
    read_header(place)
    stores = _stores(place, annotator)
    return _labelled(place, read_frames(place), stores)


def _stores(folder: Path, annotator: str | None) -> list[AnnotationStore]:
    known = annotators(folder)
    if annotator is not None:
        check_annotator(annotator)
        if annotator not in known:
            raise DatasetError(
                f"{folder}: nobody called {annotator} annotated it: "
                + (f"give one of {', '.join(known)}" if known else "edgehands annotate does")
            )
        return [AnnotationStore(folder, annotator)]
    stores = [AnnotationStore(folder, name) for name in known]
    return sorted(stores, key=lambda store: -len(store.stems()))


def _labelled(
    folder: Path, frames: tuple[RecordedFrame, ...], stores: list[AnnotationStore]
) -> Iterator[LabelledImage]:
    for frame in frames:
        for store in stores:
            answer = store.read(frame.file)
            if answer is not None and answer.complete:
                yield labelled(folder, frame, answer)
                break


def labelled(folder: Path, frame: RecordedFrame, answer: Annotation) -> LabelledImage:
    """A picture and an annotator's answer, as arrays.

    Raises:
        DatasetError: a point is invalid.
    """
    for number, hand in enumerate(answer.hands, 1):
        check_points(frame, hand, f"{folder}: {answer.annotator}: {frame.file} hand {number}")
    return LabelledImage(
        folder / frame.file,
        frame.width,
        frame.height,
        answer.annotator,
        tuple(map(hand_of, answer.hands)),
        frame,
    )


def hand_of(hand: AnnotatedHand) -> LabelledHand:
    """An annotated hand as arrays."""
    states = np.array(hand.states)
    z = [np.nan if value is None else value for value in hand.z_mm] or [np.nan] * len(hand.points)
    return LabelledHand(
        Handedness(hand.handedness),
        np.array(hand.points, np.float64),
        np.asarray(states == "visible"),
        np.asarray(states != "outside"),
        np.array(z, np.float64),
        tuple(hand.z_from or _ABSENT),
        hand.gesture,
    )
