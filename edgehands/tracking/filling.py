"""One hand that fills the picture or extends beyond it: no palm is detected there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgehands.hand import Roi
from edgehands.tracking.doubt import SURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgehands.tracking.landmark_model import LandmarkModel, LandmarkReading

FILLED: Final = 1.2
"""Side of the square in which such a hand is read, in units of the picture's longest side."""


def read_filling(landmarks: LandmarkModel, image: NDArray[np.uint8]) -> LandmarkReading | None:
    """The hand that fills a frame, (H, W, 3) uint8 RGB; None if there is none.

    The whole picture is read as one upright hand, then again where that hand seems to be.
    """
    height, width = image.shape[:2]
    whole = Roi(width / 2, height / 2, FILLED * max(width, height), 0.0)
    reading = landmarks.read(image, whole)
    again = reading and landmarks.read(image, reading.found_roi)
    if again is None or again.presence < SURE or again.found_roi.size < min(width, height):
        return None
    return again
