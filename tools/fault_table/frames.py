"""How long frames took while a fault was there, beside how long they took while it wasn't."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tools.fault_table.tapped import FRAMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

WINDOW_S = 12.0
"""One round of the film: every window has the same frames in it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Frame times, milliseconds.

    Attributes:
        quiet, faulty: p99: the median of windows of 12 seconds.
        longest_gap: between two frames, while the fault was there.
    """

    quiet: float
    faulty: float
    longest_gap: float

    @property
    def ratio(self) -> float:
        """How much longer the slowest of a hundred frames took with the fault."""
        return self.faulty / self.quiet


@dataclass(slots=True)
class FrameTimes:
    """Reads what a tapped service writes, and remembers which phase was when.

    Attributes:
        path: the shared file.
    """

    path: Path
    _quiet: list[tuple[float, float]] = field(default_factory=list)
    _faulty: list[tuple[float, float]] = field(default_factory=list)

    def create(self) -> None:
        """Make the file, empty, for a service to write to."""
        with self.path.open("wb") as file:
            file.truncate(FRAMES * 16)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """While this is entered, nothing is wrong."""
        with _span(self._quiet):
            yield

    @contextmanager
    def faulty(self) -> Iterator[None]:
        """While this is entered, something is."""
        with _span(self._faulty):
            yield

    def rows(self) -> NDArray[np.float64]:
        """(N, 2): when each frame was handed over, monotonic seconds, and how long it took."""
        rows = np.array(np.memmap(self.path, np.float64, "r", shape=(FRAMES, 2)))
        return rows[rows[:, 0] > 0]

    def compare(self) -> Comparison:
        """Compare all faulty phases with all quiet ones."""
        rows = self.rows()
        quiet = [p99 for begin, end in self._quiet for p99 in _p99s(rows, begin, end)]
        faulty = [p99 for begin, end in self._faulty for p99 in _p99s(rows, begin, end)]
        gaps = [_longest_gap(rows, begin, end) for begin, end in self._faulty]
        return Comparison(
            float(np.median(quiet)) * 1e3, float(np.median(faulty)) * 1e3, max(gaps) * 1e3
        )


@contextmanager
def _span(spans: list[tuple[float, float]]) -> Iterator[None]:
    begin = time.monotonic()
    yield
    spans.append((begin, time.monotonic()))


def _within(rows: NDArray[np.float64], begin: float, end: float) -> NDArray[np.float64]:
    return rows[(rows[:, 0] >= begin) & (rows[:, 0] < end)]


def _longest_gap(rows: NDArray[np.float64], begin: float, end: float) -> float:
    """Seconds without a frame, the longest of a phase; all of it where there was none."""
    times: list[float] = [begin, *_within(rows, begin, end)[:, 0].tolist(), end]
    return max(later - earlier for earlier, later in pairwise(times))


def _p99s(rows: NDArray[np.float64], begin: float, end: float) -> list[float]:
    """The p99 of each window of a phase; of the whole where it is shorter than one."""
    count = max(int((end - begin) / WINDOW_S), 1)
    edges = np.linspace(begin, end, count + 1)
    parts = [_within(rows, a, b)[:, 1] for a, b in pairwise(edges)]
    return [float(np.quantile(part, 0.99)) for part in parts if len(part)]
