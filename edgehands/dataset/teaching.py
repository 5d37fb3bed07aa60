"""Examples of a hand shape from a labelled folder.

The live tracker will get the landmark model's output, not a person's: so the model reads each hand
again at its annotated place, and hands that it misreads are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.cameras.images import read_image
from edgehands.dataset.labels import read
from edgehands.dataset.matching import nme
from edgehands.dataset.models import ModelPair
from edgehands.errors import GestureError
from edgehands.geometry.roi import landmarks_roi
from edgehands.gestures.taught_file import MAX_EXAMPLES
from edgehands.hand import Hand

if TYPE_CHECKING:
    from pathlib import Path

    from edgehands.config import TrackingConfig

MISREAD: Final = 0.2
"""A reading this far from the corrected points, in palm sizes, shows another shape."""


def labelled_examples(folder: Path, name: str, config: TrackingConfig) -> tuple[Hand, ...]:
    """The hands of a folder labelled with a gesture's name, as read by the model.

    Args:
        folder: annotated.
        name: the gesture's.
        config: which models.

    Raises:
        DatasetError: the folder isn't a data set.
        GestureError: no hand has this name, or the model misreads all that do.
    """
    hands: list[Hand] = []
    labelled = 0
    names: set[str] = set()
    with ModelPair(config) as pair:
        for image in read(folder):
            names |= {hand.gesture for hand in image.hands if hand.gesture}
            chosen = [hand for hand in image.hands if hand.gesture == name]
            if not chosen:
                continue
            pixels = read_image(image.path)
            for truth in chosen:
                labelled += 1
                reading = pair.read(pixels, landmarks_roi(truth.points.astype(np.float32)))
                said = reading.landmarks[:, :2].astype(np.float64)
                if nme(truth.points, said, truth.inside) > MISREAD:
                    continue
                hands.append(
                    Hand(
                        id=labelled,
                        handedness=truth.handedness,
                        handedness_score=1.0,
                        presence=reading.presence,
                        landmarks=reading.landmarks,
                        world_landmarks=reading.world_landmarks,
                        roi=reading.roi,
                    )
                )
    if not labelled:
        known = f"; named are {', '.join(sorted(names))}" if names else ""
        raise GestureError(
            f'{folder}: no hand is named "{name}"{known}: name some on the page of edgehands '
            "annotate (key G)"
        )
    if not hands:
        raise GestureError(
            f'{folder}: the model misreads all {labelled} hands named "{name}": record others'
        )
    # Spread over the folder, where there are more than a gesture can have.
    places = np.linspace(0, len(hands) - 1, min(len(hands), MAX_EXAMPLES)).round().astype(int)
    return tuple(hands[i] for i in dict.fromkeys(places.tolist()))
