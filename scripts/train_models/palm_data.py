"""Whole pictures as the palm model sees them, and what the teacher finds in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from edgehands.geometry.anchors import palm_anchors
from edgehands.geometry.boxes import weighted_nms
from edgehands.geometry.constants import PALM_INPUT_SIZE, PALM_NMS_IOU
from edgehands.geometry.roi import crop_to_frame, letterbox_to_frame
from edgehands.hand import Roi
from edgehands.synthetic import random_scene, render_scene

from . import crops, hands
from .data import even

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .data import Found, Making, Plan

    Pixels = NDArray[np.uint8]

GRIDS = ((8, 2), (16, 6))
"""Strides of the two grids of anchors, and anchors of a cell."""


@dataclass(frozen=True)
class Frames:
    """The same pictures for the teacher, (N, 3, 192, 192) uint8, and the student, (N, 3, S, S)."""

    large: torch.Tensor
    small: torch.Tensor


@dataclass(frozen=True)
class Raw:
    """A palm model's outputs: (N, anchors, 18) in input pixels and (N, anchors) logits."""

    boxes: NDArray[np.float32]
    logits: NDArray[np.float32]


def photographs(
    paths: Sequence[tuple[Path, bool]], size: int, rng: np.random.Generator, *, views: int
) -> Frames:
    """Photographs, letterboxed; with ``views``, seen by so many other cameras each."""
    pairs = []
    for path, margin in paths:
        image = hands.read(path, margin=margin)
        if image is None:
            continue
        whole = letterbox_to_frame(image.shape[1], image.shape[0], PALM_INPUT_SIZE)
        if not views:
            scaled = whole.copy()
            scaled[:, :2] *= PALM_INPUT_SIZE / size
            pairs.append((_draw(image, whole, PALM_INPUT_SIZE), _draw(image, scaled, size)))
        pairs += [_view(crops.vary(image, rng), size, rng) for _ in range(views)]
    return _stacked(pairs, rng)


