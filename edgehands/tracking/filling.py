"""One hand that fills the picture, or reaches out of it: no palm shows there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgehands.hand import Roi
from edgehands.tracking.doubt import SURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgehands.tracking.landmark_model import LandmarkModel, LandmarkReading

FILLED: Final = 1.2
"""Side of the square that a hand which fills the picture is read in, in its longest sides."""


def read_filling(landmarks: LandmarkModel, image: NDArray[np.uint8]) -> LandmarkReading | None:
    """The hand that fills a frame, (H, W, 3) uint8 RGB; None where none does.

    The whole picture is read as one upright hand, and once more where that seems to lie.
    """
    height, width = image.shape[:2]
    whole = Roi(width / 2, height / 2, FILLED * max(width, height), 0.0)
    reading = landmarks.read(image, whole)
    again = reading and landmarks.read(image, reading.found_roi)
    if again is None or again.presence < SURE or again.found_roi.size < min(width, height):
        return None
    return again
