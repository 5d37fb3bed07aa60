"""Whether smoothing reduces the landmarks' error on this camera, or only adds lag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from edgehands import HandTracker
from edgehands.cameras.images import read_image
from edgehands.dataset.matching import nme, pair_hands
from edgehands.evaluation.thresholds import FOLDS, LEAST_PICTURES
from edgehands.tracking.smoothing import LONGEST_GAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgehands.config import TrackingConfig
    from edgehands.dataset import LabelledImage

LEAST_GAIN: Final = 0.001
"""Least reduction of the mean error for a proposal, palm sizes."""


class SmoothingChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of smoothing on the error.

    Attributes:
        before, after: the setting in force, and the proposed one.
        pictures: how many could be judged: those within half a second of the one before.
        error_before, error_after: mean error on held-out pictures, palm sizes; null where
            too few could be judged.
        why: one sentence on why something or nothing is proposed.
    """

    before: bool
    after: bool
    pictures: int
    error_before: float | None
    error_after: float | None
    why: str


def choose_smoothing(images: Sequence[LabelledImage], tracking: TrackingConfig) -> SmoothingChoice:
    """Track a recording's pictures in order, with and without smoothing.

    Args:
        images: in the order in which they were recorded.
        tracking: the settings in force, of one model.
    """
    now = tracking.smoothing
    judged = [i for i in range(1, len(images)) if 0 < _gap(images, i) <= LONGEST_GAP]
    if len(judged) < LEAST_PICTURES:
        why = (
            f"smoothing can't be judged: {len(judged)} pictures lie within {LONGEST_GAP} s of the "
            f"one before, {LEAST_PICTURES} are needed: record with a smaller --every"
        )
        return SmoothingChoice(
            before=now,
            after=now,
            pictures=len(judged),
            error_before=None,
            error_after=None,
            why=why,
        )
    table = np.stack([_errors(images, judged, tracking, smoothing=s) for s in (now, not now)])
    table = table[:, np.isfinite(table).all(axis=0)]
    old, new, gained = [], [], 0
    folds = np.array_split(np.arange(table.shape[1]), FOLDS)
    for fold in folds:
        rest = np.setdiff1d(np.arange(table.shape[1]), fold)
        choice = int(table[1, rest].mean() < table[0, rest].mean()) if rest.size else 0
        old += table[0, fold].tolist()
        new += table[choice, fold].tolist()
        gained += bool(fold.size and table[1, fold].mean() < table[0, fold].mean())
    before, after = float(np.mean(old)), float(np.mean(new))
    change = before - after >= LEAST_GAIN and gained > len(folds) // 2
    words = "off" if now else "on"
    why = (
        f"with smoothing {words} the error falls from {100 * before:.2f} to {100 * after:.2f} % of "
        f"palm size, in {gained} of {len(folds)} folds; a still hand will tremble "
        f"{'more' if now else 'less'}"
        if change
        else f"smoothing {'on' if now else 'off'} is as near to the truth as {words}"
    )
    return SmoothingChoice(
        before=now,
        after=now != change,
        pictures=table.shape[1],
        error_before=before,
        error_after=after,
        why=why,
    )


def _gap(images: Sequence[LabelledImage], i: int) -> float:
    return images[i].frame.t_mono - images[i - 1].frame.t_mono


def _errors(
    images: Sequence[LabelledImage],
    judged: Sequence[int],
    tracking: TrackingConfig,
    *,
    smoothing: bool,
) -> np.ndarray:
    """Mean error of the found hands in each judged picture; NaN where none was found."""
    wanted = set(judged)
    config = msgspec.structs.replace(
        tracking, smoothing=smoothing, static_image=False, async_detection=False
    )
    found = []
    with HandTracker(config) as tracker:
        for i, image in enumerate(images):
            if i and not 0 < _gap(images, i) <= LONGEST_GAP:
                tracker.reset()
            hands = tracker.process(read_image(image.path), image.frame.t_mono)
            if i in wanted:
                said = [hand.landmarks[:, :2].astype(np.float64) for hand in hands]
                true, inside = [h.points for h in image.hands], [h.inside for h in image.hands]
                pairs = pair_hands(true, inside, said)
                off = [nme(true[a], said[b], inside[a]) for a, b in pairs]
                found.append(float(np.mean(off)) if off else np.nan)
    return np.array(found)
