"""Initial guesses of a hand's points, from the recording or from a box."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.backends.fake import OPEN_HAND
from edgehands.config import TrackingConfig
from edgehands.dataset.format import AnnotatedHand, PointState
from edgehands.dataset.models import ModelPair
from edgehands.geometry.roi import palm_roi
from edgehands.hand import Roi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.annotate.messages import Box
    from edgehands.dataset.format import RecordedFrame, RecordedHand
    from edgehands.tracking.landmark_model import LandmarkReading

LEAST_PRESENCE: Final = 0.05
"""Below this presence the model sees no hand in the box: an open hand is drawn instead."""

_SCALE: Final = 1.3
"""The model's square, in sizes of the box around the hand."""

_TURNS: Final = (0.0, math.pi / 2, -math.pi / 2, math.pi)


def states_of(points: NDArray[np.float64], width: int, height: int) -> list[PointState]:
    """Points in the picture are visible until changed by the annotator; others are outside."""
    return [
        "visible" if 0 <= x <= width and 0 <= y <= height else "outside" for x, y in points.tolist()
    ]


def from_recording(frame: RecordedFrame, hand: RecordedHand) -> AnnotatedHand:
    """The tracker's own hand as the start of a correction."""
    world = np.array(hand.world, np.float64) * 1000
    points = np.array(hand.landmarks, np.float64)[:, :2]
    return _guess(points, world, hand.handedness == "right", frame, hand.gesture, hand.id)


def _guess(  # noqa: PLR0913, PLR0917 - a hand has so many sides
    points: NDArray[np.float64],
    world_mm: NDArray[np.float64],
    right: bool,
    frame: RecordedFrame,
    gesture: str = "",
    number: int = 0,
) -> AnnotatedHand:
    size = (frame.width, frame.height)
    points = np.clip(points, np.negative(size), np.multiply(size, 2))
    return AnnotatedHand(
        handedness="right" if right else "left",
        points=[(round(float(x), 2), round(float(y), 2)) for x, y in points],
        states=states_of(points, *size),
        gesture="" if gesture == "none" else gesture,
        guess=number,
        guess_mm=[tuple(round(float(v), 1) for v in p) for p in world_mm],  # type: ignore[misc]
    )


class Guesser:
    """Finds a hand in a box drawn by a person. The models are loaded at the first box.

    Args:
        config: which models.
    """

    def __init__(self, config: TrackingConfig | None = None) -> None:
        self._config = config or TrackingConfig()
        self._pair: ModelPair | None = None
        self._lock = threading.Lock()

    def guess(self, image: NDArray[np.uint8], frame: RecordedFrame, box: Box) -> AnnotatedHand:
        """The hand that the model sees in a box.

        Args:
            image: (H, W, 3) uint8 RGB.
            frame: its record.
            box: around the whole hand.
        """
        with self._lock:
            if self._pair is None:
                self._pair = ModelPair(self._config)
            reading = self._best(self._pair, image, box)
        if reading.presence < LEAST_PRESENCE:
            return self._drawn(frame, box)
        points = reading.landmarks[:, :2].astype(np.float64)
        world = reading.world_landmarks.astype(np.float64) * 1000
        return _guess(points, world, reading.looks_right >= 0.5, frame)

    @staticmethod
    def _best(pair: ModelPair, image: NDArray[np.uint8], box: Box) -> LandmarkReading:
        """The best reading of squares at the box, each refined once by its own result."""
        cx, cy = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        side = max(abs(box.x1 - box.x0), abs(box.y1 - box.y0), 8.0)
        rois = [Roi(cx, cy, _SCALE * side, turn) for turn in _TURNS]
        for palm in pair.palms(image):
            roi = palm_roi(palm)
            if math.hypot(roi.cx - cx, roi.cy - cy) < side / 2 and 0.3 < roi.size / side < 3:
                rois.insert(0, roi)
                break
        readings = [pair.read(image, roi) for roi in rois]
        first = max(readings, key=lambda reading: reading.presence)
        second = pair.read(image, first.found_roi)
        return max(first, second, key=lambda reading: reading.presence)

    @staticmethod
    def _drawn(frame: RecordedFrame, box: Box) -> AnnotatedHand:
        """An open hand that fills the box, to be dragged into shape."""
        shape = OPEN_HAND.astype(np.float64)
        low, high = shape.min(axis=0), shape.max(axis=0)
        corner = np.array([min(box.x0, box.x1), min(box.y0, box.y1)])
        size = np.abs([box.x1 - box.x0, box.y1 - box.y0])
        points = corner + (shape - low) / (high - low) * size
        return _guess(points, np.empty((0, 3)), True, frame)  # noqa: FBT003

    def close(self) -> None:
        """Release the models."""
        if self._pair is not None:
            self._pair.__exit__(None, None, None)
            self._pair = None
