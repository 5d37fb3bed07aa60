"""What is taken for a hand although it may be something else, a face above all.

The palm model sees a palm in a face now and then, and the landmark model is then as content with
it as with a blurred hand. Three things tell them apart: a face's presence stays below 0.9 on
average, the palm model doesn't see it again in the next frames, as it sees a hand, and where it
does, the two models don't agree where in it the wrist and the knuckles are.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from edgehands.hand import PalmDetection, Roi
    from edgehands.tracking.landmark_model import LandmarkReading

SURE: Final = 0.9
"""Presence of a hand that needs no second opinion; below it, on average, a track is in doubt."""

CONFIRMING_SCORE: Final = 0.7
"""Least score of a palm that confirms a track in doubt: faces have 0.5 to 0.65 mostly."""

SURE_PALM: Final = 0.8
"""Score of a palm that surely is one, unlike a face's: where no hand is read in it, it is blurred
or half hidden, and the next frame is worth a look too."""

CONFIRMING_PLACE: Final = 0.35
"""And how close its points lie to the track's on average, in widths of the palm's box: in a face,
the two models don't mean the same points."""

CERTAIN_SCORE: Final = 0.93
"""Score of a palm that no face has had (0.90 at most, in profile): it confirms a track also where
the models agree less, as they do on a fist that touches another one (0.5)."""

CERTAIN_PLACE: Final = 0.6
"""How close its points must lie then, in widths of the palm's box."""

AGREEING: Final = 0.3
"""The same for a new hand that is reported at once although neither model is sure: faces have 0.37
to 0.54, hands 0.14 to 0.29."""

VAIN_LOOKS: Final = 3
"""Looks in a row that don't see the palm of a track in doubt, and end it."""

VAIN_LOOKS_TENTATIVE: Final = 2
"""The same for a track that hasn't been reported yet."""

_REMEMBERED_FRAMES: Final = 60
_NEAR: Final = 0.5  # of the ROI's size: a place where a hand was refused
_PALMS_FRAMES: Final = 4
_PALM_NEAR: Final = 0.15  # of the palm's box: a palm that was read in vain
_PALM_SURER: Final = 0.1
"""How much the score of such a palm must have risen for another reading: a hand that comes out of
a cross-fade, of blur or from behind something gets surer, a face doesn't."""


def sure_at_birth(palm: PalmDetection, reading: LandmarkReading) -> bool:
    """Whether a new hand can be reported at once, without a second look."""
    return (
        reading.presence >= SURE
        or palm.score >= CONFIRMING_SCORE
        or _disagreement(palm, reading) < AGREEING
    )


def confirms(palm: PalmDetection, reading: LandmarkReading) -> bool:
    """Whether a detected palm is a second opinion that a reading is of a hand."""
    if palm.score < CONFIRMING_SCORE:
        return False
    place = CERTAIN_PLACE if palm.score >= CERTAIN_SCORE else CONFIRMING_PLACE
    return _disagreement(palm, reading) < place


def _disagreement(palm: PalmDetection, reading: LandmarkReading) -> float:
    """How far apart the two models see the points that both give, mean, in the box's widths."""
    away = reading.palm_points - palm.keypoints[:5]
    return float(np.hypot(away[:, 0], away[:, 1]).mean() / (palm.box[2] - palm.box[0]))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something was refused, frame pixels, when, in frames, and a palm's score there."""

    frame: int
    x: float
    y: float
    within: float
    score: float = 1.0

    def holds(self, x: float, y: float) -> bool:
        return math.hypot(x - self.x, y - self.y) < self.within


class RefusedPlaces:
    """Where no hand was, for as long as that may help: faces hold still."""

    def __init__(self) -> None:
        self._frame = 0
        self._tracks: deque[_Place] = deque(maxlen=8)
        self._palms: deque[_Place] = deque(maxlen=8)

    def tick(self) -> None:
        """Count a frame."""
        self._frame += 1
        while self._tracks and self._frame - self._tracks[0].frame > _REMEMBERED_FRAMES:
            self._tracks.popleft()
        while self._palms and self._frame - self._palms[0].frame > _PALMS_FRAMES:
            self._palms.popleft()

    def refuse(self, reading: LandmarkReading, palms: tuple[PalmDetection, ...]) -> None:
        """Remember where a track was given up as no hand, and which palms kept it up till then.

        Args:
            reading: the track's last.
            palms: of that frame.
        """
        roi = reading.roi
        self._tracks.append(_Place(self._frame, roi.cx, roi.cy, _NEAR * roi.size))
        for palm in palms:
            if confirms(palm, reading):  # else it would be read again in the next frame
                self.refuse_palm(palm)

    def refuse_palm(self, palm: PalmDetection) -> None:
        """Remember a palm in which the landmark model saw no hand."""
        x0, y0, x1, y1 = palm.box.tolist()
        within = _PALM_NEAR * (x1 - x0)
        place = _Place(self._frame, (x0 + x1) / 2, (y0 + y1) / 2, within, palm.score)
        self._palms.append(place)

    def holds(self, roi: Roi) -> bool:
        """Whether something was given up here not long ago."""
        return any(place.holds(roi.cx, roi.cy) for place in self._tracks)

    def holds_palm(self, palm: PalmDetection) -> bool:
        """Whether this palm was read in vain a few frames ago, hasn't moved and isn't surer."""
        x0, y0, x1, y1 = palm.box.tolist()
        return any(
            place.holds((x0 + x1) / 2, (y0 + y1) / 2) and palm.score < place.score + _PALM_SURER
            for place in self._palms
        )
