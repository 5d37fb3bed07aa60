"""Whole pictures as the palm model sees them, and what the teacher finds in them."""

from __future__ import annotations

import hashlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from build_models.evaluate import SCORE, PalmError, compare_palms
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from edgehands.geometry.anchors import palm_anchors
from edgehands.geometry.constants import PALM_INPUT_SIZE

from . import hands, palm_pictures
from .data import even

if TYPE_CHECKING:
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from .data import Found, Making, Plan

    Pixels = NDArray[np.uint8]

GRIDS = ((8, 2), (16, 6))
"""Strides of the two grids of anchors, and anchors of a cell."""


@dataclass(frozen=True)
class Raw:
    """A palm model's outputs: (N, anchors, 18) in input pixels and (N, anchors) logits."""

    boxes: NDArray[np.float32]
    logits: NDArray[np.float32]


def lesson(plan: Plan, found: Found, making: Making, *, views: int) -> PalmLesson:
    """The pictures of a plan with the teacher's answers; made once and kept in a folder.

    With ``views`` each photograph is seen by so many other cameras, else as it is.
    """
    path, size = make(plan, found, making, views=views), making.size
    with np.load(path) as stored:
        raw = Raw(stored["boxes"], stored["logits"])
        small = torch.from_numpy(stored["small"])
    wanted = raw if size == PALM_INPUT_SIZE else on_student(raw, size)
    return PalmLesson(small, wanted, raw, making.outputs)


def make(plan: Plan, found: Found, making: Making, *, views: int) -> Path:
    """Where the pictures of a plan are kept with the teacher's answers; made where they aren't."""
    size, kept = making.size, making.kept
    text = f"{palm_pictures.RULES} {plan} {size} {views} {found.digest()}"
    path = kept / f"palms-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"
    if path.exists():
        return path
    rng = np.random.default_rng(plan.seed)
    chosen = even(found.squares, plan.photographs, rng)
    paths = [(Path(s.path), hands.needs_margin(s.source)) for s in chosen]
    if found.empty:
        paths += [(found.empty[i % len(found.empty)], False) for i in range(plan.empty)]
    # Mixed, so that mosaics show several sources; without views each picture once.
    mixed = [paths[i] for i in rng.permutation(len(paths))]
    paths = mixed if views else list(dict.fromkeys(paths))
    seen = palm_pictures.joined(
        [
            palm_pictures.photographs(paths, size, rng, views=views),
            palm_pictures.drawn(plan.drawn, size, rng, 700_000 + 10_000 * plan.seed),
        ]
    )
    raw = run(found.teacher, seen.large)
    kept.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, small=seen.small.numpy(), boxes=raw.boxes, logits=raw.logits)
    part.replace(path)
    return path


class Renewed:
    """Lesson after lesson of one plan, each with other pictures; the next is made meanwhile.

    Args:
        plan: of each lesson; the seed of lesson N is the plan's and a hundred times N.
        found: hands and empty pictures.
        making: how.
        count: of lessons.
    """

    def __init__(self, plan: Plan, found: Found, making: Making, count: int) -> None:
        self._plan = plan
        self._count = count
        self._found = found
        self._making = making
        self._worker = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        self._futures: dict[int, Future[Path]] = {}

    def __call__(self, number: int) -> PalmLesson:
        """The lesson of a number; its file is removed: it is read once."""
        path = self._made(number).result()
        if number + 1 < self._count:
            self._made(number + 1)
        out = lesson(self._numbered(number), self._found, self._making, views=1)
        path.unlink()
        return out

    def _made(self, number: int) -> Future[Path]:
        plan = self._numbered(number)
        if number not in self._futures:
            self._futures[number] = self._worker.submit(
                make, plan, self._found, self._making, views=1
            )
        return self._futures[number]

    def _numbered(self, number: int) -> Plan:
        return replace(self._plan, seed=self._plan.seed + 100 * number)


def run(model: bytes, pictures: torch.Tensor) -> Raw:
    """What a palm model says of pictures, (N, 3, side, side) uint8."""
    interpreter: Any = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    found = {int(d["shape"][-1]): d["index"] for d in interpreter.get_output_details()}
    boxes, logits = [], []
    for picture in pictures.numpy():
        interpreter.set_tensor(entry, picture.transpose(1, 2, 0)[None].astype(np.float32) / 255)
        interpreter.invoke()
        boxes.append(interpreter.get_tensor(found[18])[0])
        logits.append(interpreter.get_tensor(found[1])[0, :, 0])
    return Raw(np.stack(boxes), np.stack(logits))


def on_student(raw: Raw, size: int) -> Raw:
    """A teacher's answers at the anchors of a student of a smaller input, in its pixels.

    A cell of the student covers several of the teacher's: of those whose centres lie in it the one
    that is surest answers, anchor by anchor. The mean would lose palms that a single cell sees.
    """
    boxes: list[NDArray[np.float32]] = []
    logits: list[NDArray[np.float32]] = []
    start = 0
    for stride, a_cell in GRIDS:
        cells, wanted = PALM_INPUT_SIZE // stride, size // stride
        count = cells * cells * a_cell
        part = slice(start, start + count)
        shape = (-1, cells, cells, a_cell)
        surest, places = _surest(raw.logits[:, part].reshape(shape), wanted)
        logits.append(surest.reshape(len(surest), -1))
        # From here on boxes are shares of the picture, and count from its corner.
        told = raw.boxes[:, part] / np.float32(PALM_INPUT_SIZE)
        _move(told, palm_anchors(PALM_INPUT_SIZE)[part])
        flat = places.reshape(len(places), -1, 1)
        chosen = np.take_along_axis(told, flat, axis=1)
        first = sum(array.shape[1] for array in boxes)
        _move(chosen, -palm_anchors(size)[first : first + chosen.shape[1]])
        boxes.append(chosen * np.float32(size))
        start += count
    return Raw(np.concatenate(boxes, 1), np.concatenate(logits, 1))


