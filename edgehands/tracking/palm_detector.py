"""Palm detection over a whole frame."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.geometry.anchors import palm_anchors
from edgehands.geometry.averaging import averaged, block_size, to_blocks
from edgehands.geometry.boxes import weighted_nms
from edgehands.geometry.constants import (
    PALM_INPUT_SIZE,
    PALM_KEYPOINT_COUNT,
    PALM_LOGIT_CLIP,
    PALM_NMS_IOU,
)
from edgehands.geometry.roi import letterbox_maps, letterbox_to_frame
from edgehands.hand import PalmDetection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.backends.base import Model

_LARGEST = 1e6
"""Pixels of the model's input: palms further away or larger are discarded."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """How part of a frame is drawn.

    Attributes:
        to_frame: the map from the model's input to the frame.
        whole, beyond: ``cv2.remap``'s two tables.
        blocks: the frame averaged over blocks of pixels, sampled instead of the frame itself; None:
            the frame is sampled.
        side: of such a block, pixels.
    """

    to_frame: NDArray[np.float64]
    whole: NDArray[np.int16]
    beyond: NDArray[np.uint16]
    blocks: NDArray[np.uint8] | None
    side: int


class PalmDetector:
    """Finds palms in a frame.

    Drawing and inference are separate calls, so that inference can run in another thread while the
    caller already has its frame back.

    Args:
        model: a loaded palm model.
        min_score: lowest score of a detection, 0..1.

    Attributes:
        runs: how often the model was executed.
        seconds: total time of those runs.
    """

    def __init__(self, model: Model, min_score: float) -> None:
        self._model = model
        self._scores = model.spec.output("scores")
        self._boxes = model.spec.output("boxes")
        self._size: int = model.pixels().shape[0]
        self._anchors = palm_anchors(self._size)
        self.min_score = min_score
        self._width = self._height = 0
        self._views: dict[float, _View] = {}
        self._to_frame = letterbox_to_frame(1, 1, self._size)
        self.runs = 0
        self.seconds = 0.0

    @property
    def side(self) -> int:
        """Width and height of the model's input, pixels."""
        return self._size

    @property
    def min_score(self) -> float:
        """Lowest score of a detection, 0..1."""
        return self._min_score

    @min_score.setter
    def min_score(self, score: float) -> None:
        self._min_score = score
        # The threshold becomes a logit once; that saves 2016 sigmoids a frame.
        self._threshold = self._scores.quantised(math.log(score / (1 - score)))

    def draw(self, image: NDArray[np.uint8], extent: float = 1.0) -> None:
        """Draw a frame, (H, W, 3) uint8 RGB, into the model's input.

        Args:
            image: the frame.
            extent: side of the square around its middle that is drawn, in units of the longest
                side: 1 is the letterboxed frame, less enlarges its middle.
        """
        height, width = image.shape[:2]
        if (width, height) != (self._width, self._height):
            self._views.clear()
            self._width, self._height = width, height
        view = self._views.get(extent)
        if view is None:
            view = self._views[extent] = self._view(extent)
        self._to_frame = view.to_frame
        if view.blocks is not None:
            image = averaged(image, view.side, view.blocks)
        pixels = self._model.pixels()
        cv2.remap(image, view.whole, view.beyond, cv2.INTER_LINEAR, pixels, cv2.BORDER_CONSTANT)

    def _view(self, extent: float) -> _View:
        """How frames of the current size are drawn."""
        to_frame = sampled = letterbox_to_frame(self._width, self._height, self._size, extent)
        # MediaPipe's own models see frames as MediaPipe draws them.
        side = block_size(to_frame[0, 0]) if self._size < PALM_INPUT_SIZE else 1
        side = min(side, self._width, self._height)
        blocks = None
        if side > 1:
            blocks = np.empty((self._height // side, self._width // side, 3), np.uint8)
            sampled = to_blocks(to_frame, side)
        return _View(to_frame, *letterbox_maps(sampled, self._size), blocks, side)

    def infer(self) -> tuple[PalmDetection, ...]:
        """The palms of the frame that was drawn, by descending score."""
        start = time.perf_counter()
        self._model.run()
        self.seconds += time.perf_counter() - start
        self.runs += 1
        logits = self._model.raw("scores")[:, 0]
        candidates = np.flatnonzero(logits >= self._threshold)
        if not candidates.size:
            return ()
        scores = _sigmoid(self._scores.real(logits[candidates]))
        raw = self._boxes.real(self._model.raw("boxes")[candidates])
        usable = np.abs(raw).max(axis=1) < _LARGEST  # NaN is discarded, too
        if not usable.all():
            candidates, scores, raw = candidates[usable], scores[usable], raw[usable]
            if not candidates.size:
                return ()
        return self._decode(raw, scores, self._anchors[candidates])

    def detect(self, image: NDArray[np.uint8], extent: float = 1.0) -> tuple[PalmDetection, ...]:
        """The palms of a frame, by descending score; arguments as for :meth:`draw`."""
        self.draw(image, extent)
        return self.infer()

    def _decode(
        self,
        raw: NDArray[np.float32],
        scores: NDArray[np.float32],
        anchors: NDArray[np.float32],
    ) -> tuple[PalmDetection, ...]:
        """Raw outputs (N, 18) at their anchors (N, 2) to merged detections in frame pixels."""
        centres = anchors * np.float32(self._size)
        half = raw[:, 2:4] / 2
        middle = raw[:, :2] + centres
        points = raw[:, 4:].reshape(-1, PALM_KEYPOINT_COUNT, 2) + centres[:, None]
        boxes = np.concatenate([middle - half, middle + half], axis=1)
        coordinates = np.concatenate([boxes, points.reshape(len(raw), -1)], axis=1)
        merged, best = weighted_nms(boxes, coordinates, scores, PALM_NMS_IOU)
        scale = self._to_frame[0, 0]
        in_frame = (merged.reshape(len(merged), -1, 2) * scale + self._to_frame[:, 2]).astype(
            np.float32
        )
        return tuple(
            PalmDetection(points[:2].ravel(), points[2:], float(score))
            for points, score in zip(in_frame, best, strict=True)
        )


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    clipped = np.clip(logits, -PALM_LOGIT_CLIP, PALM_LOGIT_CLIP)
    probability: NDArray[np.float32] = np.reciprocal(1 + np.exp(-clipped))
    return probability
