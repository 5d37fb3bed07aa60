"""Where the hands of a photograph are: squares around them, found by the teacher itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from edgehands import HandTracker, TrackingConfig
from edgehands.hand import Roi

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from .sources import Photograph

    Pixels = NDArray[np.uint8]

LONGEST = 1280
"""Pixels of the longest side that a photograph is read at."""

MOST_HANDS = 4


@dataclass(frozen=True)
class Square:
    """A hand (or none) in a picture.

    Attributes:
        path: the picture.
        source: its collection.
        cx, cy, size: pixels of the picture as :func:`read` gives it.
        rotation: radians.
        presence: what the teacher says, 0..1.
    """

    path: str
    source: str
    cx: float
    cy: float
    size: float
    rotation: float
    presence: float

    def roi(self) -> Roi:
        """The same as a ROI."""
        return Roi(self.cx, self.cy, self.size, self.rotation)


def read(path: Path | str, *, margin: bool) -> Pixels | None:
    """A picture as RGB, at most :data:`LONGEST` wide and high; None where it can't be read.

    Args:
        path: the file.
        margin: put a grey frame around it: the palm detector needs some picture around a hand.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        return None
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if margin:
        height, width = image.shape[:2]
        image = cv2.copyMakeBorder(
            image, height // 2, height // 2, width // 2, width // 2, cv2.BORDER_REPLICATE
        )
    scale = LONGEST / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image, dtype=np.uint8)


def needs_margin(source: str) -> bool:
    """Whether a source's pictures are crops of single hands."""
    return source == "digits"


def locate(photographs: Iterable[Photograph], kept: Path) -> list[Square]:
    """The hands of all photographs; those of pictures that ``kept`` knows are taken from there."""
    known: dict[str, list[Square]] = {}
    if kept.exists():
        for square in msgspec.json.decode(kept.read_bytes(), type=list[Square]):
            known.setdefault(square.path, []).append(square)
    config = TrackingConfig(
        static_image=True, model="full", precision="float", max_hands=MOST_HANDS
    )
    found: list[Square] = []
    fresh = False
    with HandTracker(config) as tracker:
        for photograph in photographs:
            name = str(photograph.path)
            if name not in known:
                fresh = True
                image = read(name, margin=needs_margin(photograph.source))
                hands = [] if image is None else tracker.process(image)
                known[name] = [
                    Square(name, photograph.source, **asdict(hand.roi), presence=hand.presence)
                    for hand in hands
                ] or [Square(name, photograph.source, 0, 0, 0, 0, 0)]
            found += known[name]
    if fresh:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.encode([s for group in known.values() for s in group]))
    return [square for square in found if square.size > 0]
