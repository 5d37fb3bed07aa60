"""What the two models see, made up: for the tests of what the tracker makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgehands.geometry.roi import landmarks_roi
from edgehands.hand import PalmDetection
from edgehands.tracking.landmark_model import LandmarkReading
from tests.hands import open_hand


@dataclass(frozen=True)
class Seen:
    """What the two models see at a place.

    Attributes:
        x: of its middle, frame pixels.
        palm: its score; 0: no palm.
        presence: of the hand.
        apart: mean distance of the points that both models give, in widths of the palm's box.
    """

    x: float
    palm: float
    presence: float
    apart: float = 0.0


def reading(x: float, presence: float, *, looks_right: float = 0.95) -> LandmarkReading:
    """An open hand, 100 pixels tall, around (x, 240)."""
    landmarks = (open_hand() * 100 + (x, 240, 0)).astype(np.float32)
    roi = landmarks_roi(landmarks)
    thumbnail = np.zeros((28, 28, 3), np.uint8)
    return LandmarkReading(roi, roi, presence, looks_right, landmarks, open_hand(), thumbnail)


def palm(seen: Seen) -> PalmDetection:
    """The palm of that hand."""
    points = reading(seen.x, 1.0).landmarks[[0, 5, 9, 13, 17, 1, 2], :2]
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    # Each point lies elsewhere, all of them on average don't.
    away = seen.apart * (box[2] - box[0]) * np.array([1, -1, 1, -1, 0, 0, 0], np.float32) * 1.25
    points[:, 1] += away
    return PalmDetection(box, points, seen.palm)
