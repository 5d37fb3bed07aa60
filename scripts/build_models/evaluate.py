"""How far a model's answers are from its float parent's, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from edgehands.geometry.boxes import box_iou

from . import palms
from .engine import Runner
from .observe import real
from .samples import letterbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .graph import Array

MATCH_IOU = 0.5
"""Two detections of one palm overlap by more than this."""

SCORE, SLACK = 0.5, 0.1
"""A detection counts from this score on; its partner may score this much less."""

CLEAR_SCORE = 0.65


@dataclass(frozen=True)
class LandmarkError:
    """A landmark model against its parent.

    Attributes:
        crops: how many were looked at.
        nme_mean, nme_p95: mean 2-D error over the 21 points as a share of palm size, over crops.
        world_mm: mean 3-D error of world landmarks.
        presence: mean absolute difference.
        handedness: share of crops with the same answer.
    """

    crops: int
    nme_mean: float
    nme_p95: float
    world_mm: float
    presence: float
    handedness: float


@dataclass(frozen=True)
class PalmError:
    """A palm model against its parent.

    Attributes:
        palms: detections of the parent.
        recall: share of them that the model has too.
        precision: share of the model's detections that the parent has too.
        keypoints: mean error of the key points as a share of the box's long side.
        keypoints_median: the median of the same.
        clear_missed: detections of the parent above CLEAR_SCORE that the model scores under 0.5.
    """

    palms: int
    recall: float
    precision: float
    keypoints: float
    keypoints_median: float
    clear_missed: int


class Answers(Protocol):
    """What a palm model says: a :class:`Runner`, or one that ran elsewhere."""

    @property
    def size(self) -> int:
        """Side of its input, pixels."""
        ...

    def real(self, *inputs: Array) -> list[Array]:
        """Boxes and scores of one frame, as real numbers."""
        ...


class LandmarkReader:
    """A landmark model, and which of its outputs means what.

    Args:
        blob: the file's bytes.
        roles: of its outputs, in order; outputs of one role add up.
    """

    def __init__(self, blob: bytes, roles: Sequence[str]) -> None:
        self._runner = Runner(blob)
        self._roles = roles

    def __call__(self, crop: Array) -> Reading:
        """Read one (224, 224, 3) uint8 crop."""
        sums: dict[str, Array] = {}
        for role, value in zip(self._roles, self._runner.real(real(crop[None])), strict=True):
            sums[role] = sums.get(role, np.float32(0)) + value.reshape(-1)
        return Reading(
            sums["landmarks"].reshape(21, 3),
            sums["world_landmarks"].reshape(21, 3),
            float(sums["presence"][0]),
            float(sums["handedness"][0]),
        )


@dataclass(frozen=True)
class Reading:
    """What a landmark model says of a crop: (21, 3) crop pixels, (21, 3) metres, 0..1, 0..1."""

    landmarks: Array
    world: Array
    presence: float
    handedness: float


def landmark_error(parent: LandmarkReader, model: LandmarkReader, crops: Array) -> LandmarkError:
    """Compare on (N, 224, 224, 3) uint8 crops of hands."""
    nme, world, presence, same = [], [], [], []
    for crop in crops:
        want, got = parent(crop), model(crop)
        apart = np.linalg.norm((want.landmarks - got.landmarks)[:, :2], axis=1).mean()
        nme.append(apart / palm_size(want.landmarks))
        world.append(np.linalg.norm(want.world - got.world, axis=1).mean() * 1000)
        presence.append(abs(want.presence - got.presence))
        same.append((want.handedness > 0.5) == (got.handedness > 0.5))
    return LandmarkError(
        len(crops),
        float(np.mean(nme)),
        float(np.percentile(nme, 95)),
        float(np.mean(world)),
        float(np.mean(presence)),
        float(np.mean(same)),
    )


def palm_size(landmarks: Array) -> float:
    """Distance wrist - middle MCP, the unit of NME."""
    return float(np.linalg.norm(landmarks[9, :2] - landmarks[0, :2]))


def palm_error(parent: Answers, model: Answers, frames: Sequence[Array]) -> PalmError:
    """Compare on frames, (H, W, 3) uint8, letterboxed to each model's own input."""
    answers = []
    for frame in frames:
        inputs = [real(letterbox(frame, each.size)[None]) for each in (parent, model)]
        answers.append((parent.real(inputs[0]), model.real(inputs[1])))
    return compare_palms(answers, (parent.size, model.size))


def compare_palms(
    answers: Iterable[tuple[Sequence[Array], Sequence[Array]]],
    sizes: tuple[int, int],
    score: float = SCORE,
) -> PalmError:
    """Compare what a parent and a model answered to the same frames.

    Args:
        answers: of each frame, boxes (1, anchors, 18) and scores (1, anchors, 1) of both.
        sizes: sides of their inputs, pixels.
        score: from which the model's detections count; the parent's count from :data:`SCORE`.
    """
    wanted = found = missed = invented = clear_missed = 0
    off: list[float] = []
    for want, got in answers:
        # Partners are sought among the detections of a lower threshold, so that a score that
        # moves from 0.501 to 0.499 doesn't count as a palm lost.
        strict_want, loose_want = (_palms(want, sizes[0], SCORE - slack) for slack in (0, SLACK))
        strict_got, loose_got = (_palms(got, sizes[1], score - slack) for slack in (0, SLACK))
        for detection, sure in zip(*strict_want, strict=True):
            wanted += 1
            missed += _partner(detection, loose_got[0]) is None
            partner = _partner(detection, strict_got[0])
            clear_missed += sure > CLEAR_SCORE and partner is None
            if partner is not None:
                apart = (detection - partner)[4:].reshape(7, 2)
                side = max(detection[2] - detection[0], detection[3] - detection[1])
                off.append(float(np.linalg.norm(apart, axis=1).mean() / side))
        for detection in strict_got[0]:
            found += 1
            invented += _partner(detection, loose_want[0]) is None
    return PalmError(
        wanted,
        1 - missed / max(wanted, 1),
        1 - invented / max(found, 1),
        float(np.mean(off)) if off else float("nan"),
        float(np.median(off)) if off else float("nan"),
        clear_missed,
    )


def _palms(outputs: Sequence[Array], size: int, score: float) -> tuple[Array, Array]:
    """Detections as shares of the input's side, and their scores."""
    boxes, scores = palms.decode(outputs[0], outputs[1], score, size)
    return boxes / np.float32(size), scores


def _partner(detection: Array, others: Array) -> Array | None:
    if not len(others):
        return None
    overlap = box_iou(detection[:4], others[:, :4])
    best = int(overlap.argmax())
    return others[best] if overlap[best] > MATCH_IOU else None
