"""Models of another input size find the same hands at the same places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from edgehands.geometry.anchors import palm_anchors
from edgehands.hand import Roi
from edgehands.tracking.landmark_model import LandmarkModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.backends.base import Model


@dataclass
class FixedModel:
    """Says the same of every crop; its input is a square of so many pixels."""

    side: int
    drawn: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        self.drawn = np.zeros((self.side, self.side, 3), np.uint8)

    def pixels(self) -> NDArray[np.uint8]:
        """Where the crop is drawn."""
        return self.drawn

    def run(self) -> None:
        """Nothing to do."""

    def output(self, role: str) -> NDArray[np.float32]:
        """A hand in the middle of the crop."""
        values: dict[str, Any] = {
            "landmarks": np.linspace(20, 200, 63),
            "world_landmarks": np.linspace(-0.1, 0.1, 63),
            "presence": [0.9],
            "handedness": [0.8],
        }
        return np.asarray(values[role], np.float32)


@pytest.mark.parametrize("side", [128, 160, 192])
def test_a_smaller_landmark_model_gives_landmarks_at_the_same_places_of_the_frame(
    side: int,
) -> None:
    """Landmarks would otherwise shrink with the model's input."""
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    roi = Roi(300, 200, 180, 0.4)
    usual, small = (
        LandmarkModel(cast("Model", FixedModel(size)), 0.5).read(image, roi) for size in (224, side)
    )
    assert usual is not None
    assert small is not None
    assert np.array_equal(usual.landmarks, small.landmarks)


@pytest.mark.parametrize(("side", "count"), [(192, 2016), (160, 1400), (128, 896), (96, 504)])
def test_a_palm_model_of_any_size_has_an_anchor_for_each_of_its_answers(
    side: int, count: int
) -> None:
    """A detection is decoded from its anchor: the grids follow the model's input."""
    anchors = palm_anchors(side)
    assert anchors.shape == (count, 2)
    assert anchors.min() == pytest.approx(4 / side)
    assert anchors.max() == pytest.approx(1 - 4 / side)
