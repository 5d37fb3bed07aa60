"""The prior centres of the palm model: 2016 of them for its full input of 192 pixels."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from edgehands.geometry.constants import (
    PALM_ANCHOR_OFFSET,
    PALM_ANCHOR_STRIDES,
    PALM_ANCHORS_A_CELL,
    PALM_INPUT_SIZE,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@cache
def palm_anchors(size: int = PALM_INPUT_SIZE) -> NDArray[np.float32]:
    """Centres of the anchors, (N, 2) float32: x, y as a share of the model's input side.

    N is 2016 for an input of 192 pixels. ``size`` is the side of the model's input in pixels, a
    multiple of its largest stride.

    Consecutive equal strides share one grid; its cells go row by row, all anchors of a cell
    together. Anchors have a fixed size of 1, so only centres matter.
    """
    grids: list[NDArray[np.float32]] = []
    for stride in sorted(set(PALM_ANCHOR_STRIDES)):
        cells = size // stride
        repeats = PALM_ANCHOR_STRIDES.count(stride) * PALM_ANCHORS_A_CELL
        centre = (np.arange(cells, dtype=np.float32) + PALM_ANCHOR_OFFSET) / cells
        y, x = np.meshgrid(centre, centre, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    anchors = np.concatenate(grids)
    anchors.flags.writeable = False
    return anchors
