"""Runs the tracker over clips."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands import HandTracker
from edgehands.closing import Closing
from edgehands.evaluation.values import ReportedHand, Run

if TYPE_CHECKING:
    from edgehands.config import TrackingConfig
    from edgehands.evaluation.values import Clip
    from edgehands.hand import Hand


class TrackerUnderTest(Closing):
    """A tracker to run on films, each from a fresh state. A context manager.

    Args:
        config: of the tracker.

    Raises:
        BackendUnavailable, ModelNotFound, ModelCorrupt: as :class:`~edgehands.HandTracker`.
    """

    def __init__(self, config: TrackingConfig) -> None:
        cv2.setNumThreads(1)
        self._resources = ExitStack()
        self._tracker = self._resources.enter_context(HandTracker(config))
        # A model's first run takes longer and isn't counted.
        self._tracker.process(np.zeros((480, 640, 3), np.uint8), 0.0)

    def run(self, clip: Clip) -> Run:
        """Track a clip from its start; its CPU time excludes decoding and copying."""
        self._tracker.reset()
        frames = []
        cpu = 0.0
        for i in range(len(clip)):
            image = np.array(clip.images[i])
            start = time.process_time()
            hands = self._tracker.process(image, i / clip.fps)
            cpu += time.process_time() - start
            frames.append(tuple(reported(hand) for hand in hands))
        return Run(tuple(frames), cpu / max(1, len(clip)) * 1e3)

    def close(self) -> None:
        """Release the models."""
        self._resources.close()


def reported(hand: Hand) -> ReportedHand:
    """A tracker's hand in the evaluation's form."""
    return ReportedHand(hand.landmarks[:, :2].astype(np.float64), hand.handedness, hand.id)
