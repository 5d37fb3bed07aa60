"""The benchmark's marks: each is right for a run whose faults are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands.dataset.matching import assign
from edgehands.evaluation.matching import match, with_ids
from edgehands.evaluation.metrics import score, total
from edgehands.evaluation.motion import lag
from edgehands.evaluation.report import COLUMNS, markdown
from edgehands.evaluation.values import Clip, ReportedHand, Run
from edgehands.hand import Handedness

if TYPE_CHECKING:
    from numpy.typing import NDArray

L, R = Handedness.LEFT, Handedness.RIGHT
PALM = 100.0
SHAPE = np.random.default_rng(1).uniform(-80, 80, (21, 2))
SHAPE[[0, 9]] = [[0, 50], [0, -50]]
FAR = np.array([400.0, 0.0])


def a_clip(
    path: NDArray[np.float64], shown: NDArray[np.float64] | None = None, fps: float = 30.0
) -> Clip:
    """A clip of hands whose middles are at (F, H, 2) frame pixels."""
    frames, hands = path.shape[:2]
    return Clip(
        "test",
        "",
        fps,
        np.zeros((frames, 1, 1, 3), np.uint8),
        Path(),
        path[:, :, None] + SHAPE,
        np.full((frames, hands), PALM),
        np.ones((frames, hands)) if shown is None else shown,
        (R, L)[:hands],
    )


def at_rest(frames: int, hands: int = 1) -> NDArray[np.float64]:
    """(F, H, 2) middles of hands that stand still, side by side."""
    return np.array([200.0, 200.0]) + np.zeros((frames, hands, 1)) + FAR * np.arange(hands)[:, None]


def on_a_circle(frames: int) -> NDArray[np.float64]:
    """(F, 1, 2) the middle of a hand that moves 0.3 palm sizes a frame."""
    angle = 0.3 * np.arange(frames)
    return 200.0 + PALM * np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, None]


def perfect(clip: Clip) -> Run:
    """A run that reports the truth, with the hand's index as id."""
    return Run(
        tuple(
            tuple(
                ReportedHand(clip.points[i, h], clip.sides[h], h)
                for h in range(len(clip.sides))
                if clip.shown[i, h] > 0
            )
            for i in range(len(clip))
        ),
        5.0,
    )


@dataclass(frozen=True)
class Fault:
    """A change of the hands that are reported in some frames."""

    first: int
    last: int

    def __contains__(self, frame: int) -> bool:
        return self.first <= frame < self.last


def without(run: Run, fault: Fault) -> Run:
    """The run with no hand reported in some frames."""
    return replace(
        run, frames=tuple(() if i in fault else hands for i, hands in enumerate(run.frames))
    )


def renamed(run: Run, fault: Fault, names: dict[int, int]) -> Run:
    """The run with other ids in some frames."""
    return replace(
        run,
        frames=tuple(
            tuple(replace(h, id=names.get(h.id or 0, h.id)) if i in fault else h for h in hands)
            for i, hands in enumerate(run.frames)
        ),
    )


def shifted(run: Run, by: NDArray[np.float64]) -> Run:
    """The run with landmarks moved by (F, 21, 2) or what can be broadcast to it."""
    steps = np.broadcast_to(by, (len(run.frames), 21, 2))
    return replace(
        run,
        frames=tuple(
            tuple(replace(h, points=h.points + steps[i]) for h in hands)
            for i, hands in enumerate(run.frames)
        ),
    )


def test_a_perfect_run_has_perfect_marks() -> None:
    """Otherwise a correct tracker would be called faulty."""
    clip = a_clip(at_rest(40, 2))
    marks = score(clip, perfect(clip))
    assert (marks.visible, marks.tracked, marks.false_hands) == (80, 80, 0)
    assert (marks.appearances, marks.wait, marks.longest_gap) == (2, 0.0, 0)
    assert (marks.id_switches, marks.handedness_errors) == (0, 0)
    assert marks.nme == marks.jitter == 0.0
    assert marks.lag_ms is None
    assert marks.cpu_ms == 5.0


def test_a_hand_that_is_missed_costs_share_wait_and_gap() -> None:
    """Time without a hand would otherwise go unseen."""
    clip = a_clip(at_rest(50))
    late = without(without(perfect(clip), Fault(0, 4)), Fault(20, 26))
    marks = score(clip, late)
    assert marks.tracked == 40
    assert marks.tracked_share == 0.8
    assert (marks.appearances, marks.wait, marks.longest_gap) == (1, 4.0, 6)