def drawn(count: int, size: int, rng: np.random.Generator, seed: int) -> Frames:
    """Drawn scenes with no, one or two hands."""
    pairs = []
    for i in range(count):
        scene = random_scene(
            seed + i,
            hands=(1, 2, 1, 0)[i % 4],
            difficulty=("fair", "hard")[i // 4 % 2],
            size=((640, 480), (480, 640), (512, 512))[i % 3],
        )
        pairs.append(_view(render_scene(scene).image, size, rng))
    return _stacked(pairs, rng)


def lesson(plan: Plan, found: Found, making: Making, *, views: int) -> PalmLesson:
    """The pictures of a plan with the teacher's answers; made once and kept in a folder.

    With ``views`` each photograph is seen by so many other cameras, else as it is.
    """
    size, kept = making.size, making.kept
    text = f"{plan} {size} {views} {found.digest()}"
    path = kept / f"palms-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        rng = np.random.default_rng(plan.seed)
        chosen = even(found.squares, plan.photographs, rng)
        paths = [(Path(s.path), hands.needs_margin(s.source)) for s in chosen]
        if found.empty:
            paths += [(found.empty[i % len(found.empty)], False) for i in range(plan.empty)]
        seen = joined(
            [
                photographs(paths, size, rng, views=views),
                drawn(plan.drawn, size, rng, 700_000 + 10_000 * plan.seed),
            ]
        )
        raw = run(found.teacher, seen.large)
        kept.mkdir(parents=True, exist_ok=True)
        np.savez(path, small=seen.small.numpy(), boxes=raw.boxes, logits=raw.logits)
    with np.load(path) as stored:
        raw = Raw(stored["boxes"], stored["logits"])
        small = torch.from_numpy(stored["small"])
    wanted = raw if size == PALM_INPUT_SIZE else on_student(raw, size)
    return PalmLesson(small, wanted, raw, making.outputs)


def joined(parts: Sequence[Frames]) -> Frames:
    """Several as one; those without any picture are left out."""
    parts = [part for part in parts if len(part.large)]
    return Frames(torch.cat([p.large for p in parts]), torch.cat([p.small for p in parts]))


def _view(image: Pixels, size: int, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
    """A picture from nearer or farther, shifted, a little turned, perhaps mirrored."""
    height, width = image.shape[:2]
    side = max(height, width) * float(np.exp(rng.uniform(np.log(0.55), np.log(1.6))))
    roi = Roi(
        width / 2 + float(rng.normal(0, 0.12)) * width,
        height / 2 + float(rng.normal(0, 0.12)) * height,
        side,
        float(rng.normal(0, 0.15)),
    )
    both = [_draw(image, crop_to_frame(roi, s), s) for s in (PALM_INPUT_SIZE, size)]
    if rng.integers(2):
        both = [np.ascontiguousarray(picture[:, ::-1]) for picture in both]
    return both[0], both[1]


def _draw(image: Pixels, to_frame: NDArray[np.float64], size: int) -> Pixels:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, to_frame, (size, size), flags=flags).astype(np.uint8)


def _stacked(pairs: Sequence[tuple[Pixels, Pixels]], rng: np.random.Generator) -> Frames:
    if not pairs:
        return Frames(torch.empty(0), torch.empty(0))
    order = rng.permutation(len(pairs))
    return Frames(
        torch.from_numpy(crops.stack([pairs[i][0] for i in order])),
        torch.from_numpy(crops.stack([pairs[i][1] for i in order])),
    )


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
    """A teacher's answers at the anchors of a student of another input, in its pixels.

    Between anchors answers are interpolated: a box is told from its anchor, and anchors lie evenly.
    """
    boxes: list[NDArray[np.float32]] = []
    logits: list[NDArray[np.float32]] = []
    start = 0
    for stride, a_cell in GRIDS:
        cells, wanted = PALM_INPUT_SIZE // stride, size // stride
        count = cells * cells * a_cell
        for out, values in ((boxes, raw.boxes), (logits, raw.logits[..., None])):
            part = values[:, start : start + count]
            grid = part.reshape(len(part), cells, cells, -1).transpose(0, 3, 1, 2)
            resized = F.interpolate(
                torch.from_numpy(np.ascontiguousarray(grid)),
                (wanted, wanted),
                mode="bilinear",
                align_corners=False,
            )
            flat = resized.permute(0, 2, 3, 1).reshape(len(part), wanted * wanted * a_cell, -1)
            out.append(flat.numpy())
        start += count
    return Raw(
        np.concatenate(boxes, 1) * np.float32(size / PALM_INPUT_SIZE),
        np.concatenate(logits, 1)[..., 0],
    )


def decode(raw: Raw, number: int, size: int, score: float) -> tuple[Any, Any]:
    """The palms of one picture: (N, 18) as shares of the input's side, and their scores."""
    logits = raw.logits[number]
    chosen = np.flatnonzero(logits >= np.log(score / (1 - score)))
    boxes = raw.boxes[number, chosen] / size
    centres = palm_anchors(size)[chosen]
    middle, half = boxes[:, :2] + centres, boxes[:, 2:4] / 2
    points = boxes[:, 4:].reshape(-1, 7, 2) + centres[:, None]
    corners = np.concatenate([middle - half, middle + half], axis=1)
    flat = np.concatenate([corners, points.reshape(len(boxes), 14)], axis=1)
    scores = (1 / (1 + np.exp(-np.clip(logits[chosen], -100, 100)))).astype(np.float32)
    return weighted_nms(corners, flat, scores, PALM_NMS_IOU)


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
            "key points, of the box": found.points,
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
    # Nearly all anchors see no palm: those that do, or nearly do, count for half.
    weight = chance + 0.02
    entropy = F.binary_cross_entropy_with_logits(scores, chance, reduction="none")
    score_loss = (entropy * weight).sum() / weight.sum()
    seen = chance * (chance > SEEN)
    size = targets[..., 2:4].abs().amax(-1, keepdim=True).clamp(min=0.02)
    apart = F.huber_loss(boxes / size, targets / size, reduction="none", delta=0.1) / 0.1
    return score_loss + (apart.mean(-1) * seen).sum() / seen.sum().clamp(min=1)


SEEN = 0.2
"""Least score of an anchor whose box counts."""


@dataclass(frozen=True)
class Agreement:
    """How a student's palms compare with the teacher's.

    Attributes:
        palms: that the teacher finds at score 0.5.
        recall: share of them that the student finds, at its own threshold.
        precision: share of the student's that the teacher finds at 0.4.
        points: median distance of the key points, of the box's longer side.
    """

    palms: int
    recall: float
    precision: float
    points: float


def agreement(
    teacher: Raw, student: Raw, size: int, *, score: float = 0.5, slack: float = 0.1
) -> Agreement:
    """Compare two models on the same pictures; partners overlap by 0.5 at the least."""
    wanted = found = lost = others = 0
    apart: list[float] = []
    for number in range(len(teacher.logits)):
        strict, loose = (decode(teacher, number, PALM_INPUT_SIZE, s)[0] for s in (0.5, 0.5 - slack))
        ours, ours_loose = (decode(student, number, size, s)[0] for s in (score, score - slack))
        for palm in strict:
            wanted += 1
            lost += _partner(palm, ours_loose) is None
            partner = _partner(palm, ours)
            if partner is not None:
                offsets = (palm - partner)[4:].reshape(7, 2)
                side = max(palm[2] - palm[0], palm[3] - palm[1])
                apart.append(float(np.linalg.norm(offsets, axis=1).mean() / side))
        for palm in ours:
            found += 1
            others += _partner(palm, loose) is None
    return Agreement(
        wanted,
        1 - lost / max(1, wanted),
        1 - others / max(1, found),
        float(np.median(apart)) if apart else float("nan"),
    )


def _partner(palm: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32] | None:
    if not len(others):
        return None
    low = np.maximum(others[:, :2], palm[:2])
    high = np.minimum(others[:, 2:4], palm[2:4])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(others[:, 2:4] - others[:, :2], axis=1) + np.prod(palm[2:4] - palm[:2])
    overlap = shared / (areas - shared)
    best = int(overlap.argmax())
    return others[best] if overlap[best] >= 0.5 else None
