"""What the two models see, made up: for the tests of what the tracker makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgehands import HandTracker, TrackingConfig
from edgehands.geometry.roi import landmarks_roi
from edgehands.hand import PalmDetection
from edgehands.tracking.landmark_model import LandmarkReading
from tests.hands import frame, open_hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edgehands import Hand
    from edgehands.hand import Roi


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


def follow(
    script: Callable[[int], list[Seen]], frames: int, *, static: bool = False
) -> list[tuple[Hand, ...]]:
    """The hands told in each frame where the two models see what the script says."""
    hands = HandTracker(TrackingConfig(backend="fake", static_image=static))
    now: list[Seen] = []

    def detect(_image: NDArray[np.uint8], _extent: float = 1.0) -> tuple[PalmDetection, ...]:
        return tuple(palm(seen) for seen in now if seen.palm >= 0.5)

    def read(_image: NDArray[np.uint8], roi: Roi, _before: object = None) -> LandmarkReading | None:
        near = [seen for seen in now if abs(seen.x - roi.cx) < roi.size / 2]
        if not near or near[0].presence < 0.5:
            return None
        return reading(near[0].x, near[0].presence)

    hands._detector.detect = detect  # type: ignore[assignment]
    hands._landmarks.read = read  # type: ignore[assignment]
    told = []
    for i in range(frames):
        now[:] = script(i)
        # Something always moves, so that the schedule never rests.
        told.append(hands.process(frame((20 + 600 * (i % 2), 20), diameter=80), i / 30))
    return told