def test_hidden_frames_are_not_asked_for_and_coming_back_is_a_new_appearance() -> None:
    """A tracker would otherwise be blamed for not seeing through a board."""
    shown = np.ones((60, 1))
    shown[20:40] = 0.0
    clip = a_clip(at_rest(60), shown)
    marks = score(clip, without(perfect(clip), Fault(20, 43)))
    assert marks.visible == 40
    assert marks.tracked == 37
    assert (marks.appearances, marks.wait, marks.longest_gap) == (2, 1.5, 3)


def test_a_half_hidden_hand_may_be_reported_or_not() -> None:
    """A report of what can half be seen would otherwise count as a false hand."""
    shown = np.full((10, 1), 0.4)
    clip = a_clip(at_rest(10), shown)
    for run in (perfect(clip), without(perfect(clip), Fault(0, 10))):
        marks = score(clip, run)
        assert (marks.visible, marks.tracked, marks.false_hands) == (0, 0, 0)


@pytest.mark.parametrize(
    ("where", "false_hands"),
    [
        pytest.param(FAR, 1, id="where there is no hand"),
        pytest.param(np.array([20.0, 0.0]), 1, id="on a hand that is reported already"),
    ],
)
def test_false_hands_are_counted(where: NDArray[np.float64], false_hands: int) -> None:
    """Ghosts and duplicates would otherwise cost nothing."""
    clip = a_clip(at_rest(10))
    run = perfect(clip)
    ghost = ReportedHand(clip.points[3, 0] + where, R, 9)
    haunted = replace(run, frames=(*run.frames[:3], (*run.frames[3], ghost), *run.frames[4:]))
    marks = score(clip, haunted)
    assert marks.tracked == 10
    assert marks.false_hands == false_hands


def test_a_report_of_a_wholly_hidden_hand_is_false() -> None:
    """Otherwise invisible landmarks would count as visible."""
    clip = a_clip(at_rest(10), np.zeros((10, 1)))
    seen = a_clip(at_rest(10))
    assert score(clip, perfect(seen)).false_hands == 10


def test_a_poor_report_is_neither_tracked_nor_false() -> None:
    """One hand would otherwise be counted as a miss and a ghost at once."""
    clip = a_clip(at_rest(10))
    marks = score(clip, shifted(perfect(clip), np.array([0.7 * PALM, 0.0])))
    assert (marks.tracked, marks.false_hands) == (0, 0)


def test_id_switches_are_counted_once_each() -> None:
    """Applications that hang on ids would otherwise break unseen."""
    clip = a_clip(at_rest(30, 2))
    run = perfect(clip)
    assert score(clip, renamed(run, Fault(10, 30), {0: 5})).id_switches == 1
    assert score(clip, renamed(run, Fault(10, 30), {0: 1, 1: 0})).id_switches == 2
    assert score(clip, renamed(run, Fault(10, 11), {0: 5})).id_switches == 2


def test_a_new_id_after_a_hand_was_away_is_no_switch_but_anothers_id_is() -> None:
    """Ids are promised for a hand that is followed, and never to two hands."""
    shown = np.ones((30, 2))
    shown[10:20, 0] = 0.0
    clip = a_clip(at_rest(30, 2), shown)
    run = perfect(clip)
    assert score(clip, renamed(run, Fault(20, 30), {0: 7})).id_switches == 0
    # The other hand keeps its id 1 until the first takes it and the other gets a new one.
    assert score(clip, renamed(run, Fault(20, 30), {0: 1, 1: 8})).id_switches == 2


def test_wrong_sides_are_counted() -> None:
    """A left hand called right would otherwise cost nothing."""
    clip = a_clip(at_rest(10))
    run = perfect(clip)
    wrong = replace(run, frames=((replace(run.frames[0][0], handedness=L),), *run.frames[1:]))
    assert score(clip, wrong).handedness_errors == 1


def test_nme_is_in_palm_sizes() -> None:
    """Errors of near and far hands couldn't be compared otherwise."""
    clip = a_clip(at_rest(10))
    marks = score(clip, shifted(perfect(clip), np.array([3.0, 4.0])))
    assert marks.nme == pytest.approx(0.05)


