"""From a rotated square of the frame to 21 landmarks."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from edgehands.geometry.constants import LANDMARK_INPUT_SIZE
from edgehands.geometry.roi import (
    crop_to_frame,
    landmarks_roi,
    on_grid,
    project_landmarks,
    rotate_world,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.backends.base import Model
    from edgehands.hand import Roi

UNCHANGED: Final = 3
"""A crop is unchanged if no pixel of its thumbnail (means of about 8 x 8 pixels) differs by more
than this, of 255. Noise of sigma 4 stays below; an edge of contrast 40 that moves by 0.6 pixels,
0.8 % of a palm, doesn't."""

_THUMBNAIL = (28, 28)

_PALM_POINTS: Final = (0, 5, 9, 13, 17)
"""The landmarks that are also key points of a palm detection: wrist and MCPs."""

_SMALLEST, _LARGEST = 1.0, 1e6
"""Valid sizes and coordinates of a ROI, frame pixels."""

_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, slots=True, eq=False)
class LandmarkReading:
    """What the landmark model sees in one ROI.

    Attributes:
        roi: where the model looked: the requested ROI, on the grid of crops.
        found_roi: where the hand is, by its landmarks: where to look next.
        presence: 0..1, probability of a hand.
        looks_right: 0..1, probability of a right hand if the image isn't mirrored.
        landmarks: (21, 3) float32, frame pixels.
        world_landmarks: (21, 3) float32, world metres.
        thumbnail: the crop, 8 times smaller each way: used to detect an unchanged one.
    """

    roi: Roi
    found_roi: Roi
    presence: float
    looks_right: float
    landmarks: NDArray[np.float32]
    world_landmarks: NDArray[np.float32]
    thumbnail: NDArray[np.uint8]

    @property
    def palm_points(self) -> NDArray[np.float32]:
        """(5, 2) frame pixels: the landmarks that are also the first key points of a palm."""
        points: NDArray[np.float32] = self.landmarks[list(_PALM_POINTS), :2]
        return points


class LandmarkModel:
    """Reads hands.

    Args:
        model: a loaded landmark model.
        min_presence: lowest presence of a hand, 0..1.

    Attributes:
        min_presence: lowest presence of a hand, 0..1.
        runs: how often the model was executed.
        seconds: total time of those runs.
    """

    def __init__(self, model: Model, min_presence: float) -> None:
        self._model = model
        self.min_presence = min_presence
        self._side = model.pixels().shape[0]
        self.runs = 0
        self.seconds = 0.0

    def read(
        self, image: NDArray[np.uint8], roi: Roi, before: LandmarkReading | None = None
    ) -> LandmarkReading | None:
        """The hand in a ROI of a frame, (H, W, 3) uint8 RGB; None where there is none.

        If ``before`` was read from the same ROI and the crop hasn't changed since, it is returned
        and the model doesn't run, so that a still hand stays still.

        None also for a ROI that is empty or not finite, and for a model output that is: one invalid
        output must not end a service.
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
        pixels = self._model.pixels()
        cv2.warpAffine(image, to_frame, size, pixels, _FLAGS, cv2.BORDER_REPLICATE)
        thumbnail = np.empty((*_THUMBNAIL, 3), np.uint8)
        cv2.resize(pixels, _THUMBNAIL, thumbnail, interpolation=cv2.INTER_AREA)
        del pixels  # the model doesn't run while its input is held
        if (
            before is not None
            and before.roi == roi
            and int(cv2.absdiff(thumbnail, before.thumbnail).max()) <= UNCHANGED
        ):
            return before
        start = time.perf_counter()
        self._model.run()
        self.seconds += time.perf_counter() - start
        self.runs += 1
        presence = float(self._model.output("presence")[0])
        if not presence >= self.min_presence:  # true for NaN, too
            return None
        raw = self._model.output("landmarks").reshape(21, 3)
        world = self._model.output("world_landmarks").reshape(21, 3)
        looks_right = float(self._model.output("handedness")[0])
        if not math.isfinite(float(raw.sum()) + float(world.sum()) + looks_right):
            return None
        if self._side != LANDMARK_INPUT_SIZE:
            # Whatever its input size, a model's output is in pixels of a crop of
            # LANDMARK_INPUT_SIZE.
            to_frame = crop_to_frame(roi, LANDMARK_INPUT_SIZE)
        landmarks = project_landmarks(raw, to_frame)
        return LandmarkReading(
            roi,
            landmarks_roi(landmarks),
            presence,
            looks_right,
            landmarks,
            rotate_world(world, roi.rotation),
            thumbnail,
        )
