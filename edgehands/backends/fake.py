"""A backend without models: it sees an upright hand at every bright blob in the picture.

For tests, soak runs, and trying one's own programs on a machine without the runtime. The hand has
the blob's size, its landmarks are always the same open hand, and everything is exact and
repeatable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edgehands.geometry.anchors import palm_anchors

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.backends.base import Kind
    from edgehands.model_store import ModelSpec, Role, Task

BRIGHT = 160
"""A pixel whose darkest channel is at least this bright belongs to a fake hand."""

_LEAST_SHARE = 0.0005  # smaller blobs are noise, as a share of the input's area

# An open right hand, palm to the camera, in units of the blob's diameter around its centre. The
# wrist is right below the knuckles, or each reading would turn the next ROI a little further.
OPEN_HAND = np.array(
    [
        *((0.03, 0.45), (0.15, 0.36), (0.27, 0.24), (0.36, 0.13), (0.44, 0.04)),
        *((0.15, 0.0), (0.18, -0.18), (0.19, -0.29), (0.2, -0.39)),
        *((0.03, -0.03), (0.03, -0.23), (0.03, -0.36), (0.03, -0.47)),
        *((-0.09, 0.0), (-0.11, -0.18), (-0.12, -0.3), (-0.13, -0.4)),
        *((-0.19, 0.06), (-0.24, -0.07), (-0.27, -0.16), (-0.3, -0.24)),
    ],
    np.float32,
)
_PALM_KEYPOINTS = (0, 5, 9, 13, 17, 1, 2)
_HAND_METRES = 0.19
_SURE_LOGIT = 6.0
_SURE = 0.99
_LOOKS_RIGHT = 0.98


class FakeBackend:
    """Loads fakes in place of any model of the manifest."""

    name = "fake"
    detail = "bright blobs are hands"

    def kind(self, task: Task) -> Kind:  # noqa: ARG002  (the protocol's)
        """It replaces CPU models."""
        return "cpu"

    def close(self) -> None:
        """There is nothing to release."""

    def load(self, spec: ModelSpec, path: Path) -> FakeModel:  # noqa: ARG002  (the protocol's)
        """A fake with the tensors described in the manifest."""
        return FakeModel(spec)


class FakeModel:
    """Replaces a palm or landmark model: same tensors, no network."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self._pixels = np.zeros(spec.input.shape[1:], np.uint8)
        self._outputs = {
            output.role: np.zeros(output.shape[1:], np.float32) for output in spec.outputs
        }

    def pixels(self) -> NDArray[np.uint8]:
        """Where the crop is drawn: (H, W, 3) uint8 RGB."""
        return self._pixels

    def run(self) -> None:
        """Look for bright blobs in the drawn picture."""
        if self.spec.task == "palm_detection":
            self._run_palm()
        else:
            self._run_landmarks()

    def raw(self, role: Role) -> NDArray[Any]:
        """An output without a copy."""
        return self._outputs[role]

    def output(self, role: Role) -> NDArray[np.float32]:
        """A copy of an output."""
        return self._outputs[role].copy()

    def _blobs(self) -> list[tuple[float, float, float]]:
        """Centre x, y and diameter of each blob, pixels of the input, largest first."""
        mask = (self._pixels.min(axis=2) >= BRIGHT).astype(np.uint8)
        _, _, stats, centres = cv2.connectedComponentsWithStats(mask)
        found = [
            (float(x), float(y), float(max(stat[cv2.CC_STAT_WIDTH], stat[cv2.CC_STAT_HEIGHT])))
            for stat, (x, y) in zip(stats[1:], centres[1:], strict=True)
            if stat[cv2.CC_STAT_AREA] >= _LEAST_SHARE * mask.size
        ]
        return sorted(found, key=lambda blob: -blob[2])

    def _run_palm(self) -> None:
        boxes, scores = self._outputs["boxes"], self._outputs["scores"]
        scores[...] = -_SURE_LOGIT
        side = self._pixels.shape[0]
        anchors = palm_anchors(side) * side
        for x, y, diameter in self._blobs():
            points = OPEN_HAND[list(_PALM_KEYPOINTS)] * diameter + (x, y)
            centre = (points.min(axis=0) + points.max(axis=0)) / 2
            nearest = int(((anchors - centre) ** 2).sum(axis=1).argmin())
            boxes[nearest, :2] = centre - anchors[nearest]
            boxes[nearest, 2:4] = float(np.ptp(points, axis=0).max())
            boxes[nearest, 4:] = (points - anchors[nearest]).ravel()
            scores[nearest] = _SURE_LOGIT

    def _run_landmarks(self) -> None:
        blobs = self._blobs()
        self._outputs["presence"][...] = _SURE if blobs else 1 - _SURE
        self._outputs["handedness"][...] = _LOOKS_RIGHT
        if not blobs:
            return
        middle = self._pixels.shape[0] / 2
        # Neighbours may reach into the crop: the relevant hand is the one in its middle.
        x, y, diameter = min(blobs, key=lambda b: (b[0] - middle) ** 2 + (b[1] - middle) ** 2)
        landmarks = np.zeros((21, 3), np.float32)
        landmarks[:, :2] = OPEN_HAND * diameter + (x, y)
        self._outputs["landmarks"][...] = landmarks.ravel()
        world = np.zeros((21, 3), np.float32)
        world[:, :2] = (OPEN_HAND - OPEN_HAND.mean(axis=0)) * _HAND_METRES
        self._outputs["world_landmarks"][...] = world.ravel()