def test_jitter_is_the_motion_of_a_still_hand() -> None:
    """A trembling cursor would otherwise look still in the tables."""
    clip = a_clip(at_rest(200))
    noise = np.random.default_rng(2).normal(0, 0.5, (200, 21, 2))
    marks = score(clip, shifted(perfect(clip), noise))
    # Differences of two normal numbers, in two axes: variance 4 * 0.25.
    assert marks.jitter == pytest.approx(1.0 / PALM, rel=0.03)


def test_a_moving_hand_has_no_jitter() -> None:
    """Real motion would otherwise be called jitter."""
    clip = a_clip(on_a_circle(100))
    assert score(clip, perfect(clip)).jitter is None


@pytest.mark.parametrize("behind", [0.0, 0.4, 1.0, 2.5])
def test_lag_is_measured_between_frames(behind: float) -> None:
    """A filter's delay of less than a frame would otherwise be invisible."""
    frames = np.arange(120)
    clip = a_clip(on_a_circle(120))
    angle = 0.3 * (frames - behind)
    late = 200.0 + PALM * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    noise = np.random.default_rng(3).normal(0, 1.0, (120, 21, 2))
    points = late[:, None] + SHAPE + noise
    palms = np.full(120, PALM)
    assert lag(points, palms, clip.points[:, 0]) == pytest.approx(behind, abs=0.03)
    points[40:60] = np.nan
    assert lag(points, palms, clip.points[:, 0]) == pytest.approx(behind, abs=0.04)


def test_lag_of_unrelated_motion_is_not_given() -> None:
    """A number would otherwise be made up for a tracker that follows something else."""
    clip = a_clip(on_a_circle(120))
    points = np.random.default_rng(4).normal(0, 50, (120, 21, 2))
    assert lag(points, np.full(120, PALM), clip.points[:, 0]) is None


def test_assignment_takes_the_least_sum_not_the_first_nearest() -> None:
    """Two hands that touch would otherwise be paired crosswise."""
    costs = np.array([[0.1, 0.2], [0.11, 0.9]])
    assert assign(costs, 0.5) == [(0, 1), (1, 0)]
    assert assign(costs[:, :1], 0.5) == [(0, 0)]
    assert assign(np.zeros((2, 0)), 0.5) == []


def test_a_hand_out_of_sight_is_matched_with_nothing() -> None:
    """A report would otherwise be credited to a hand behind a wall."""
    clip = a_clip(at_rest(1))
    hand = ReportedHand(clip.points[0, 0], R, 1)
    found = match(clip.points[0], clip.palms[0], np.zeros(1), [hand])
    assert found.pairs == ()
    assert found.false_hands == 1


def test_trackers_without_ids_get_them_by_nearest_continuation() -> None:
    """MediaPipe couldn't be compared in id switches otherwise."""
    clip = a_clip(at_rest(40, 2))
    run = perfect(clip)
    bare = replace(
        run,
        frames=tuple(
            tuple(replace(hand, id=None) for hand in (hands if i % 2 else hands[::-1]))
            for i, hands in enumerate(run.frames)
        ),
    )
    assert score(clip, with_ids(bare)).id_switches == 0
    short = with_ids(without(bare, Fault(10, 15)))
    assert score(clip, short).id_switches == 0
    long = with_ids(without(bare, Fault(10, 20)))
    assert score(clip, long).id_switches == 2


def test_totals_weigh_means_by_what_they_are_means_of() -> None:
    """A clip of one good frame would otherwise outweigh a long bad one."""
    clip, other = a_clip(at_rest(10)), a_clip(at_rest(40))
    good = score(clip, perfect(clip))
    bad = score(other, shifted(perfect(other), np.array([10.0, 0.0])))
    both = total([good, bad])
    assert both.frames == 50
    assert both.nme == pytest.approx(0.08)
    assert total([]).tracked_share == 1.0


def test_columns_know_what_is_worse() -> None:
    """The list of where edgehands is worse would otherwise be wrong."""
    clip = a_clip(at_rest(10))
    good = score(clip, perfect(clip))
    bad = score(clip, without(shifted(perfect(clip), np.array([3.0, 4.0])), Fault(0, 3)))
    assert {key for key, column in COLUMNS.items() if column.worse(bad, good)} == {
        "tracked",
        "wait",
        "gap",
        "nme",
    }
    assert not any(column.worse(good, bad) for column in COLUMNS.values())
    assert [COLUMNS[key].text(bad) for key in ("tracked", "nme", "lag")] == ["70.0", "5.00", "-"]


def test_a_table_is_markdown() -> None:
    """The document's tables would otherwise not be drawn."""
    assert markdown(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |\n"
