"""Labelled pictures and what models say of them, without a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgehands.dataset import LabelledHand, LabelledImage
from edgehands.dataset.format import RecordedFrame
from edgehands.evaluation.candidates import Candidate, PictureResult
from edgehands.evaluation.labelled import palm_box
from edgehands.hand import Handedness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.dataset.format import ZOrigin

USUAL = 0.3
"""The palm threshold that is in force."""


def true_hand(
    array: NDArray[np.float64],
    *,
    visible: NDArray[np.bool_] | None = None,
    inside: NDArray[np.bool_] | None = None,
    side: Handedness = Handedness.LEFT,
    z: NDArray[np.float64] | None = None,
) -> LabelledHand:
    """A hand as a person says it is."""
    everything = np.ones(21, bool)
    origin: ZOrigin = "absent" if z is None else "depth"
    return LabelledHand(
        side,
        array,
        everything if visible is None else visible,
        everything if inside is None else inside,
        np.full(21, np.nan) if z is None else z,
        (origin,) * 21,
        "",
    )


def candidate(
    array: NDArray[np.float64],
    palm: float = 0.9,
    presence: float = 0.9,
    side: Handedness = Handedness.LEFT,
) -> Candidate:
    """A hand as the models see it."""
    return Candidate(palm, palm_box(array), presence, side, array, np.zeros(21))


def picture(
    hands: list[LabelledHand], candidates: list[Candidate], light: float = 120.0
) -> PictureResult:
    """A picture with these hands, and what the models see in it."""
    frame = RecordedFrame(file="images/000001.jpg", width=640, height=480)
    image = LabelledImage(Path("000001.jpg"), 640, 480, "anna", tuple(hands), frame)
    order = sorted(candidates, key=lambda c: -c.palm_score)
    return PictureResult(
        image,
        tuple(order),
        tuple(c for c in order if c.palm_score >= USUAL),
        tuple(h.points for h in hands),
        (light,) * len(hands),
    )
