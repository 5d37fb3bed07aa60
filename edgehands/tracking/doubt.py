"""Handling of detections that may not be hands, above all faces.

The palm model sometimes sees a palm in a face, and the landmark model is then as confident as with
a blurred hand. Three things tell them apart: a face's presence stays below 0.9 on average; unlike
with a hand, the palm model doesn't see it again in the next frames; and where it does, the two
models disagree about where the wrist and knuckles are.
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
"""Lowest score of a palm that confirms a track in doubt: most faces score 0.5 to 0.65."""

SURE_PALM: Final = 0.8
"""Score from which a palm is certainly no face's: if no hand is read in it, the hand is blurred or
half hidden, and palm detection runs again in the next frame."""

CONFIRMING_PLACE: Final = 0.35
"""Greatest mean distance of its points from the track's, in widths of the palm's box: in a face,
the two models don't mean the same points."""

CERTAIN_SCORE: Final = 0.93
"""Score of a palm that no face has reached (0.90 at most, in profile). It confirms a track even if
the models agree less, as on a fist that touches another one (0.5)."""

CERTAIN_PLACE: Final = 0.6
"""Greatest mean distance of its points then, in widths of the palm's box."""

AGREEING: Final = 0.3
"""The same for a new hand that is reported at once although neither model is certain: faces have
0.37 to 0.54, hands 0.14 to 0.29."""

VAIN_LOOKS: Final = 3
"""Consecutive detections without a palm for a track in doubt that end the track."""

VAIN_LOOKS_TENTATIVE: Final = 2
"""The same for a track that hasn't been reported yet."""

_REMEMBERED_FRAMES: Final = 60
_NEAR: Final = 0.5  # of the ROI's size: near a place where a hand was rejected
_PALMS_FRAMES: Final = 4
_PALM_NEAR: Final = 0.15  # of the palm's box: near a palm in which no hand was read
_PALM_SURER: Final = 0.1
"""How much the score of such a palm must rise before it is read again: a hand that comes out of a
cross-fade, blur or occlusion scores higher and higher, a face doesn't."""


def sure_at_birth(palm: PalmDetection, reading: LandmarkReading) -> bool:
    """Whether a new hand can be reported at once, without a second detection."""
    return (
        reading.presence >= SURE
        or palm.score >= CONFIRMING_SCORE
        or _disagreement(palm, reading) < AGREEING
    )


def confirms(palm: PalmDetection, reading: LandmarkReading) -> bool:
    """Whether a detected palm confirms that a reading shows a hand."""
    if palm.score < CONFIRMING_SCORE:
        return False
    place = CERTAIN_PLACE if palm.score >= CERTAIN_SCORE else CONFIRMING_PLACE
    return _disagreement(palm, reading) < place


def _disagreement(palm: PalmDetection, reading: LandmarkReading) -> float:
    """Mean distance between the points that both models give, in widths of the palm's box."""
    away = reading.palm_points - palm.keypoints[:5]
    return float(np.hypot(away[:, 0], away[:, 1]).mean() / (palm.box[2] - palm.box[0]))


@dataclass(frozen=True, slots=True)
class _Place:
    """A rejected place (frame pixels), its frame number, and the score of a palm there."""

    frame: int
    x: float
    y: float
    within: float
    score: float = 1.0

    def holds(self, x: float, y: float) -> bool:
        return math.hypot(x - self.x, y - self.y) < self.within


class RefusedPlaces:
    """Places where no hand was, remembered for a limited time: faces hold still."""

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
        """Remember where a track was dropped as no hand, and which palms had kept it alive.

        Args:
            reading: the track's last reading.
            palms: the palms of that frame.
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
        """Whether a track was recently dropped here."""
        return any(place.holds(roi.cx, roi.cy) for place in self._tracks)

    def holds_palm(self, palm: PalmDetection) -> bool:
        """Whether no hand was recently read in this palm, and it hasn't moved or scored higher."""
        x0, y0, x1, y1 = palm.box.tolist()
        return any(
            place.holds((x0 + x1) / 2, (y0 + y1) / 2) and palm.score < place.score + _PALM_SURER
            for place in self._palms
        )
