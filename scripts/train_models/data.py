"""What a landmark student learns from: crops, and the teacher's or the truth's answers to them."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from build_models.samples import stray

from edgehands.geometry.roi import landmarks_roi
from edgehands.hand import Roi
from edgehands.synthetic import random_scene, render_scene

from . import crops, hands, sources
from .losses import Answers, landmark_loss, nme
from .runner import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .crops import Pair
    from .hands import Square

    Pixels = NDArray[np.uint8]

TEACHER_SIZE = 224


@dataclass(frozen=True)
class Lesson:
    """Crops at the student's size with what they should be answered with.

    Attributes:
        pictures: (N, 3, S, S) uint8.
        large: (N, 3, 224, 224) uint8, the same at the teacher's size.
        wanted: the right answers.
        outputs: the student's outputs: landmarks, presence, handedness, world landmarks.
    """

    pictures: torch.Tensor
    large: torch.Tensor
    wanted: Answers
    outputs: tuple[str, ...]

    def loss(self, outputs: dict[str, torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
        """Of the answers to some of the crops."""
        given = Answers(*(outputs[name] for name in self.outputs))
        device = given.landmarks.device
        wanted = self.wanted.at(rows)
        return landmark_loss(given, Answers(*(v.to(device) for v in vars(wanted).values())))

    def examine(self, outputs: dict[str, torch.Tensor]) -> dict[str, float]:
        """NME against the teacher, median and mean, % of palm size; how far presence is off."""
        given = Answers(*(outputs[name] for name in self.outputs))
        there = self.wanted.presence[:, 0] > 0.5
        error = 100 * nme(given.landmarks[there], self.wanted.landmarks[there])
        off = (given.presence - self.wanted.presence).abs().mean()
        return {
            "NME, median, %": float(error.median()),
            "NME, mean, %": float(error.mean()),
            "presence off": float(off),
        }


@dataclass(frozen=True)
class Plan:
    """How many crops of each kind a lesson has.

    Attributes:
        photographs: of hands in licensed photographs, as many of each source as of any other until
            they are used up.
        drawn: of drawn hands.
        empty: ROIs beside the hands of photographs, and on pictures that show none.
        seed: of all that is random.
    """

    photographs: int
    drawn: int
    empty: int
    seed: int


@dataclass(frozen=True)
class Making:
    """How lessons are made.

    Attributes:
        size: pixels of the student's input.
        outputs: the student's outputs, in the order of the lesson's answers.
        kept: where they are kept, made once.
        tell: gets lines of progress.
    """

    size: int
    outputs: tuple[str, ...]
    kept: Path
    tell: Callable[[str], None]


def lesson(plan: Plan, found: Found, making: Making) -> Lesson:
    """The crops of a plan with their answers; made once and kept in a folder."""
    size, kept = making.size, making.kept
    text = f"{plan} {size} {found.digest()}"
    path = kept / f"lesson-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        pairs, certain = _pairs(plan, found, making)
        large = crops.stack([pair.teacher for pair in pairs])
        given = answers(found.teacher, large)
        given.presence[certain] = 0.0
        kept.mkdir(parents=True, exist_ok=True)
        small = crops.stack([pair.student for pair in pairs])
        np.savez(path, small=small, large=large, **{k: v.numpy() for k, v in vars(given).items()})
    with np.load(path) as stored:
        tensors = {name: torch.from_numpy(stored[name]) for name in stored.files}
    wanted = Answers(*(tensors[k] for k in ("landmarks", "presence", "handedness", "world")))
    return Lesson(tensors["small"], tensors["large"], wanted, making.outputs)


@dataclass(frozen=True)
class Found:
    """Where the hands are, and where surely none is.

    Attributes:
        squares: ROIs of hands in photographs, of one side of the split.
        empty: pictures without any hand.
        teacher: the float model that answers.
    """

    squares: Sequence[Square]
    empty: Sequence[Path]
    teacher: bytes

    def digest(self) -> str:
        """Changes with what was found."""
        names = [f"{s.path}{s.cx:.1f}" for s in self.squares] + [str(p) for p in self.empty]
        return hashlib.sha256("".join(names).encode()).hexdigest()[:12]


def _pairs(plan: Plan, found: Found, making: Making) -> tuple[list[Pair], list[int]]:
    """Pairs in a random order, and which of them certainly show no hand."""
    rng = np.random.default_rng(plan.seed)
    sizes, tell = (TEACHER_SIZE, making.size), making.tell
    pairs = crops.photographs(even(found.squares, plan.photographs, rng), sizes, rng)
    tell(f"{len(pairs)} crops of photographs")
    pairs += _drawn(plan, sizes, rng)
    tell(f"{len(pairs)} with drawn hands")
    first = len(pairs)
    pairs += _empty(found, plan.empty, sizes, rng)
    tell(f"{len(pairs)} with places without a hand")
    order = rng.permutation(len(pairs))
    certain = [i for i, number in enumerate(order) if number >= first]
    return [pairs[i] for i in order], certain


def even(squares: Sequence[Square], count: int, rng: np.random.Generator) -> list[Square]:
    """So many squares, every source as often as any other, but none more than 8 times a square."""
    by_source: dict[str, list[Square]] = {}
    for square in squares:
        by_source.setdefault(square.source, []).append(square)
    room = {name: 8 * len(group) for name, group in by_source.items()}
    taken = dict.fromkeys(by_source, 0)
    for _ in range(min(count, sum(room.values()))):
        name = min((n for n in taken if taken[n] < room[n]), key=lambda n: taken[n])
        taken[name] += 1
    out: list[Square] = []
    for name, group in by_source.items():
        order = [i for _ in range(8) for i in rng.permutation(len(group))]
        out += [group[i] for i in order[: taken[name]]]
    return out


def _drawn(plan: Plan, sizes: tuple[int, int], rng: np.random.Generator) -> list[Pair]:
    out: list[Pair] = []
    number = 0
    while len(out) < plan.drawn:
        scene = random_scene(
            50_000 + 10_000 * plan.seed + number,
            hands=1 + number % 2,
            difficulty=("fair", "hard")[number // 2 % 2],
            size=(480, 480),
        )
        number += 1
        picture = render_scene(scene)
        image = crops.vary(picture.image, rng)
        for hand in picture.truth.hands:
            for _ in range(2):
                roi = stray(landmarks_roi(np.asarray(hand.mediapipe.image, np.float32)), rng)
                out.append(crops.pair(image, roi, sizes, flip=bool(rng.integers(2))))
    return out[: plan.drawn]


def _empty(
    found: Found, count: int, sizes: tuple[int, int], rng: np.random.Generator
) -> list[Pair]:
    """ROIs on pictures that show no hand, and beside the hands of photographs."""
    out: list[Pair] = []
    if found.empty:
        for i in rng.integers(len(found.empty), size=count // 2):
            image = hands.read(found.empty[i], margin=False)
            if image is not None:
                roi = _anywhere(image, rng)
                out.append(crops.pair(crops.vary(image, rng), roi, sizes, flip=False))
    by_path: dict[str, list[Square]] = {}
    for square in found.squares:
        by_path.setdefault(square.path, []).append(square)
    paths = sorted(path for path, group in by_path.items() if group[0].source != "digits")
    while len(out) < count and paths:
        group = by_path[paths[rng.integers(len(paths))]]
        image = hands.read(group[0].path, margin=False)
        if image is None:
            continue
        roi = _anywhere(image, rng)
        near = [np.hypot(s.cx - roi.cx, s.cy - roi.cy) < 0.6 * (s.size + roi.size) for s in group]
        if not any(near):
            out.append(crops.pair(crops.vary(image, rng), roi, sizes, flip=False))
        elif rng.random() < 0.05:
            paths.remove(group[0].path)
    return out


def _anywhere(image: Pixels, rng: np.random.Generator) -> Roi:
    height, width = image.shape[:2]
    side = min(height, width) * float(np.exp(rng.uniform(np.log(0.15), np.log(1.0))))
    return Roi(
        float(rng.uniform(0.1, 0.9) * width),
        float(rng.uniform(0.1, 0.9) * height),
        side,
        float(rng.normal(0, 0.6)),
    )


def pictures_without_hands(folders: Sequence[Path]) -> list[Path]:
    """The hard negatives, ``negatives/`` of these folders: faces, rooms, things."""
    return sorted(
        path
        for folder in folders
        for path in (folder / "negatives").rglob("*")
        if path.suffix.lower() in sources.SUFFIXES
    )


def teacher(models: Path, task: str, variant: str = "full") -> bytes:
    """MediaPipe's float model of a task, ``hand_landmark`` or ``palm_detection``."""
    return (models / f"{task}_{variant}_float16.tflite").read_bytes()


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
