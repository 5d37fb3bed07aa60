"""A palm model with a small input sees all of a frame, not every fifth pixel of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from edgehands.geometry.averaging import averaged, block_size, to_blocks
from edgehands.geometry.roi import letterbox_to_frame
from edgehands.tracking.palm_detector import PalmDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.backends.base import Model


@dataclass
class Screen:
    """A palm model that only shows what was drawn into it."""

    side: int
    drawn: NDArray[np.uint8] = field(init=False)
    spec: Any = field(init=False)

    def __post_init__(self) -> None:
        self.drawn = np.zeros((self.side, self.side, 3), np.uint8)
        scores = SimpleNamespace(quantised=lambda logit: logit)
        self.spec = SimpleNamespace(output=lambda _role: scores)

    def pixels(self) -> NDArray[np.uint8]:
        """Where the frame is drawn."""
        return self.drawn


def drawn(image: NDArray[np.uint8], side: int, extent: float = 1.0) -> NDArray[np.uint8]:
    """A frame as a palm model of so many pixels sees it."""
    screen = Screen(side)
    PalmDetector(cast("Model", screen), 0.5).draw(image, extent)
    return screen.drawn


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (480, 640), (1001, 333)])
@pytest.mark.parametrize("extent", [1.0, 0.5])
def test_what_is_drawn_lies_where_the_map_says(width: int, height: int, extent: float) -> None:
    """Otherwise a palm would be found next to the hand."""
    side = 112
    image = np.zeros((height, width, 3), np.uint8)
    x, y = width * 5 // 8, height * 3 // 8
    radius = max(width, height) // 16
    image[y - radius : y + radius + 1, x - radius : x + radius + 1] = 255
    bright = drawn(image, side, extent)[..., 0].astype(np.float64)
    rows, columns = np.indices(bright.shape)
    centre = np.array([(bright * columns).sum(), (bright * rows).sum()]) / bright.sum()
    to_frame = letterbox_to_frame(width, height, side, extent)
    found = to_frame[:, :2] @ centre + to_frame[:, 2]
    assert np.abs(found - (x, y)).max() < 0.15 * to_frame[0, 0]


def test_a_line_thinner_than_a_step_is_seen_wherever_it_lies() -> None:
    """Sampling every sixth pixel sees a far finger in one frame and not in the next."""
    seen = []
    for x in range(300, 312):
        image = np.zeros((480, 640, 3), np.uint8)
        image[:, x : x + 2] = 255
        seen.append(int(drawn(image, 112).max()))
    assert min(seen) > 0.4 * max(seen)


def test_a_frame_for_mediapipes_own_input_is_sampled_as_mediapipe_does() -> None:
    """Its palms would move a little, and the comparison with it wouldn't be one any more."""
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    step = 640 / 192
    places = np.floor(np.arange(0, 192) * step).astype(int)
    row = drawn(image, 192)[24 * 4]
    assert row.std() > 0.5 * image[:, places].std()


@pytest.mark.parametrize(("step", "side"), [(0.4, 1), (2.9, 1), (3.0, 2), (5.72, 3), (17.2, 11)])
def test_blocks_leave_one_and_a_half_pixels_for_each_sample(step: float, side: int) -> None:
    """Larger blocks would blur details that the model could still distinguish."""
    assert block_size(step) == side


def test_a_block_is_its_pixels_mean_and_lies_in_their_middle() -> None:
    """The map to blocks and the mean have to agree on where a block lies."""
    image = np.zeros((6, 9, 3), np.uint8)
    image[3:6, 6:9] = 90
    small = averaged(image, 3)
    assert small.shape == (2, 3, 3)
    assert small[..., 0].tolist() == [[0, 0, 0], [0, 0, 90]]
    at_block = to_blocks(np.array([[1.0, 0, 7], [0, 1.0, 4]]), 3)
    assert at_block[:, 2] == pytest.approx((2, 1))


def test_a_frame_narrower_than_a_block_is_drawn_all_the_same() -> None:
    """One odd frame mustn't stop the loop."""
    assert drawn(np.full((4, 2000, 3), 200, np.uint8), 112).max() > 0
