"""Places where a film's reference reports a hand but there is none, judged by eye.

The reference sometimes takes faces and sleeves for hands. A tracker that doesn't would seem to miss
them, so places judged by a person to be no hand can be left out.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgehands.evaluation.values import ReportedHand

COLUMNS: Final = ("film", "first", "last", "x", "y")

MOST_LINES: Final = 100_000
"""Of a file."""

WITHIN: Final = 0.2
"""A hand lies at such a place if its centre is within this distance, in units of the hand's longest
side."""


@dataclass(frozen=True, slots=True)
class NotHand:
    """A place without a hand, in some frames of a film.

    Attributes:
        first, last: frames, counted from 0.
        x, y: its centre, 0..1 of the picture's width and height.
    """

    first: int
    last: int
    x: float
    y: float

    def holds(self, frame: int, hand: ReportedHand, size: tuple[int, int]) -> bool:
        """Whether a hand of a frame lies there; ``size``: width and height, pixels."""
        if not self.first <= frame <= self.last:
            return False
        place = np.array([self.x * size[0], self.y * size[1]])
        side = float(np.ptp(hand.points, axis=0).max())
        return bool(np.linalg.norm(hand.points.mean(axis=0) - place) < WITHIN * side)


def read_not_hands(path: Path) -> dict[str, tuple[NotHand, ...]]:
    """The places of a file, by the film's name.

    Args:
        path: a table, columns separated by tabs: film, first, last, x, y; the first line names
            them, lines that begin with # are comments.

    Raises:
        UsageError: it can't be read, or a line isn't such a place.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        raise UsageError(f"--not-hands {path}: {reason}: name a table of places") from error
    if len(lines) > MOST_LINES:
        raise UsageError(f"--not-hands {path}: {len(lines)} lines, at most {MOST_LINES} are read")
    rows = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith("#")]
    places: dict[str, list[NotHand]] = {}
    for number, cells in zip(
        (n for n, _ in rows),
        csv.reader((line for _, line in rows), delimiter="\t", quoting=csv.QUOTE_NONE),
        strict=True,
    ):
        if tuple(cells) == COLUMNS:
            continue
        place = _place(cells)
        if place is None:
            raise UsageError(
                f"--not-hands {path}, line {number}: not a place: give film, first and last frame,"
                " x and y from 0 to 1, separated by tabs"
            )
        places.setdefault(cells[0], []).append(place)
    return {film: tuple(listed) for film, listed in places.items()}


def _place(cells: Sequence[str]) -> NotHand | None:
    if len(cells) != len(COLUMNS) or not cells[0]:
        return None
    try:
        first, last, x, y = int(cells[1]), int(cells[2]), float(cells[3]), float(cells[4])
    except ValueError:
        return None
    inside = 0 <= first <= last and 0 <= x <= 1 and 0 <= y <= 1
    return NotHand(first, last, x, y) if inside else None


def is_none(
    places: Sequence[NotHand], frame: int, hand: ReportedHand, size: tuple[int, int]
) -> bool:
    """Whether a hand of a frame lies at one of these places; ``size``: width and height, pixels."""
    return any(place.holds(frame, hand, size) for place in places)
