"""Thresholds that suit a camera better than those in force, if the labelled pictures show it.

Chosen by five-fold cross-validation: on four fifths of the pictures, evaluated on the held-out
fifth. Neighbouring pictures of a recording look alike, so a fold is a contiguous stretch, not every
fifth picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from edgehands.evaluation.candidates import reported
from edgehands.evaluation.labelled import judge_reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgehands.evaluation.candidates import PictureResult

FOLDS: Final = 5
STEPS: Final = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
LEAST_PICTURES: Final = 20
"""With fewer, one or two pictures would decide a threshold."""

LEAST_GAIN: Final = 0.005
"""Least gain in F1 on held-out pictures for a proposal."""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of ``[tracking]``.

    Attributes:
        palm_score: least score of a palm detection.
        presence: least presence of a hand.
    """

    palm_score: float
    presence: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a choice of thresholds.

    Attributes:
        found, missed, false_hands: counts.
        f1: 2 found / (2 found + missed + false_hands).
    """

    found: int
    missed: int
    false_hands: int
    f1: float


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """The proposed thresholds, and their gain.

    Attributes:
        before, after: the thresholds in force, and those proposed; equal where there is no gain.
        outcome_before, outcome_after: on held-out pictures, summed over the folds;
            ``outcome_after`` with thresholds chosen again for each fold.
        folds_gained, folds_lost: number of folds in which the choice was better or worse.
        why: one sentence on why something or nothing is proposed.
    """

    before: Thresholds
    after: Thresholds
    outcome_before: Outcome
    outcome_after: Outcome
    folds_gained: int
    folds_lost: int
    why: str

    @property
    def gains(self) -> bool:
        """Whether a change is proposed."""
        return self.before != self.after


def propose(results: Sequence[PictureResult], before: Thresholds, max_hands: int) -> Proposal:
    """Choose thresholds by cross-validation.

    Args:
        results: of the pictures in the order in which they were recorded.
        before: the thresholds in force.
        max_hands: most hands in a picture.
    """
    grid = [Thresholds(palm_score=a, presence=b) for a in STEPS for b in STEPS]
    if before not in grid:
        grid.insert(0, before)
    rows = [_counts(result, grid, max_hands) for result in results]
    table = np.array(rows, int).reshape(len(results), len(grid), 3)
    now = grid.index(before)
    folds = np.array_split(np.arange(len(results)), min(FOLDS, max(len(results), 1)))
    old = np.zeros(3, int)
    new = np.zeros(3, int)
    gained = lost = 0
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(results)), fold)
        choice = _best(table[rest].sum(axis=0), now, grid)
        was, becomes = table[fold, now].sum(axis=0), table[fold, choice].sum(axis=0)
        gained += f1(becomes) > f1(was)
        lost += f1(becomes) < f1(was)
        old, new = old + was, new + becomes
    chosen = grid[_best(table.sum(axis=0), now, grid)]
    why = _why(len(results), f1(old), f1(new), gained, lost)
    if chosen == before and not why:
        why = "the thresholds in force are the best for these pictures"
    return Proposal(
        before=before,
        after=before if why else chosen,
        outcome_before=_outcome(old),
        outcome_after=_outcome(new),
        folds_gained=gained,
        folds_lost=lost,
        why=why or f"better on unseen pictures in {gained} of {len(folds)} folds, worse in {lost}",
    )


def f1(counts: np.ndarray) -> float:
    """F1 of found, missed and false hands; 1 where there are no hands and no reports."""
    found, missed, false_hands = (int(v) for v in counts)
    total = 2 * found + missed + false_hands
    return 2 * found / total if total else 1.0


def surface(
    results: Sequence[PictureResult], fixed: Thresholds, max_hands: int
) -> dict[str, list[float]]:
    """F1 over all pictures at :data:`STEPS` of one threshold, the other fixed."""
    lines = {}
    for name in ("palm_score", "presence"):
        grid = [msgspec.structs.replace(fixed, **{name: step}) for step in STEPS]
        rows = [_counts(result, grid, max_hands) for result in results]
        table = np.array(rows, int).reshape(len(results), len(grid), 3)
        lines[name] = [f1(counts) for counts in table.sum(axis=0)]
    return lines


def _counts(
    result: PictureResult, grid: Sequence[Thresholds], max_hands: int
) -> list[tuple[int, int, int]]:
    """Found, missed and false hands of a picture for each pair of thresholds.

    Most pairs give the same reports: each distinct set is compared with the truth once.
    """
    known: dict[tuple[int, ...], tuple[int, int, int]] = {}
    rows = []
    for t in grid:
        reports = reported(result.candidates, t.palm_score, t.presence, max_hands)
        key = tuple(id(report) for report in reports)
        if key not in known:
            judged = judge_reports(result, reports)
            found = sum(f.report is not None for f in judged.found)
            known[key] = (found, len(judged.found) - found, judged.false_hands)
        rows.append(known[key])
    return rows


def _best(table: np.ndarray, now: int, grid: list[Thresholds]) -> int:
    """The best entry; among equals, the nearest to the thresholds in force."""
    scores = np.array([f1(row) for row in table])
    here = grid[now]

    def far(i: int) -> float:
        t = grid[i]
        return abs(t.palm_score - here.palm_score) + abs(t.presence - here.presence)

    best = np.flatnonzero(scores >= scores.max() - 1e-9)
    return min(map(int, best), key=far)


def _why(pictures: int, was: float, becomes: float, gained: int, lost: int) -> str:
    """Why nothing is proposed; empty where a change is."""
    if pictures < LEAST_PICTURES:
        return f"{pictures} pictures are too few to choose thresholds by: {LEAST_PICTURES} at least"
    if becomes - was < LEAST_GAIN:
        return (
            f"no thresholds gain on unseen pictures (F1 {was:.3f} with those in force, "
            f"{becomes:.3f} with the best of the others)"
        )
    if gained <= lost:
        return f"other thresholds gain in {gained} folds only and lose in {lost}"
    return ""


def _outcome(counts: np.ndarray) -> Outcome:
    found, missed, false_hands = (int(v) for v in counts)
    return Outcome(found=found, missed=missed, false_hands=false_hands, f1=f1(counts))
