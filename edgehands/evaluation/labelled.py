"""Measures of a pair of models over labelled pictures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from edgehands.dataset.matching import errors as point_errors
from edgehands.dataset.matching import pair_hands
from edgehands.evaluation.candidates import Candidate, PictureResult, reported
from edgehands.evaluation.curves import area, average_precision, pck
from edgehands.evaluation.metrics import VISIBLE
from edgehands.geometry.boxes import box_iou
from edgehands.hand import Handedness

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from edgehands.dataset import LabelledHand

PARTS: Final = {
    "wrist": (0,),
    "thumb": (1, 2, 3, 4),
    "index": (5, 6, 7, 8),
    "middle": (9, 10, 11, 12),
    "ring": (13, 14, 15, 16),
    "little": (17, 18, 19, 20),
}
"""Points of each finger."""

DARK, BRIGHT = 70.0, 160.0
"""Mean brightness, 0..255, below which a hand counts as dark, and above which as bright."""

EDGE_ON: Final = 0.45
"""Below this ratio of apparent width (index to little MCP) to length, a palm is seen edge-on;
facing the camera it has 0.6 to 0.7."""

# The palm model's own box: a square around the wrist, the knuckles and the thumb's base. Side and
# shift are medians over the practice set's thirty hands (tools/fit_labelled_measures.py).
_PALM_POINTS: Final = (0, 1, 2, 5, 9, 13, 17)
_BOX_SIDE: Final = 1.03
_BOX_SHIFT: Final = -0.10


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the points or hands.

    Attributes:
        count: how many.
        found: share of them that were found; null for points.
        nme: mean error in palm sizes; null where none was found.
        p95: 95th percentile of the error.
    """

    count: int
    found: float | None
    nme: float | None
    p95: float | None


class PictureScore(msgspec.Struct, frozen=True, kw_only=True):
    """The measures of a pair of models over a labelled set.

    Attributes:
        pictures: how many.
        hands: true hands that count: those with at least 15 of 21 points in the picture.
        found: of those, matched by a report within half a palm size.
        missed: the others.
        false_hands: reports that match no hand.
        recall, precision: 0..1; null where there is nothing to divide by.
        nme, nme_p95: mean and 95th percentile of the hands' mean error, palm sizes.
        pck: share of the true hands' points within 0, 0.01 … 0.5 palm sizes; points of a missed
            hand never count.
        auc: area under ``pck``.
        palm_ap50: COCO's average precision of palm boxes at IoU 0.5.
        landmark_mse: mean squared error of the landmark model at the hand's true position, palm
            sizes squared; ``landmark_rmse`` is its root.
        handedness: share of the found hands with the correct handedness.
        z_mm: mean error of depth relative to the wrist, millimetres, of points whose depth was
            measured; null where none was.
        fingers, views, lights, visibility: the error, broken down.
    """

    pictures: int
    hands: int
    found: int
    missed: int
    false_hands: int
    recall: float | None
    precision: float | None
    nme: float | None
    nme_p95: float | None
    pck: list[float]
    auc: float
    palm_ap50: float | None
    landmark_mse: float | None
    landmark_rmse: float | None
    handedness: float | None
    z_mm: float | None
    fingers: dict[str, Part]
    views: dict[str, Part]
    lights: dict[str, Part]
    visibility: dict[str, Part]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A true hand and the report matched to it.

    Attributes:
        truth: the hand.
        report: None = missed.
        errors: (21,) palm sizes; infinite where it was missed.
        view, light: names of the classes.
    """

    truth: LabelledHand
    report: Candidate | None
    errors: NDArray[np.float64]
    view: str
    light: str


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A picture's reports, true hands that count, and number of reports that match no hand."""

    result: PictureResult
    reports: tuple[Candidate, ...]
    found: tuple[Found, ...]
    false_hands: int

    @property
    def badness(self) -> float:
        """Rank of a bad picture: errors, plus one palm size for each miss or false hand."""
        wrong = sum(
            1.0 if f.report is None else float(f.errors[f.truth.inside].mean()) for f in self.found
        )
        return wrong + self.false_hands


def counts(hand: LabelledHand) -> bool:
    """Whether enough of a hand is in the picture for it to be expected to be found."""
    return bool(hand.inside.mean() >= VISIBLE)


def judge(result: PictureResult, presence: float, max_hands: int) -> Judged:
    """Compare a tracker's reports for a picture with the truth.

    Args:
        result: with the palms that the tracker works with.
        presence: least presence of a hand.
        max_hands: most hands in a picture.
    """
    return judge_reports(result, reported(result.usual, 0.0, presence, max_hands))


def judge_reports(result: PictureResult, reports: Sequence[Candidate]) -> Judged:
    """Compare these reports of a picture with the truth.

    A report of a hand that is too far out of the picture to count isn't a false hand.
    """
    hands = result.image.hands
    true, inside = [h.points for h in hands], [h.inside for h in hands]
    pairs = dict(pair_hands(true, inside, [r.points for r in reports]))
    found = []
    for i, hand in enumerate(hands):
        report = reports[pairs[i]] if i in pairs else None
        off = np.full(21, np.inf) if report is None else point_errors(hand.points, report.points)
        if counts(hand):
            found.append(Found(hand, report, off, view_of(hand), light_of(result.light[i])))
    return Judged(result, tuple(reports), tuple(found), len(reports) - len(pairs))


