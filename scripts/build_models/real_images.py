"""Photographs to judge models on: real hands that neither calibration nor tuning has seen.

The images lie beside the checkout in `shared/data` and are not part of the project. They are split
by a hash, once and for all: people (and photos) of an odd hash were looked at while the recipes
were tuned, those of an even hash are only used for the figures that are reported. Nothing is ever
calibrated on either.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands.geometry.constants import LANDMARK_INPUT_SIZE
from edgehands.geometry.roi import (
    crop_to_frame,
    landmarks_roi,
    letterbox_to_frame,
    palm_roi,
    project_landmarks,
)
from edgehands.hand import PalmDetection

from . import palms
from .observe import real
from .samples import crop, letterbox, stray

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.hand import Roi

    from .engine import Runner

    Pixels = NDArray[np.uint8]

A_PERSON = 4
"""Photos taken of each person."""


@dataclass(frozen=True)
class RealImages:
    """Paths of the held-out photographs.

    Attributes:
        people: the paths of each person's hand photos (100 x 100, one hand).
        photos: photos of people making a gesture.
    """

    people: tuple[tuple[Path, ...], ...]
    photos: tuple[Path, ...]


def find(data: Path, *, held_out: bool = True) -> RealImages:
    """The images of one side of the split; raises FileNotFoundError where there are none."""
    digits = sorted((data / "digits").glob("*/*"))
    photos = sorted((data / "photos").glob("*/*.jpg"))
    if not digits or not photos:
        raise FileNotFoundError(f"no images of real hands in {data}: name their folder with --data")
    wanted = 0 if held_out else 1
    numbered = [(path, int(re.sub(r"\D", "", path.name))) for path in digits]
    # A person was photographed signing 0 to 9 in one go, so each 0 begins the next person.
    starts = sorted(number for path, number in numbered if path.parent.name == "0")
    people: dict[int, list[Path]] = {}
    for path, number in numbered:
        people.setdefault(int(np.searchsorted(starts, number, side="right")) - 1, []).append(path)
    return RealImages(
        tuple(tuple(people[k]) for k in sorted(people) if _hash(f"p{k}") == wanted),
        tuple(path for path in photos if _hash(path.name) == wanted),
    )


def _hash(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0] % 2


def load(path: Path) -> Pixels:
    """An image file as (H, W, 3) uint8 RGB."""
    image = cv2.imread(str(path))
    if image is None:
        raise FileNotFoundError(f"{path} is no image: remove it")
    return np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8)


def crops(images: RealImages, palm: Runner, landmark: Runner, seed: int) -> Pixels:
    """ROIs of the hands that the float models find, as a tracker would cut them.

    Returns:
        (N, 224, 224, 3) uint8.
    """
    rng = np.random.default_rng(seed)
    found = [
        crop(frame, stray(roi, rng))
        for frame in _still_frames(images, rng)
        for roi in _rois(frame, palm, landmark)
    ]
    seen = [c for c in found if landmark(real(c[None]))[1][0, 0] > 0.5]
    return np.stack(seen)


def _still_frames(images: RealImages, rng: np.random.Generator) -> Iterator[Pixels]:
    for paths in images.people:
        for i in rng.permutation(len(paths))[:A_PERSON]:
            border = (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)[int(rng.random() < 0.3)]
            colour = [int(v) for v in rng.integers(0, 256, 3)]
            wide = cv2.copyMakeBorder(
                load(paths[i]), 100, 100, 100, 100, border, value=colour
            )  # the hands are cropped tightly; the palm model wants some room
            yield cv2.resize(wide, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    for path in images.photos:
        yield load(path)


def _rois(frame: Pixels, palm: Runner, landmark: Runner) -> Iterator[Roi]:
    to_frame = letterbox_to_frame(frame.shape[1], frame.shape[0], 192)
    boxes, logits = palm(real(letterbox(frame)[None]))
    detections, scores = palms.decode(boxes, logits, 0.5)
    for detection, score in zip(detections, scores, strict=True):
        points = detection.reshape(-1, 2) @ to_frame[:, :2].T + to_frame[:, 2]
        points = points.astype(np.float32)
        roi = palm_roi(PalmDetection(points[:2].ravel(), points[2:], float(score)))
        raw, presence = landmark(real(crop(frame, roi)[None]))[:2]
        if presence[0, 0] > 0.5:
            to_crop = crop_to_frame(roi, LANDMARK_INPUT_SIZE)
            yield landmarks_roi(project_landmarks(raw.reshape(21, 3), to_crop))


def photo_frames(images: RealImages, count: int, seed: int) -> list[Pixels]:
    """So many photos, turned, zoomed, shifted, mirrored and relit."""
    rng = np.random.default_rng(seed)
    loaded = [load(path) for path in images.photos]
    frames = []
    for i in range(count):
        photo = loaded[i % len(loaded)]
        height, width = photo.shape[:2]
        out_w, out_h = _size(rng)
        zoom = float(np.exp(rng.uniform(np.log(0.5), np.log(1.6))))
        scale = zoom * min(out_w / width, out_h / height)
        centre, angle = (width / 2, height / 2), float(rng.uniform(-30, 30))
        turned = cv2.getRotationMatrix2D(centre, angle, scale)
        size = np.array([out_w, out_h], np.float64)
        turn: NDArray[np.float64] = np.asarray(turned, np.float64)
        turn[:, 2] += rng.uniform(-0.2, 0.2, 2) * size
        turn[:, 2] += (size - (width, height)) / 2
        border = (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT, cv2.BORDER_REFLECT)[rng.integers(3)]
        moved = cv2.warpAffine(photo, turn, (out_w, out_h), borderMode=border)
        facing = np.asarray(moved[:, ::-1] if rng.random() < 0.5 else moved, np.uint8)
        frames.append(_lit(facing, rng))
    return frames


def pasted_frames(images: RealImages, count: int, seed: int) -> list[Pixels]:
    """So many frames of no, one or two hands pasted onto plain or blurred backgrounds."""
    rng = np.random.default_rng(seed)
    photos = [load(path) for path in images.photos]
    hands = [path for person in images.people for path in person]
    frames = []
    for _ in range(count):
        width, height = _size(rng)
        if rng.random() < 1 / 3:
            canvas = np.zeros((height, width, 3)) + rng.integers(0, 256, 3)
        else:
            blurred = cv2.GaussianBlur(
                photos[rng.integers(len(photos))], (0, 0), float(rng.uniform(6, 20))
            )
            canvas = cv2.resize(blurred, (width, height)).astype(np.float64)
        several = int(rng.integers(0, 3))
        for i in range(several):
            hand = load(hands[rng.integers(len(hands))])
            share = (i / several, (i + 1) / several)
            canvas = _paste(canvas, hand[:, ::-1] if rng.random() < 0.5 else hand, share, rng)
        frames.append(_lit(canvas, rng))
    return frames


def cut_off_frames(images: RealImages, count: int, seed: int) -> list[Pixels]:
    """So many frames of close-up and cut-off hands.

    Every other one is a tight photo of a hand in a frame of its border's colour, the rest are
    windows of photos of people, whose edge cuts what it may.
    """
    rng = np.random.default_rng(seed)
    photos = [load(path) for path in images.photos]
    hands = [path for person in images.people for path in person]
    frames = []
    for i in range(count):
        width, height = _size(rng)
        if i % 2:
            photo = photos[rng.integers(len(photos))]
            share = float(np.exp(rng.uniform(np.log(0.25), 0)))
            tall, wide = (int(n * share) for n in photo.shape[:2])
            top = int(rng.integers(0, photo.shape[0] - tall + 1))
            left = int(rng.integers(0, photo.shape[1] - wide + 1))
            frame = photo[top : top + tall, left : left + wide]
        else:
            hand = load(hands[rng.integers(len(hands))])
            border = np.concatenate([hand[0], hand[-1], hand[:, 0], hand[:, -1]])
            side = int(rng.uniform(140, 300))
            frame = np.full((height, width, 3), np.median(border, axis=0), np.uint8)
            x, y = rng.integers(0, width - side + 1), rng.integers(0, height - side + 1)
            frame[y : y + side, x : x + side] = cv2.resize(
                hand, (side, side), interpolation=cv2.INTER_CUBIC
            )
        frames.append(np.ascontiguousarray(frame))
    return frames


def _paste(
    canvas: NDArray[np.float64],
    hand: Pixels,
    share: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """A hand with soft edges, somewhere within a share of the canvas's width."""
    height, width = canvas.shape[:2]
    side = int(rng.uniform(0.25, 0.7) * min(width, height))
    hand = cv2.resize(hand, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    mask = np.zeros((side, side), np.float32)
    mask[side // 12 : -side // 12, side // 12 : -side // 12] = 1
    mask = cv2.GaussianBlur(mask, (0, 0), side / 30).astype(np.float32)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-60, 60)), 1)
    low, high = share[0] * width - 0.1 * side, share[1] * width - 0.9 * side
    turn[:, 2] += (rng.uniform(min(low, high), max(low, high)), rng.uniform(0, height - 0.9 * side))
    moved = cv2.warpAffine(hand, turn, (width, height))
    alpha = cv2.warpAffine(mask, turn, (width, height))[:, :, None]
    return canvas * (1 - alpha) + moved * alpha


def _size(rng: np.random.Generator) -> tuple[int, int]:
    return ((640, 480), (480, 640), (512, 512))[int(rng.integers(3))]


def _lit(image: NDArray[np.uint8] | NDArray[np.float64], rng: np.random.Generator) -> Pixels:
    gain = rng.uniform(0.5, 1.4) * rng.uniform(0.9, 1.1, 3)
    noise = rng.normal(0, rng.uniform(0, 8), image.shape)
    lit = np.clip(image.astype(np.float64) * gain + noise, 0, 255)
    return np.asarray(lit.astype(np.uint8))
