"""The two models by themselves: palms of a picture, and the hand in a square of it.

Here a person or the ground truth decides where the models look, not tracking.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import msgspec

from edgehands.backends import choose_backend
from edgehands.closing import Closing
from edgehands.model_store import ModelStore
from edgehands.tracking.landmark_model import LandmarkModel
from edgehands.tracking.palm_detector import PalmDetector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgehands.config import TrackingConfig
    from edgehands.hand import PalmDetection, Roi
    from edgehands.tracking.landmark_model import LandmarkReading

LEAST_SCORE: Final = 0.05
"""Least palm score and presence: low enough for curves over all thresholds."""


class ModelPair(Closing):
    """A palm model and a landmark model, without thresholds. A context manager.

    Args:
        config: which models, and their backend.

    Raises:
        BackendUnavailable, ModelNotFound, ModelCorrupt: as :class:`~edgehands.HandTracker`.
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.config = msgspec.structs.replace(config, async_detection=False)
        self._resources = ExitStack()
        store = ModelStore()
        backend = choose_backend(self.config, store)
        self._resources.callback(backend.close)
        try:
            palm, landmark = (
                store.find(task, config.model, config.precision, backend.kind(task))
                for task in ("palm_detection", "hand_landmark")
            )
            self._palm_model = backend.load(palm, store.verify(palm))
            self._detectors: dict[float, PalmDetector] = {}
            self._hands = LandmarkModel(backend.load(landmark, store.verify(landmark)), 0.0)
        except BaseException:
            self._resources.close()
            raise

    def palms(
        self, image: NDArray[np.uint8], least_score: float = LEAST_SCORE
    ) -> tuple[PalmDetection, ...]:
        """The palms of (H, W, 3) uint8 RGB, by descending score, down to a score.

        A palm is the mean of all anchors above that score: another score moves it slightly.
        """
        if least_score not in self._detectors:
            self._detectors[least_score] = PalmDetector(self._palm_model, least_score)
        return self._detectors[least_score].detect(image)

    def read(self, image: NDArray[np.uint8], roi: Roi) -> LandmarkReading:
        """The landmark model's output for a square of (H, W, 3) uint8 RGB, hand or not."""
        reading = self._hands.read(image, roi)
        assert reading is not None  # noqa: S101 - no presence is below 0
        return reading

    def close(self) -> None:
        """Release the models."""
        self._resources.close()
