"""When palm detection is due.

Detection costs more than reading a hand and rarely finds anything new. So it runs in every frame
while nothing is tracked, less and less often while it finds nothing besides the tracked hands, and
rarely in a room that has long been empty, until something moves there.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

INTERVAL_FIRST: Final = 1
"""Frames until the next detection beside a tracked hand, after one that found a hand: two hands
often appear one shortly after the other."""

INTERVAL_LIVELY: Final = 2
"""The same after the first detections that found nothing, while something moves."""

INTERVAL_DOUBT: Final = 3
"""The same while a track may not be a hand: the next detections confirm or end it."""

LOST_LOOKS: Final = (1, 2, 3, 5, 7, 9)
"""Frames after losing a hand at which detection runs in any case."""

IDLE_AFTER: Final = 90
"""Frames without a hand after which the room counts as empty."""

INTERVAL_IDLE: Final = 10
"""Frames between detections in an empty, still room."""

INTERVAL_IDLE_MOVING: Final = 1
"""The same where something moves."""

MOST_SHARE: Final = 0.25
"""Share of the picture: if more of it changes, it is the light or the camera, not a hand."""

CHEAP_SIDE: Final = 128
"""Input side, pixels, up to which a palm model is cheap: a third of the cost of one with 192."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Frames between detections that find nothing.

    Attributes:
        last: beside a tracked hand, after many detections, if nothing or everything moves.
        moving: the same while something moves beside the tracked hands.
        empty: without hands, if nothing moves.
    """

    last: int
    moving: int
    empty: int


SPARING: Final = Pace(last=8, moving=3, empty=2)
"""For a model that costs as much as reading one or two hands."""

GENEROUS: Final = Pace(last=4, moving=2, empty=1)
"""For a cheap one: over 45 films it runs in 0.49 of all frames instead of 0.37."""


def pace_of(side: int) -> Pace:
    """The pace for a palm model whose input is ``side`` pixels wide."""
    return GENEROUS if side <= CHEAP_SIDE else SPARING


OTHER_LOOK_EVERY: Final = 4
"""While detections find nothing, every so many are followed by one of another kind. Replacing one
would miss a hand that appears just then."""


MIDDLE: Final = 0.5
"""Side of the middle that is enlarged for distant hands, in units of the picture's longest side."""


class Look(enum.Enum):
    """Where else to look if the picture shows no palm."""

    MIDDLE = enum.auto()
    """Its enlarged middle, for distant palms."""
    FILLED = enum.auto()
    """The whole picture, for one hand that fills it or extends beyond it, without a visible
    palm."""


class DetectionSchedule:
    """Counts frames and decides when to run detection, and on what else.

    Args:
        pace: intervals after detections that found nothing.
    """

    def __init__(self, pace: Pace = SPARING) -> None:
        self._pace = pace
        self._since = pace.last  # frames since the last detection: the first frame is due
        self._interval = INTERVAL_FIRST
        self._empty = 0
        self._vain = 0  # consecutive detections that found nothing where nothing is tracked

    def due(  # noqa: PLR0913  (what it depends on)
        self,
        *,
        tracked: int,
        room: bool,
        lost: int,
        doubt: bool,
        fresh: bool,
        moving: Callable[[float], bool],
    ) -> bool:
        """Whether to run detection now; call once per frame.

        Args:
            tracked: hands seen in this frame.
            room: fewer hands are seen than are allowed.
            lost: frames since the hand lost longest ago was last seen; 0: none is lost.
            doubt: a track may not be a hand.
            fresh: a new track may not be a hand.
            moving: returns whether something moves besides the tracked hands, in no more than the
                given share of the picture; only called if the answer matters.
        """
        self._since += 1
        if tracked:
            self._empty = self._vain = 0
        else:
            self._empty += 1
        if fresh or (doubt and self._since >= INTERVAL_DOUBT):
            return True
        if not room:
            return False
        if lost in LOST_LOOKS:
            return True
        if tracked:
            soon = INTERVAL_LIVELY if self._interval < self._pace.last else self._pace.moving
            late, share = self._interval, MOST_SHARE
        elif self._empty <= IDLE_AFTER:
            soon, late, share = 1, self._pace.empty, 1.0
        else:
            soon, late, share = INTERVAL_IDLE_MOVING, INTERVAL_IDLE, MOST_SHARE
        return self._since >= late or (self._since >= soon and moving(share))

    def other_look(self) -> Look | None:
        """Where else to look in this frame if it shows no palm; only now and then."""
        turn, rest = divmod(self._vain, OTHER_LOOK_EVERY)
        if rest or not turn:
            return None
        return Look.FILLED if turn % 2 else Look.MIDDLE

    def looked(self, *, found: bool) -> None:
        """Report that detection ran, and whether it found a hand that wasn't tracked."""
        self._since = 0
        self._vain = 0 if found else self._vain + 1
        self._interval = INTERVAL_FIRST if found else min(self._interval * 2, self._pace.last)


class MotionGate:
    """Whether something moved since the last detection, by a thumbnail of the green channel."""

    STEP: Final = 8  # every 8th pixel is read
    CELL: Final = 2  # and the mean of 2 x 2 of those is compared: sensor noise is halved
    CHANGE: Final = 10.0  # of 255
    LEAST_CELLS: Final = 3
    LEAST_SHARE: Final = 0.04  # of a tracked hand's square: anything smaller isn't such a hand

    def __init__(self) -> None:
        self._seen: NDArray[Any] | None = None

    def keep(self, image: NDArray[np.uint8]) -> None:
        """Compare later frames with this one, (H, W, 3) uint8, on which detection ran."""
        self._seen = self._thumbnail(image)

    def moved(
        self,
        image: NDArray[np.uint8],
        masks: Iterable[tuple[int, int, int, int]],
        most_share: float = 1.0,
    ) -> bool:
        """Whether a frame, (H, W, 3) uint8, differs from the last one kept.

        Args:
            image: the frame.
            masks: x0, y0, x1, y1 of tracked hands, frame pixels: areas to ignore, and a reference
                for a hand's size.
            most_share: of the picture: if more of it differs, it doesn't count as motion.
        """
        least = float(self.LEAST_CELLS)
        now = self._thumbnail(image)
        if self._seen is None or self._seen.shape != now.shape:
            return True
        changed = cv2.absdiff(self._seen, now) > self.CHANGE
        grain = self.STEP * self.CELL
        for x0, y0, x1, y1 in masks:
            rows = slice(max(0, y0 // grain), max(0, y1 // grain + 1))
            columns = slice(max(0, x0 // grain), max(0, x1 // grain + 1))
            changed[rows, columns] = False
            least = max(least, self.LEAST_SHARE * (x1 - x0) * (y1 - y0) / grain**2)
        cells = int(np.count_nonzero(changed))
        return least <= cells <= most_share * changed.size

    def _thumbnail(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        coarse = np.ascontiguousarray(image[:: self.STEP, :: self.STEP, 1])
        size = (max(1, coarse.shape[1] // self.CELL), max(1, coarse.shape[0] // self.CELL))
        return cv2.resize(coarse, size, interpolation=cv2.INTER_AREA)