def _surest(
    logits: NDArray[np.float32], wanted: int
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The largest logit among the cells in each larger cell, and the number of its anchor.

    Args:
        logits: (N, cells, cells, anchors of a cell).
        wanted: larger cells along each side.

    Returns:
        (N, wanted, wanted, anchors of a cell), and as many numbers into the flattened cells.
    """
    count, cells, _, a_cell = logits.shape
    numbers = np.arange(cells * cells * a_cell).reshape(1, cells, cells, a_cell)
    best = np.full((count, wanted, wanted, a_cell), -np.inf, np.float32)
    places = np.zeros(best.shape, np.intp)
    centres = (np.arange(cells) + 0.5) * wanted / cells
    inside = [np.flatnonzero(centres.astype(int) == i) for i in range(wanted)]
    for y, rows in enumerate(inside):
        for x, columns in enumerate(inside):
            for row in rows:
                for column in columns:
                    value = logits[:, row, column]
                    better = value > best[:, y, x]
                    best[:, y, x] = np.where(better, value, best[:, y, x])
                    places[:, y, x] = np.where(better, numbers[0, row, column], places[:, y, x])
    return best, places


def _move(boxes: NDArray[np.float32], by: NDArray[np.float32]) -> None:
    """Move centres and key points of boxes, (N, anchors, 18), by (anchors, 2), in place."""
    boxes[..., :2] += by
    boxes[..., 4:].reshape(*boxes.shape[:2], 7, 2)[...] += by[:, None]


@dataclass(frozen=True)
class PalmLesson:
    """Pictures with what a palm student should answer.

    Attributes:
        pictures: (N, 3, S, S) uint8.
        wanted: the teacher's answers at the student's anchors.
        teacher: the teacher's own answers, to be examined by.
        outputs: the student's outputs: boxes, scores.
    """

    pictures: torch.Tensor
    wanted: Raw
    teacher: Raw
    outputs: tuple[str, ...]

    @property
    def size(self) -> int:
        """Pixels of the student's input."""
        return int(self.pictures.shape[2])

    def loss(self, outputs: dict[str, torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
        """Of the answers to some of the pictures."""
        boxes, scores = (outputs[name] for name in self.outputs)
        device, which = boxes.device, rows.numpy()
        logits = torch.from_numpy(self.wanted.logits[which]).to(device)
        targets = torch.from_numpy(self.wanted.boxes[which]).to(device)
        return palm_loss(boxes / self.size, scores[..., 0], targets / self.size, logits)

    def examine(self, outputs: dict[str, torch.Tensor]) -> dict[str, float]:
        """Recall, precision and key points against the teacher."""
        boxes, scores = (outputs[name].numpy() for name in self.outputs)
        found = agreement(self.teacher, Raw(boxes, scores[..., 0]), self.size)
        return {
            "recall": found.recall,
            "precision": found.precision,
            "key points, of the box": found.keypoints_median,
        }


def palm_loss(
    boxes: torch.Tensor, scores: torch.Tensor, targets: torch.Tensor, logits: torch.Tensor
) -> torch.Tensor:
    """Scores and boxes against the teacher's.

    Args:
        boxes: (N, anchors, 18), shares of the input's side.
        scores: (N, anchors), logits.
        targets: boxes of the teacher.
        logits: of the teacher.
    """
    chance = torch.sigmoid(logits)
    # Nearly all anchors see no palm, and answer so at once: what is far off counts (quality focal
    # loss, Li et al. 2020), without drawing the others towards either side.
    entropy = F.binary_cross_entropy_with_logits(scores, chance, reduction="none")
    focus = (torch.sigmoid(scores) - chance).detach().abs() ** FOCUS
    score_loss = (entropy * focus).sum() / chance.sum().clamp(min=1)
    seen = chance * (chance > SEEN)
    size = targets[..., 2:4].abs().amax(-1, keepdim=True).clamp(min=0.02)
    apart = F.huber_loss(boxes / size, targets / size, reduction="none", delta=0.1) / 0.1
    return score_loss + (apart.mean(-1) * seen).sum() / seen.sum().clamp(min=1)


FOCUS = 1.5
"""Exponent of an anchor's error in its weight."""

SEEN = 0.2
"""Least score of an anchor whose box counts."""


def agreement(teacher: Raw, student: Raw, size: int, score: float = SCORE) -> PalmError:
    """Compare a student's answers with the teacher's to the same pictures.

    Args:
        teacher: at the full input.
        student: at an input of ``size`` pixels.
        size: of that.
        score: from which the student's palms count.
    """
    answers = [
        tuple([raw.boxes[i : i + 1], raw.logits[i : i + 1, :, None]] for raw in (teacher, student))
        for i in range(len(teacher.logits))
    ]
    return compare_palms(((a, b) for a, b in answers), (PALM_INPUT_SIZE, size), score)
