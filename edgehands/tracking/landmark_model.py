"""From a rotated square of the frame to 21 landmarks."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from edgehands.geometry.constants import LANDMARK_INPUT_SIZE
from edgehands.geometry.roi import (
    crop_to_frame,
    landmarks_roi,
    on_grid,
    project_landmarks,
    rotate_world,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgehands.backends.base import Model
    from edgehands.hand import Roi

_SMALLEST, _LARGEST = 1.0, 1e6
"""Frame pixels: sizes and places of a ROI that can be one."""

_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkReading:
    """What the landmark model sees in one ROI.

    Attributes:
        roi: where it looked: what was asked for, on the grid of crops.
        found_roi: where the hand is, by its landmarks: where to look next.
        presence: 0..1, that there is a hand.
        looks_right: 0..1, that it is a right hand if the image isn't a mirror image.
        landmarks: (21, 3) float32, frame pixels.
        world_landmarks: (21, 3) float32, world metres.
    """

    roi: Roi
    found_roi: Roi
    presence: float
    looks_right: float
    landmarks: NDArray[np.float32]
    world_landmarks: NDArray[np.float32]


class LandmarkModel:
    """Reads hands.

    Args:
        model: a loaded landmark model.
        min_presence: least presence of a hand, 0..1.

    Attributes:
        min_presence: least presence of a hand, 0..1.
        runs: how often the model was executed.
        seconds: how long that took in all.
    """

    def __init__(self, model: Model, min_presence: float) -> None:
        self._model = model
        self.min_presence = min_presence
        self._side = model.pixels().shape[0]
        self.runs = 0
        self.seconds = 0.0

    def read(self, image: NDArray[np.uint8], roi: Roi) -> LandmarkReading | None:
        """The hand in a ROI of a frame, (H, W, 3) uint8 RGB; None where there is none.

        Nor is there one in a ROI of no size or of numbers that are none, nor where the model's
        answer holds such: one odd answer must not end a service.
        """
        if not (
            _SMALLEST <= roi.size < _LARGEST
            and abs(roi.cx) < _LARGEST
            and abs(roi.cy) < _LARGEST
            and math.isfinite(roi.rotation)
        ):
            return None
        roi = on_grid(roi)
        to_frame = crop_to_frame(roi, self._side)
        size = (self._side, self._side)
        cv2.warpAffine(image, to_frame, size, self._model.pixels(), _FLAGS, cv2.BORDER_REPLICATE)
        start = time.perf_counter()
        self._model.run()
        self.seconds += time.perf_counter() - start
        self.runs += 1
        presence = float(self._model.output("presence")[0])
        if not presence >= self.min_presence:  # nor is NaN
            return None
        raw = self._model.output("landmarks").reshape(21, 3)
        world = self._model.output("world_landmarks").reshape(21, 3)
        looks_right = float(self._model.output("handedness")[0])
        if not math.isfinite(float(raw.sum()) + float(world.sum()) + looks_right):
            return None
        # Whatever its input, a model answers in pixels of a crop of LANDMARK_INPUT_SIZE.
        landmarks = project_landmarks(raw, crop_to_frame(roi, LANDMARK_INPUT_SIZE))
        return LandmarkReading(
            roi,
            landmarks_roi(landmarks),
            presence,
            looks_right,
            landmarks,
            rotate_world(world, roi.rotation),
        )
