"""The values of the evaluation: the truth of a clip, and a tracker's reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edgehands.hand import Handedness


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A rendered film and its truth: F frames of H hands, each hand with the same index throughout.

    Attributes:
        name, about: its name, and what it shows.
        fps: frames a second.
        images: (F, height, width, 3) uint8 RGB, mapped from ``file``.
        file: the .npy file of the images, for programs of other environments.
        points: (F, H, 21, 2) frame pixels, landmarks by MediaPipe's definition, wherever they are.
        palms: (F, H) palm sizes as seen in the frame, pixels.
        shown: (F, H) share of the landmarks that are in the image and hidden by no object and no
            other hand, 0..1.
        sides: (H,) of the person.
    """

    name: str
    about: str
    fps: float
    images: NDArray[np.uint8]
    file: Path
    points: NDArray[np.float64]
    palms: NDArray[np.float64]
    shown: NDArray[np.float64]
    sides: tuple[Handedness, ...]

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True, eq=False)
class ReportedHand:
    """A hand reported by a tracker in a frame.

    Attributes:
        points: (21, 2) frame pixels.
        handedness: of the person.
        id: None where the tracker has no ids.
    """

    points: NDArray[np.float64]
    handedness: Handedness
    id: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A tracker's reports for a clip.

    Attributes:
        frames: the hands of each frame.
        cpu_ms: CPU time of all its threads per frame.
    """

    frames: tuple[tuple[ReportedHand, ...], ...]
    cpu_ms: float
