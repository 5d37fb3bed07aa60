"""Pictures to calibrate on: the project's own synthetic hands, so that a build needs no other data.

Real photographs are for judging the result (`scripts/eval_models`), never for making it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

import edgehands
from edgehands.geometry.averaging import averaged, block_size, to_blocks
from edgehands.geometry.constants import LANDMARK_INPUT_SIZE, PALM_INPUT_SIZE
from edgehands.geometry.roi import crop_to_frame, landmarks_roi, letterbox_to_frame
from edgehands.synthetic import random_scene, render_scene

from . import cut_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from edgehands.hand import Roi

    Pixels = NDArray[np.uint8]

_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

SIZES = ((640, 480), (480, 640), (512, 512), (640, 360))
"""Widths and heights of the synthetic frames: letterboxes differ with them."""

CUT_OFF = 64
"""Frames with a part of a hand."""


@dataclass(frozen=True)
class Samples:
    """What the models are calibrated on.

    Attributes:
        frames: (N, 192, 192, 3) uint8: letterboxed frames with no, one or two hands.
        crops: (M, 224, 224, 3) uint8: ROIs, upright but for a tracker's errors.
        cut_off: (K, 192, 192, 3) uint8: letterboxed frames that show a part of a hand.
    """

    frames: Pixels
    crops: Pixels
    cut_off: Pixels


def load(folder: Path, seed: int, frames: int) -> Samples:
    """The samples of a seed; drawn once and kept in a folder, until the drawing itself changes."""
    path = folder / f"samples-{_drawing()}-{seed}-{frames}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = render(seed, frames)
        np.savez(path, frames=made.frames, crops=made.crops, cut_off=made.cut_off)
    with np.load(path) as stored:
        return Samples(stored["frames"], stored["crops"], stored["cut_off"])


def _drawing() -> str:
    """A digest of all code and data that decides what a sample looks like."""
    package = Path(edgehands.__file__).parent
    sources = [*package.glob("synthetic/**/*.py"), package / "data" / "hand.npz"]
    sources += [Path(__file__), Path(cut_off.__file__)]
    digest = hashlib.sha256()
    for path in sorted(sources, key=lambda path: path.name):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def render(seed: int, frames: int) -> Samples:
    """Draw frames, a crop around each hand in them, and frames of hands that are cut off.

    Every fifth crop of a frame without hands, or far off its hand, shows the presence head what
    absence looks like.
    """
    inputs: list[Pixels] = []
    crops: list[Pixels] = []
    rng = np.random.default_rng(seed)
    for number, (image, landmarks) in enumerate(_scenes(seed, frames)):
        inputs.append(letterbox(image))
        crops.extend(crop(image, stray(landmarks_roi(points), rng)) for points in landmarks)
        if number % 10 == 0:
            height, width = image.shape[:2]
            centre = rng.uniform(0.2, 0.8, 2) * (width, height)
            anywhere = landmarks_roi(rng.normal(centre, 60, (21, 2)).astype(np.float32))
            crops.append(crop(image, anywhere))
    partial = [letterbox(image) for image in cut_off.draw(seed, CUT_OFF)]
    return Samples(np.stack(inputs), np.stack(crops), np.stack(partial))


def _scenes(seed: int, count: int) -> Iterator[tuple[Pixels, list[NDArray[np.float32]]]]:
    for i in range(count):
        scene = random_scene(
            seed + i,
            hands=(1, 2, 1, 0)[i % 4],
            difficulty=("fair", "hard")[i // 4 % 2],
            size=SIZES[i // 8 % 4],
        )
        picture = render_scene(scene)
        hands = picture.truth.hands
        yield picture.image, [np.asarray(h.mediapipe.image, np.float32) for h in hands]


def letterbox(image: Pixels, size: int = PALM_INPUT_SIZE) -> Pixels:
    """A frame as a palm model of ``size`` pixels sees it."""
    to_frame = letterbox_to_frame(image.shape[1], image.shape[0], size)
    if size < PALM_INPUT_SIZE:
        block = block_size(to_frame[0, 0])
        image, to_frame = averaged(image, block), to_blocks(to_frame, block)
    out: Pixels = cv2.warpAffine(image, to_frame, (size, size), flags=_FLAGS).astype(np.uint8)
    return out


def crop(image: Pixels, roi: Roi) -> Pixels:
    """An ROI as the landmark model sees it."""
    size = (LANDMARK_INPUT_SIZE, LANDMARK_INPUT_SIZE)
    to_frame = crop_to_frame(roi, LANDMARK_INPUT_SIZE)
    border = cv2.BORDER_REPLICATE  # as the tracker does beyond the frame
    out: Pixels = cv2.warpAffine(image, to_frame, size, flags=_FLAGS, borderMode=border).astype(
        np.uint8
    )
    return out


def stray(roi: Roi, rng: np.random.Generator) -> Roi:
    """An ROI as wrong as a tracker's: shifted by 4 %, scaled by 8 %, turned by 8 degrees (rms)."""
    shift = rng.normal(0, 0.04, 2) * roi.size
    return replace(
        roi,
        cx=roi.cx + float(shift[0]),
        cy=roi.cy + float(shift[1]),
        size=roi.size * float(np.exp(rng.normal(0, 0.08))),
        rotation=roi.rotation + float(rng.normal(0, 0.14)),
    )
