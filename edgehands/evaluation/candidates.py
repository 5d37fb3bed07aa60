"""Every hand that the models detect in a labelled picture, independent of thresholds.

What a tracker reports at any thresholds follows from these without running the models again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.cameras.images import read_image
from edgehands.geometry.duplicates import same_hand
from edgehands.geometry.roi import landmarks_roi, palm_roi
from edgehands.hand import Handedness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgehands.dataset import LabelledImage
    from edgehands.dataset.models import ModelPair
    from edgehands.hand import PalmDetection
    from edgehands.tracking.landmark_model import LandmarkReading

MOST_CANDIDATES: Final = 12
"""Most palms read in a picture, highest score first."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A detected palm, and the hand that the landmark model read there.

    Attributes:
        palm_score: 0..1.
        palm_box: (4,) x0, y0, x1, y1, frame pixels.
        presence: 0..1.
        handedness: of the person.
        points: (21, 2) frame pixels.
        z_mm: (21,) millimetres behind (+) or in front of (-) the wrist.
    """

    palm_score: float
    palm_box: NDArray[np.float64]
    presence: float
    handedness: Handedness
    points: NDArray[np.float64]
    z_mm: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PictureResult:
    """The output of a pair of models for a labelled picture.

    Attributes:
        image: the picture and its truth.
        candidates: every palm down to the least score, by falling score.
        usual: palms at the palm detection threshold in force: exactly what a tracker
            works with. They differ a little from ``candidates``, because a palm is the mean of
            all anchors above the threshold.
        readings: (21, 2) points that the landmark model gives for each hand at its true position:
            its error without that of detection.
        light: mean brightness around each true hand, 0..255.
    """

    image: LabelledImage
    candidates: tuple[Candidate, ...]
    usual: tuple[Candidate, ...]
    readings: tuple[NDArray[np.float64], ...]
    light: tuple[float, ...]


def look(
    pair: ModelPair, image: LabelledImage, palm_score: float, *, mirrored: bool = False
) -> PictureResult:
    """Run a pair of models on a labelled picture.

    Args:
        pair: of models.
        image: the picture and its truth.
        palm_score: least score of a palm detection that is in force.
        mirrored: the picture is a mirror image.

    Raises:
        SourceNotFound, SourceError: the image file can't be read.
    """
    pixels = read_image(image.path)

    def read(palm: PalmDetection) -> Candidate:
        reading = pair.read(pixels, palm_roi(palm))
        world = reading.world_landmarks.astype(np.float64)
        return Candidate(
            palm.score,
            palm.box.astype(np.float64),
            reading.presence,
            _side(reading, mirrored=mirrored),
            reading.landmarks[:, :2].astype(np.float64),
            (world[:, 2] - world[0, 2]) * 1000,
        )

    candidates = tuple(map(read, pair.palms(pixels)[:MOST_CANDIDATES]))
    usual = tuple(map(read, pair.palms(pixels, palm_score)[:MOST_CANDIDATES]))
    readings = tuple(
        pair.read(pixels, landmarks_roi(hand.points.astype(np.float32)))
        .landmarks[:, :2]
        .astype(np.float64)
        for hand in image.hands
    )
    light = tuple(_light(pixels, hand.points) for hand in image.hands)
    return PictureResult(image, candidates, usual, readings, light)


def reported(
    candidates: Sequence[Candidate], palm_score: float, presence: float, max_hands: int
) -> list[Candidate]:
    """What a tracker of single pictures would report of these at the given thresholds."""
    found: list[Candidate] = []
    for candidate in candidates:
        if len(found) >= max_hands:
            break
        if candidate.palm_score < palm_score or any(_on_palm(candidate, hand) for hand in found):
            continue
        if candidate.presence < presence:
            continue
        points = candidate.points.astype(np.float32)
        if not any(same_hand(hand.points.astype(np.float32), points) for hand in found):
            found.append(candidate)
    return found


def _on_palm(candidate: Candidate, hand: Candidate) -> bool:
    """Whether a palm's centre lies on a hand that is already reported."""
    middle = (candidate.palm_box[:2] + candidate.palm_box[2:]) / 2
    palm = hand.points[[0, 5, 9, 13, 17]]
    size = float(np.linalg.norm(palm[2] - palm[0]))
    return bool(np.linalg.norm(palm.mean(axis=0) - middle) < 0.5 * size)


def _side(reading: LandmarkReading, *, mirrored: bool) -> Handedness:
    right = (reading.looks_right >= 0.5) != mirrored
    return Handedness.RIGHT if right else Handedness.LEFT


def _light(pixels: NDArray[np.uint8], points: NDArray[np.float64]) -> float:
    height, width = pixels.shape[:2]
    low = np.clip(points.min(axis=0), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(points.max(axis=0), 0, (width - 1, height - 1)).astype(int) + 1
    # Rec. 601 luma, as in JPEG.
    return float(
        pixels[low[1] : high[1], low[0] : high[0]].mean(axis=(0, 1)) @ (0.299, 0.587, 0.114)
    )
