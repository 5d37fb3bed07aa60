"""Folders of labelled pictures for tests, and hands to put into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.dataset.annotations import AnnotationStore
from edgehands.dataset.files import read_frames
from edgehands.dataset.format import (
    AnnotatedHand,
    Dataset,
    RecordedFrame,
    RecordedHand,
    RecordedRoi,
)
from edgehands.dataset.writing import DatasetWriter
from edgehands.hand import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = np.array(
    [
        (50, 100), (30, 90), (18, 75), (10, 62), (4, 50),
        (38, 55), (36, 35), (35, 22), (34, 10),
        (50, 52), (50, 30), (50, 16), (50, 4),
        (61, 55), (63, 36), (64, 23), (65, 12),
        (71, 61), (75, 47), (77, 37), (79, 28),
    ],
    np.float64,
)  # fmt: skip
"""(21, 2) an open left hand that shows its palm, in a square of 100."""


def points(x: float = 100.0, y: float = 100.0, size: float = 100.0) -> NDArray[np.float64]:
    """(21, 2) the open hand in a square at x, y."""
    return SHAPE * size / 100.0 + (x, y)


def listed(array: NDArray[np.float64]) -> list[tuple[float, float]]:
    """(21, 2) in the files' form."""
    return [(float(x), float(y)) for x, y in array]


def annotated(array: NDArray[np.float64] | None = None, **fields: object) -> AnnotatedHand:
    """A hand as an annotator would save it."""
    values = {
        "handedness": "right",
        "points": listed(points() if array is None else array),
        "states": ["visible"] * 21,
        **fields,
    }
    return AnnotatedHand(**values)  # type: ignore[arg-type]


def reported(array: NDArray[np.float64] | None = None, **fields: object) -> RecordedHand:
    """A hand as the tracker would report it."""
    xy = points() if array is None else array
    values = {
        "id": 1,
        "handedness": "right",
        "handedness_score": 0.9,
        "presence": 0.99,
        "landmarks": [(float(x), float(y), 0.0) for x, y in xy],
        "world": [(float(x) / 1000, float(y) / 1000, 0.0) for x, y in xy - xy[9]],
        "roi": RecordedRoi(cx=150.0, cy=150.0, size=220.0, rotation=0.0),
        **fields,
    }
    return RecordedHand(**values)  # type: ignore[arg-type]


def picture(seed: int = 0, width: int = 320, height: int = 240) -> NDArray[np.uint8]:
    """(H, W, 3) a unique picture."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 255, (height // 8, width // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)


def make_folder(folder: Path, hands: Sequence[Sequence[RecordedHand]]) -> tuple[RecordedFrame, ...]:
    """A recorded folder with a picture for each list of hands."""
    with DatasetWriter(folder, Dataset()) as writer:
        for seq, seen in enumerate(hands):
            writer.add(Frame(picture(seq), seq, seq / 10, 1000.0 + seq), seen)
    return read_frames(folder)


def annotate_all(
    folder: Path, answers: Sequence[Sequence[AnnotatedHand]], annotator: str = "anna"
) -> None:
    """Save an answer for each picture of a folder."""
    store = AnnotationStore(folder, annotator)
    for frame, hands in zip(read_frames(folder), answers, strict=True):
        store.save(frame, list(hands), revision=0, seconds=5.0)
