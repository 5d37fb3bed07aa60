"""Scores for films without known truth: of a tracker alone, and against a reference.

The reference is MediaPipe's full model in static mode, which detects palms in every frame. It isn't
ground truth: where it takes a face for a hand, a tracker that doesn't seems to miss one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from edgehands.dataset.matching import assign
from edgehands.evaluation.film_motion import lag, restlessness, still_stretches
from edgehands.evaluation.films import SeenHand
from edgehands.evaluation.matching import NEAR, TRACKED, distances, with_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edgehands.evaluation.values import ReportedHand, Run

UNSURE: Final = 0.7
"""Presence below which a frame is worth a look."""

LEAP: Final = 1.0
"""A move from one frame to the next that makes a frame worth a look, palm sizes."""


class FilmScore(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tracker's scores in one film, or in all films together.

    Attributes:
        frames: of the film.
        any, two: frames with at least one, with two hands.
        tracks: ids given; MediaPipe's by nearest continuation.
        holes: frames in which an id isn't seen between two in which it is.
        doubles: frames in which one hand is reported twice: two within half a palm size.
        flips: changes of handedness within an id.
        jitter_raw, jitter: [sum of squares, count] of the motion of still hands beyond its mean,
            of palm size, without and with smoothing.
        lag: [sum, weight] of how far smoothed landmarks lag behind the raw ones, ms.
        cpu_ms: CPU time of all frames together, all threads.
        reference, found: hands of the reference; those of them that the tracker found.
        gaps: hands that the reference and the other tracker found and this one didn't.
        alone: hands that neither of the others found nearby.
        switches: changes of id along the reference's hands.
        no_hand: hands reported at places judged to be no hand.
    """

    frames: int = 0
    any: int = 0
    two: int = 0
    tracks: int = 0
    holes: int = 0
    doubles: int = 0
    flips: int = 0
    jitter_raw: tuple[float, int] = (0.0, 0)
    jitter: tuple[float, int] = (0.0, 0)
    lag: tuple[float, float] = (0.0, 0.0)
    cpu_ms: float = 0.0
    reference: int = 0
    found: int = 0
    gaps: int = 0
    alone: int = 0
    switches: int = 0
    no_hand: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A frame that is worth a look, and why."""

    frame: int
    why: str


def total(scores: Sequence[FilmScore]) -> FilmScore:
    """The scores of several films as one."""
    sums = {}
    for name in FilmScore.__struct_fields__:
        values = [getattr(score, name) for score in scores]
        pairs = values and isinstance(values[0], tuple)
        sums[name] = tuple(map(sum, zip(*values, strict=True))) if pairs else sum(values)
    return msgspec.convert(sums, FilmScore)


def all_are_hands(_frame: int, _hand: ReportedHand) -> bool:
    """The default where no places were judged: every hand counts."""
    return False


def score(
    run: Run,
    fps: float,
    others: Sequence[Run] = (),
    no_hand: Callable[[int, ReportedHand], bool] = all_are_hands,
) -> tuple[FilmScore, list[Doubt]]:
    """The scores of a run, and the frames that are worth a look.

    Args:
        run: of the tracker.
        fps: of the film.
        others: the runs of the reference and of the other tracker; empty where there are none.
        no_hand: whether a hand of a frame lies at a place judged to be no hand; the reference's
            there don't count.
    """
    run = _named(run)
    doubts: list[Doubt] = []
    count = dict.fromkeys(("any", "two", "holes", "doubles", "flips"), 0)
    last: dict[int, tuple[int, ReportedHand]] = {}
    for i, hands in enumerate(run.frames):
        count["any"] += bool(hands)
        count["two"] += len(hands) > 1
        if any(_apart(a, b) < TRACKED for a, b in itertools.combinations(hands, 2)):
            count["doubles"] += 1
            doubts.append(Doubt(i, "two hands in one place"))
        for hand in hands:
            number = hand.id or 0  # each has one
            if isinstance(hand, SeenHand) and hand.presence < UNSURE:
                doubts.append(Doubt(i, f"presence {hand.presence:.2f}"))
            before = last.get(number)
            last[number] = (i, hand)
            if before is None:
                continue
            count["holes"] += i - before[0] - 1
            count["flips"] += before[1].handedness is not hand.handedness
            if i - before[0] == 1 and _apart(before[1], hand) > LEAP:
                doubts.append(Doubt(i, "leaps"))
    still = still_stretches(_named(others[0]) if others else run)
    beside = _beside(run, others, no_hand, doubts) if others else {}
    return (
        FilmScore(
            frames=len(run.frames),
            tracks=len(last),
            cpu_ms=run.cpu_ms * len(run.frames),
            jitter_raw=restlessness(run, still, smooth=False),
            jitter=restlessness(run, still, smooth=True),
            lag=lag(run, fps),
            **count,
            **beside,
        ),
        sorted(doubts, key=lambda doubt: doubt.frame),
    )


def _beside(
    run: Run,
    others: Sequence[Run],
    no_hand: Callable[[int, ReportedHand], bool],
    doubts: list[Doubt],
) -> dict[str, int]:
    """The scores that need a reference."""
    reference = _named(others[0])
    second = others[-1]
    owner: dict[int, int] = {}
    marks = dict.fromkeys(("reference", "found", "gaps", "alone", "switches", "no_hand"), 0)
    for i, (mine, seen) in enumerate(zip(run.frames, reference.frames, strict=True)):
        theirs = tuple(hand for hand in seen if not no_hand(i, hand))
        costs = _costs(theirs, mine)
        pairs = assign(costs, TRACKED)
        marks["reference"] += len(theirs)
        marks["found"] += len(pairs)
        for row, column in pairs:
            chain, track = theirs[row].id or 0, mine[column].id or 0
            marks["switches"] += owner.get(chain, track) != track
            owner[chain] = track
        has = {row for row, _ in pairs}
        also = {row for row, _ in assign(_costs(theirs, second.frames[i]), TRACKED)}
        for row in range(len(theirs)):
            if row not in has and row in also and not (costs[row] < NEAR).any():
                marks["gaps"] += 1
                doubts.append(Doubt(i, "missed"))
        for hand in mine:
            marks["no_hand"] += no_hand(i, hand)
            if not any((_costs((hand,), other.frames[i]) < NEAR).any() for other in others):
                marks["alone"] += 1
                doubts.append(Doubt(i, "nobody else sees it"))
    return marks


def _named(run: Run) -> Run:
    """The run with ids: its own, or assigned by nearest continuation."""
    hands = [hand for frame in run.frames for hand in frame]
    return run if all(hand.id is not None for hand in hands) else with_ids(run)


def _costs(rows: Sequence[ReportedHand], hands: Sequence[ReportedHand]) -> NDArray[np.float64]:
    """(R, N) mean distances of N hands from R others, in the palm sizes of those."""
    if not rows:
        return np.zeros((0, len(hands)))
    points = np.stack([hand.points for hand in rows])
    return distances(points, np.array([palm_of(hand) for hand in rows]), hands)


def _apart(one: ReportedHand, other: ReportedHand) -> float:
    return float(_costs((one,), (other,))[0, 0])


def palm_of(hand: ReportedHand) -> float:
    """Palm size; at least half the palm's width, for hands that point at the camera."""
    length = np.linalg.norm(hand.points[9] - hand.points[0])
    width = np.linalg.norm(hand.points[17] - hand.points[5])
    return max(float(length), 0.5 * float(width), 1e-6)
