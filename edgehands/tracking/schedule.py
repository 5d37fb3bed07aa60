"""When palm detection is due.

Detection costs more than reading a hand, and finds something new once in a while only. So it runs
at once where nothing is tracked, ever more rarely while it finds nothing beside the tracked hands,
and rarely in a room that has long been empty, until something moves there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

INTERVAL_FIRST: Final = 4
"""Frames until the next look beside a tracked hand, after one that found something."""

INTERVAL_LAST: Final = 16
"""The same after many looks in vain: half a second at 30 fps, what a person waits unnoticed."""

INTERVAL_MOVING: Final = 8
"""The same while something moves beside the tracked hands."""

IDLE_AFTER: Final = 90
"""Frames without a hand after which a room counts as empty."""

INTERVAL_IDLE: Final = 10
"""Frames between looks into an empty, still room."""

INTERVAL_IDLE_MOVING: Final = 2
"""Frames between looks into an empty room where something moves."""


class DetectionSchedule:
    """Counts frames and says when to look."""

    def __init__(self) -> None:
        self._since = INTERVAL_LAST  # frames since the last look: the first frame is due
        self._interval = INTERVAL_FIRST
        self._empty = 0

    def due(self, *, tracked: int, lost: bool, moving: Callable[[], bool]) -> bool:
        """Whether to look now; to be asked once a frame while fewer hands than allowed are seen.

        Args:
            tracked: hands seen in this frame.
            lost: a hand that was followed wasn't seen in this frame.
            moving: tells whether something moves beside the tracked hands; only asked where the
                answer matters.
        """
        self._since += 1
        self._empty = 0 if tracked else self._empty + 1
        if lost or (not tracked and self._empty <= IDLE_AFTER):
            return True
        soon, late = (
            (INTERVAL_MOVING, self._interval) if tracked else (INTERVAL_IDLE_MOVING, INTERVAL_IDLE)
        )
        return self._since >= late or (self._since >= soon and moving())

    def looked(self, *, found: bool) -> None:
        """Tell that detection ran, and whether it found a hand that wasn't tracked."""
        self._since = 0
        self._interval = INTERVAL_FIRST if found else min(self._interval * 2, INTERVAL_LAST)


class MotionGate:
    """Whether something has moved since the last look, from a thumbnail of the green channel."""

    STEP: Final = 8  # every 8th pixel is read
    CELL: Final = 2  # and the mean of 2 x 2 of those is compared: sensor noise drops to a half
    CHANGE: Final = 14.0  # of 255
    LEAST_CELLS: Final = 3
    MOST_SHARE: Final = 0.25  # more than this is the camera or the light, not somebody's hand

    def __init__(self) -> None:
        self._seen: NDArray[Any] | None = None

    def keep(self, image: NDArray[np.uint8]) -> None:
        """Compare with this frame, (H, W, 3) uint8, from now on: it has been looked at."""
        self._seen = self._thumbnail(image)

    def moved(self, image: NDArray[np.uint8], masks: Iterable[tuple[int, int, int, int]]) -> bool:
        """Whether a frame, (H, W, 3) uint8, differs from the one that was last kept.

        Args:
            image: the frame.
            masks: x0, y0, x1, y1 in frame pixels: places that don't count.
        """
        now = self._thumbnail(image)
        if self._seen is None or self._seen.shape != now.shape:
            return True
        changed = cv2.absdiff(self._seen, now) > self.CHANGE
        grain = self.STEP * self.CELL
        for x0, y0, x1, y1 in masks:
            rows = slice(max(0, y0 // grain), max(0, y1 // grain + 1))
            columns = slice(max(0, x0 // grain), max(0, x1 // grain + 1))
            changed[rows, columns] = False
        cells = int(np.count_nonzero(changed))
        return self.LEAST_CELLS <= cells <= self.MOST_SHARE * changed.size

    def _thumbnail(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        coarse = np.ascontiguousarray(image[:: self.STEP, :: self.STEP, 1])
        size = (max(1, coarse.shape[1] // self.CELL), max(1, coarse.shape[0] // self.CELL))
        return cv2.resize(coarse, size, interpolation=cv2.INTER_AREA)