def score(judged: Sequence[Judged]) -> PictureScore:
    """All measures over pictures."""
    hands = [f for picture in judged for f in picture.found]
    seen = [f for f in hands if f.report is not None]
    errors = np.array([f.errors[f.truth.inside].mean() for f in seen])
    points = np.concatenate([f.errors[f.truth.inside] for f in hands] or [np.empty(0)])
    false_hands = sum(picture.false_hands for picture in judged)
    curve = pck(points)
    squared = _landmark_squares(judged)
    mse = float(squared.mean()) if squared.size else None
    sides = [f.report.handedness is f.truth.handedness for f in seen if f.report is not None]
    return PictureScore(
        pictures=len(judged),
        hands=len(hands),
        found=len(seen),
        missed=len(hands) - len(seen),
        false_hands=false_hands,
        recall=len(seen) / len(hands) if hands else None,
        precision=len(seen) / (len(seen) + false_hands) if seen or false_hands else None,
        nme=_mean(errors),
        nme_p95=_p95(errors),
        pck=[round(float(v), 5) for v in curve],
        auc=area(curve),
        palm_ap50=_palm_ap(judged),
        landmark_mse=mse,
        landmark_rmse=mse**0.5 if mse is not None else None,
        handedness=sum(sides) / len(sides) if sides else None,
        z_mm=_z_error(seen),
        fingers={
            name: _points_part(f.errors[_mask(places) & f.truth.inside] for f in seen)
            for name, places in PARTS.items()
        },
        views=_hands_parts((f.view, f) for f in hands),
        lights=_hands_parts((f.light, f) for f in hands),
        visibility={
            "visible": _points_part(f.errors[f.truth.visible] for f in seen),
            "occluded": _points_part(f.errors[f.truth.inside & ~f.truth.visible] for f in seen),
        },
    )


def palm_box(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) the box expected from the palm model for a hand's (21, 2) points."""
    palm = points[list(_PALM_POINTS)]
    low, high = palm.min(axis=0), palm.max(axis=0)
    middle = (low + high) / 2 + _BOX_SHIFT * (points[9] - points[0])
    half = _BOX_SIDE * float((high - low).max()) / 2
    return np.concatenate([middle - half, middle + half])


def view_of(hand: LabelledHand) -> str:
    """``palm``, ``back`` or ``edge``: which side of the hand the camera sees."""
    along = hand.points[9] - hand.points[0]
    across = hand.points[17] - hand.points[5]
    long = float(np.linalg.norm(along))
    turn = float(along[0] * across[1] - along[1] * across[0])
    if abs(turn) < EDGE_ON * long * long:
        return "edge"
    # With its fingers up, a right hand showing its palm has the little finger on the left.
    return "palm" if (turn < 0) == (hand.handedness is Handedness.RIGHT) else "back"


def light_of(brightness: float) -> str:
    """``dark``, ``medium`` or ``bright``."""
    return "dark" if brightness < DARK else "bright" if brightness > BRIGHT else "medium"


def _mask(places: Iterable[int]) -> NDArray[np.bool_]:
    mask = np.zeros(21, bool)
    mask[list(places)] = True
    return mask


def _landmark_squares(judged: Sequence[Judged]) -> NDArray[np.float64]:
    squares = [
        point_errors(hand.points, reading)[hand.inside] ** 2
        for picture in judged
        for hand, reading in zip(picture.result.image.hands, picture.result.readings, strict=True)
        if counts(hand)
    ]
    return np.concatenate(squares or [np.empty(0)])


def _palm_ap(judged: Sequence[Judged]) -> float | None:
    truths, boxes, scores = [], [], []
    for picture in judged:
        out = [palm_box(h.points) for h in picture.result.image.hands if not counts(h)]
        given = [c for c in picture.result.candidates if not _on_any(c.palm_box, out)]
        truths.append(_boxes([palm_box(f.truth.points) for f in picture.found]))
        boxes.append(_boxes([c.palm_box for c in given]))
        scores.append(np.array([c.palm_score for c in given]))
    return average_precision(truths, boxes, scores)


def _on_any(box: NDArray[np.float64], others: list[NDArray[np.float64]]) -> bool:
    """Whether a palm belongs to a hand that is too far out of the picture to count."""
    overlaps = box_iou(box.astype(np.float32), _boxes(others).astype(np.float32))
    return bool((overlaps >= 0.5).any())


def _boxes(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.array(values, np.float64).reshape(-1, 4)


def _z_error(seen: Sequence[Found]) -> float | None:
    off = []
    for found in seen:
        measured = np.array([origin in {"depth", "truth"} for origin in found.truth.z_from])
        measured &= ~np.isnan(found.truth.z_mm)
        if found.report is not None and measured[1:].any():
            off.append(np.abs(found.report.z_mm - found.truth.z_mm)[measured])
    return float(np.concatenate(off).mean()) if off else None


def _points_part(errors: Iterable[NDArray[np.float64]]) -> Part:
    values = np.concatenate([*errors, np.empty(0)])
    return Part(count=len(values), found=None, nme=_mean(values), p95=_p95(values))


def _hands_parts(hands: Iterable[tuple[str, Found]]) -> dict[str, Part]:
    groups: dict[str, list[Found]] = defaultdict(list)
    for name, found in hands:
        groups[name].append(found)
    parts = {}
    for name, members in sorted(groups.items()):
        seen = [f for f in members if f.report is not None]
        values = np.array([f.errors[f.truth.inside].mean() for f in seen])
        parts[name] = Part(
            count=len(members),
            found=len(seen) / len(members),
            nme=_mean(values),
            p95=_p95(values),
        )
    return parts


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if values.size else None


def _p95(values: NDArray[np.float64]) -> float | None:
    return float(np.percentile(values, 95)) if values.size else None
