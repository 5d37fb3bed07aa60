"""A tracker's scores for a clip, from the truth and its reports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from edgehands.evaluation.matching import match
from edgehands.evaluation.motion import LEAST_STILL, jitter, lag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edgehands.evaluation.matching import FrameMatch
    from edgehands.evaluation.values import Clip, Run

VISIBLE: Final = 0.7
"""A hand counts as visible if this share of its 21 landmarks, 15 of them, is in the image and not
hidden by an object or another hand."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A tracker's scores for one clip, or for several.

    Attributes:
        frames: of the clip.
        visible: hand-frames in which a hand was visible.
        tracked: those of them in which it was tracked.
        false_hands: reports that match no hand, or one that had a better report.
        appearances: how often a hand came into view.
        wait: mean number of frames from then until it was first tracked; for a hand that was never
            tracked, until it leaves.
        longest_gap: the longest time that a visible hand went untracked, frames.
        id_switches: a visible hand's id changed, or an id went over to another hand.
        handedness_errors: tracked hand-frames with the wrong handedness.
        nme: mean over the tracked hand-frames, palm sizes; None where there are none.
        jitter: motion of a still hand from frame to frame, rms, palm sizes; None where none stood
            still for long enough.
        lag_ms: how far reported motion lags behind true motion, milliseconds; None where nothing
            moved enough to measure it.
        lag_frames: the same in frames.
        cpu_ms: CPU time a frame.
    """

    frames: int
    visible: int
    tracked: int
    false_hands: int
    appearances: int
    wait: float
    longest_gap: int
    id_switches: int
    handedness_errors: int
    nme: float | None
    jitter: float | None
    lag_ms: float | None
    lag_frames: float | None
    cpu_ms: float

    @property
    def tracked_share(self) -> float:
        """Share of the visible hand-frames that were tracked, 0..1."""
        return self.tracked / self.visible if self.visible else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Matching results for each frame of a clip.

    Attributes:
        matches: the pairs of each frame.
        visible: (F, H) the true hand was visible.
        found: (F, H) it was tracked.
    """

    matches: tuple[FrameMatch, ...]
    visible: NDArray[np.bool_]
    found: NDArray[np.bool_]


def judge(clip: Clip, run: Run) -> Judgement:
    """Pair a run's reports with the true hands, frame by frame."""
    matches = tuple(
        match(clip.points[i], clip.palms[i], clip.shown[i], hands)
        for i, hands in enumerate(run.frames)
    )
    found = np.zeros(clip.shown.shape, np.bool_)
    for i, frame in enumerate(matches):
        for pair in frame.pairs:
            found[i, pair.true] = True
    return Judgement(matches, clip.shown >= VISIBLE, found)


def score(clip: Clip, run: Run) -> Score:
    """The scores of a run over a clip; hands need ids (see :func:`matching.with_ids`)."""
    judged = judge(clip, run)
    matches, visible, found = judged.matches, judged.visible, judged.found
    errors: list[float] = []
    wrong_sides = 0
    for i, frame in enumerate(matches):
        for pair in frame.pairs:
            if visible[i, pair.true]:
                errors.append(pair.error)
                side = run.frames[i][pair.reported].handedness
                wrong_sides += side is not clip.sides[pair.true]
    waits, longest = _waits(visible, found)
    stillness, behind = _motion(clip, run, matches)
    return Score(
        frames=len(clip),
        visible=int(visible.sum()),
        tracked=len(errors),
        false_hands=sum(frame.false_hands for frame in matches),
        appearances=len(waits),
        wait=_mean(waits) or 0.0,
        longest_gap=longest,
        id_switches=id_switches(visible, matches, run),
        handedness_errors=wrong_sides,
        nme=_mean(errors),
        jitter=stillness,
        lag_ms=None if behind is None else behind / clip.fps * 1000,
        lag_frames=behind,
        cpu_ms=run.cpu_ms,
    )


