"""Depth of a hand's points where no camera measured it, from bone lengths and the points.

A bone that looks shorter than it is leans towards the camera or away from it, by an amount that
follows from its length (C. J. Taylor, "Reconstruction of Articulated Objects from Point
Correspondences in a Single Uncalibrated Image", CVIU 80, 2000). The direction, and the hand's size
in the picture, come from the model's guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARENTS: Final = (0, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19)
"""The landmark at the other end of each landmark's bone; the wrist's is itself."""

BONES_MM: Final = np.array(
    [
        0.0,
        *(36.0, 34.5, 28.1, 22.9),
        *(83.9, 37.1, 22.4, 18.7),
        *(79.7, 40.3, 26.1, 18.5),
        *(75.3, 35.8, 23.3, 17.1),
        *(73.5, 29.3, 17.8, 15.5),
    ]
)
"""(21,) bones of an average adult's hand between landmarks by MediaPipe's definition: means over
400 drawn hands of 190 mm (``tools/fit_labelled_measures.py``)."""

LEAST_SCALE: Final = 0.02
"""Pixels per millimetre: a hand smaller than four pixels has no depth worth fitting."""


def fit_depths(
    points: NDArray[np.float64], guess_mm: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Depths that fit the points to an average hand's bones.

    Args:
        points: (21, 2) frame pixels, as corrected.
        guess_mm: (21, 3) the model's guess of the same hand, millimetres: its x and y give the
            scale, its z the direction in which bones lean.

    Returns:
        (21,) millimetres behind (+) or in front of (-) the wrist; None where nothing can be fitted.
    """
    parents = list(PARENTS)
    seen = np.linalg.norm(points - points[parents], axis=1)[1:]
    guess = guess_mm - guess_mm[parents]
    flat = np.linalg.norm(guess[1:, :2], axis=1)
    long = np.linalg.norm(guess[1:], axis=1)
    if not np.isfinite([seen, flat, long]).all() or not (flat**2).sum() > 0:
        return None
    pixels_per_guess = float((seen * flat).sum() / (flat**2).sum())
    # The guess has its own scale: convert to an average hand's millimetres in the picture.
    scale = pixels_per_guess * float(long.sum() / BONES_MM.sum())
    if scale < LEAST_SCALE:
        return None
    lean = np.sqrt(np.maximum(BONES_MM[1:] ** 2 - (seen / scale) ** 2, 0.0))
    steps = np.concatenate([[0.0], np.sign(guess[1:, 2]) * lean])
    depths = np.zeros(len(points))
    for i in range(1, len(points)):
        depths[i] = depths[parents[i]] + steps[i]
    return depths
