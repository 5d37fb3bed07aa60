"""Hands that people labelled (``edgehands annotate``, ``edgehands convert``) as a further source.

The square around each hand is the person's, not the teacher's: hands that the teacher doesn't find
by itself, the ones worth most, take part in the lesson.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgehands.dataset import read
from edgehands.geometry.roi import landmarks_roi

from .hands import LONGEST, Square

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def squares(folders: Iterable[Path]) -> list[Square]:
    """The labelled hands of folders, each folder a source of its own.

    Raises:
        DatasetError: a folder isn't a data set.
    """
    found = []
    for folder in folders:
        for image in read(folder):
            scale = min(1.0, LONGEST / max(image.width, image.height))
            for hand in image.hands:
                roi = landmarks_roi((hand.points * scale).astype(np.float32))
                found.append(
                    Square(
                        str(image.path),
                        f"labelled:{folder.name}",
                        roi.cx,
                        roi.cy,
                        roi.size,
                        roi.rotation,
                        1.0,
                    )
                )
    return found