def total(scores: Sequence[Score]) -> Score:
    """Several clips' scores as one: counts are added, means weighted by their counts."""
    tracked = [s.tracked for s in scores]
    return Score(
        frames=sum(s.frames for s in scores),
        visible=sum(s.visible for s in scores),
        tracked=sum(tracked),
        false_hands=sum(s.false_hands for s in scores),
        appearances=sum(s.appearances for s in scores),
        wait=_weighted([s.wait for s in scores], [s.appearances for s in scores]) or 0.0,
        longest_gap=max((s.longest_gap for s in scores), default=0),
        id_switches=sum(s.id_switches for s in scores),
        handedness_errors=sum(s.handedness_errors for s in scores),
        nme=_weighted([s.nme for s in scores], tracked),
        jitter=_mean([s.jitter for s in scores if s.jitter is not None]),
        lag_ms=_mean([s.lag_ms for s in scores if s.lag_ms is not None]),
        lag_frames=_mean([s.lag_frames for s in scores if s.lag_frames is not None]),
        cpu_ms=_weighted([s.cpu_ms for s in scores], [s.frames for s in scores]) or 0.0,
    )


def id_switches(visible: NDArray[np.bool_], matches: Sequence[FrameMatch], run: Run) -> int:
    """How often a visible hand's id changed, or an id moved to another hand.

    A hand that wasn't visible in between may return with a new id, but not with another hand's.

    Args:
        visible: (F, H).
        matches: of the F frames.
        run: with ids.
    """
    count = visible.shape[1]
    last: list[int | None] = [None] * count  # each hand's id since it became visible
    owner: dict[int, int] = {}  # id -> the hand that had it last
    switches = 0
    for frame, seen, hands in zip(matches, visible, run.frames, strict=True):
        for hand in range(count):
            if not seen[hand]:
                last[hand] = None
        for pair in frame.pairs:
            name = hands[pair.reported].id
            if name is None:
                continue
            changed = last[pair.true] not in {None, name}
            switches += changed or owner.get(name, pair.true) != pair.true
            owner[name] = pair.true
            if seen[pair.true]:
                last[pair.true] = name
    return switches


def _waits(visible: NDArray[np.bool_], found: NDArray[np.bool_]) -> tuple[list[int], int]:
    """Frames until found, for each time that a hand (F, H) came into view; and the longest gap."""
    waits: list[int] = []
    longest = 0
    for hand in range(visible.shape[1]):
        gap, waiting = 0, False
        for i in range(len(visible)):
            if visible[i, hand] and (i == 0 or not visible[i - 1, hand]):
                gap, waiting = 0, True
            if not visible[i, hand] or found[i, hand]:
                if waiting:
                    waits.append(gap)
                gap, waiting = 0, False
            else:
                gap += 1
                longest = max(longest, gap)
        if waiting:
            waits.append(gap)
    return waits, longest


def _motion(
    clip: Clip, run: Run, matches: Sequence[FrameMatch]
) -> tuple[float | None, float | None]:
    """Jitter (palm sizes) and lag (frames; mean of the hands)."""
    squares, steps = 0.0, 0
    lags = []
    for hand in range(len(clip.sides)):
        points = np.full(clip.points[:, hand].shape, np.nan)
        for i, frame in enumerate(matches):
            for pair in frame.pairs:
                if pair.true == hand and clip.shown[i, hand] >= VISIBLE:
                    points[i] = run.frames[i][pair.reported].points
        add, more = jitter(points, clip.palms[:, hand], clip.points[:, hand])
        squares, steps = squares + add, steps + more
        lags.append(lag(points, clip.palms[:, hand], clip.points[:, hand]))
    still = math.sqrt(squares / steps) if steps >= LEAST_STILL else None
    return still, _mean([frames for frames in lags if frames is not None])


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _weighted(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    pairs = [(v, w) for v, w in zip(values, weights, strict=True) if v is not None and w]
    if not pairs:
        return None
    return sum(v * w for v, w in pairs) / sum(w for _, w in pairs)
