"""The measures over labelled pictures, each against a second, independent computation."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.annotate.practice import TRUTH, write_practice
from edgehands.cameras.images import read_image
from edgehands.dataset import read
from edgehands.dataset.matching import pair_hands
from edgehands.dataset.models import ModelPair
from edgehands.evaluation import smoothing_choice
from edgehands.evaluation.candidates import PictureResult, look, reported
from edgehands.evaluation.curves import PCK_STEPS, area, average_precision, pck
from edgehands.evaluation.labelled import judge, palm_box, score, view_of
from edgehands.evaluation.thresholds import Thresholds, propose
from edgehands.hand import Handedness
from edgehands.synthetic import random_scene, render_scene
from tests.labelled_pictures import USUAL, candidate, picture, true_hand
from tools.common.datasets import points

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


MARGIN = 1e-6
"""What two ways of adding floats may differ by."""


def made(seed: int, count: int = 40) -> list[PictureResult]:
    """Pictures with up to two hands, noisy reports, misses and false hands."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        hands, candidates = [], []
        for i in range(int(rng.integers(0, 3))):
            xy = points(30 + 300 * i, 60 + 80 * rng.random(), 90 + 60 * rng.random())
            hidden = rng.random(21) < 0.2
            hands.append(true_hand(xy, visible=~hidden, side=Handedness(("left", "right")[i])))
            if rng.random() < 0.8:
                noise = rng.normal(0, rng.uniform(0.5, 8), (21, 2))
                side = Handedness(("left", "right")[int(rng.integers(2))])
                candidates.append(candidate(xy + noise, rng.random(), rng.random(), side))
        if rng.random() < 0.3:
            candidates.append(candidate(points(250, 300, 80), 0.7 * rng.random(), rng.random()))
        found.append(picture(hands, candidates))
    return found


def test_pck_and_its_area_are_scikit_learns() -> None:
    """Without it: the curve on the report page might be wrong."""
    metrics = pytest.importorskip("sklearn.metrics")
    errors = np.abs(np.random.default_rng(1).normal(0, 0.15, 500))
    errors[:40] = np.inf
    curve = pck(errors)
    for i, step in enumerate(PCK_STEPS):
        assert curve[i] == pytest.approx(metrics.accuracy_score(np.ones(500), errors <= step))
    assert area(curve) == pytest.approx(metrics.auc(PCK_STEPS, curve) / 0.5, abs=MARGIN)


def test_scores_are_scikit_learns() -> None:
    """Without it: recall, precision, side and squared error could be wrong by any factor."""
    metrics = pytest.importorskip("sklearn.metrics")
    pictures = made(2)
    judged = [judge(p, 0.3, 2) for p in pictures]
    got = score(judged)
    truth: list[int] = []
    said: list[int] = []
    sides: list[tuple[str, str]] = []
    squares: list[float] = []
    errors: list[float] = []
    for p in pictures:
        reports = reported(p.candidates, USUAL, 0.3, 2)
        # The plain way: the nearest within half a palm, hands being far apart here.
        free = list(range(len(reports)))
        for hand in p.image.hands:
            palm = np.hypot(*(hand.points[9] - hand.points[0]))
            off = {
                j: float(np.hypot(*(reports[j].points - hand.points).T).mean() / palm) for j in free
            }
            best = min(off, key=lambda j: off[j]) if off else None
            hit = best is not None and off[best] < 0.5
            truth.append(1)
            said.append(int(hit))
            if hit and best is not None:
                free.remove(best)
                errors.append(off[best])
                sides.append((hand.handedness.value, reports[best].handedness.value))
        truth += [0] * len(free)
        said += [1] * len(free)
    assert got.recall == pytest.approx(metrics.recall_score(truth, said), abs=MARGIN)
    assert got.precision == pytest.approx(metrics.precision_score(truth, said), abs=MARGIN)
    assert got.handedness == pytest.approx(metrics.accuracy_score(*zip(*sides, strict=True)))
    assert got.nme == pytest.approx(np.mean(errors), abs=MARGIN)
    assert got.nme_p95 == pytest.approx(np.percentile(errors, 95), abs=MARGIN)
    rng = np.random.default_rng(5)
    xy = points(100, 100, 120)
    reading = xy + rng.normal(0, 4, (21, 2))
    one = picture([true_hand(xy)], [candidate(xy)])
    moved = PictureResult(one.image, one.candidates, one.usual, (reading,), one.light)
    palm = np.hypot(*(xy[9] - xy[0]))
    squares.append(2 * metrics.mean_squared_error(xy / palm, reading / palm))
    assert score([judge(moved, 0.5, 2)]).landmark_mse == pytest.approx(squares[0], abs=MARGIN)


def coco_ap(pictures: list[PictureResult]) -> float:
    """AP at IoU 0.5 by pycocotools."""
    coco_module = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")

    def wide(box: NDArray[np.float64]) -> list[float]:
        return [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]

    truths: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for i, p in enumerate(pictures, 1):
        for hand in p.image.hands:
            box = wide(palm_box(hand.points))
            truths.append(
                {"id": len(truths) + 1, "image_id": i, "category_id": 1, "bbox": box}
                | {"area": box[2] * box[3], "iscrowd": 0}
            )
        found += [
            {"image_id": i, "category_id": 1, "bbox": wide(c.palm_box), "score": c.palm_score}
            for c in p.candidates
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_module.COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(1, len(pictures) + 1)],
            "categories": [{"id": 1, "name": "palm"}],
            "annotations": truths,
        }
        truth.createIndex()
        run = evaluation.COCOeval(truth, truth.loadRes(found), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[1])


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_average_precision_is_pycocotools(seed: int) -> None:
    """Without it: our palm AP couldn't be set beside the paper's."""
    pictures = made(seed, 60)
    got = score([judge(p, 0.5, 2) for p in pictures]).palm_ap50
    assert got == pytest.approx(coco_ap(pictures), abs=1e-4)


def test_average_precision_at_its_ends() -> None:
    """Without it: a set without hands, or without detections, would be a division by zero."""
    box = np.array([[10.0, 10.0, 60.0, 60.0]])
    none = np.empty((0, 4))
    assert average_precision([box], [box], [np.ones(1)]) == pytest.approx(1.0)
    assert average_precision([box], [none], [np.empty(0)]) == 0.0
    assert average_precision([none], [box], [np.ones(1)]) is None


def test_a_known_error_of_drawn_hands_is_measured(tmp_path: Path) -> None:
    """Without it: the whole way from a drawn picture to the figure could be off by a factor."""
    write_practice(tmp_path / "set", 3)
    for image in read(tmp_path / "set", TRUTH):
        (hand,) = image.hands
        said = np.array(image.frame.hands[0].landmarks)[:, :2]
        one = candidate(said, side=hand.handedness)
        found = PictureResult(image, (one,), (one,), (said,), (100.0,))
        got = score([judge(found, 0.5, 2)])
        expected = float((np.hypot(*(said - hand.points).T) / hand.palm_size)[hand.inside].mean())
        assert got.nme == pytest.approx(expected, abs=MARGIN)
        assert expected == pytest.approx(0.05, abs=0.005)


def test_misses_and_false_hands_are_counted_and_hands_out_of_the_picture_are_not() -> None:
    """Without it: half a hand at the edge would count as a miss, and finding it as a fancy."""
    here, edge, away = points(50), points(400), points(50, 330, 80)
    mostly_out = np.arange(21) < 10
    p = picture(
        [true_hand(here), true_hand(edge, inside=mostly_out)],
        [candidate(edge, 0.9), candidate(away, 0.8)],
    )
    got = score([judge(p, 0.5, 3)])
    assert (got.hands, got.found, got.missed, got.false_hands) == (1, 0, 1, 1)
    assert got.auc == 0.0
    assert got.nme is None
    empty = score([judge(picture([], []), 0.5, 2)])
    assert (empty.recall, empty.precision, empty.palm_ap50) == (None, None, None)


def test_depth_is_measured_where_it_was_measured_only() -> None:
    """Without it: fitted depths would be compared with the model's as if they were the truth."""
    xy = points(100, 100, 120)
    z = np.linspace(0, 40, 21)
    z[4] = np.nan
    p = picture([true_hand(xy, z=z)], [candidate(xy)])
    assert score([judge(p, 0.5, 2)]).z_mm == pytest.approx(np.nanmean(z))
    assert score([judge(picture([true_hand(xy)], [candidate(xy)]), 0.5, 2)]).z_mm is None


def test_views_are_told_apart() -> None:
    """Without it: errors of palms and backs would be mixed up."""
    for seed in range(4):
        for view in ("palm", "back"):
            scene = random_scene(seed, view=view, gesture="open_palm")
            (hand,) = render_scene(scene).truth.hands
            told = view_of(true_hand(hand.mediapipe.image, side=hand.handedness))
            assert told in (view, "edge"), (seed, view, told)


def test_hands_are_paired_by_the_least_sum_also_where_there_are_many() -> None:
    """Without it: two hands that overlap would be paired crosswise; a crowd would take hours."""
    crowd = [points(80 * i, 0, 60) for i in range(12)]
    shuffled = [crowd[i] for i in (3, 1, 2, 0, 5, 4, 7, 6, 9, 8, 11, 10)]
    inside = [np.ones(21, bool)] * 12
    pairs = pair_hands(crowd, inside, shuffled)
    assert [j for _, j in pairs] == [3, 1, 2, 0, 5, 4, 7, 6, 9, 8, 11, 10]
    assert pair_hands(crowd[:2], inside[:2], crowd[1:2]) == [(1, 0)]


def test_what_would_be_reported_is_what_the_tracker_reports(tmp_path: Path) -> None:
    """Without it: proposed thresholds would be for another tracker than the one that runs."""
    write_practice(tmp_path / "set", 3)
    config = TrackingConfig(static_image=True, model="lite", num_threads=1)
    images = list(read(tmp_path / "set", TRUTH))
    with ModelPair(config) as pair, HandTracker(config) as tracker:
        for image in images:
            hands = tracker.process(read_image(image.path))
            told = reported(look(pair, image, 0.5).usual, 0.0, 0.5, 2)
            assert len(told) == len(hands)
            for one, other in zip(told, hands, strict=True):
                np.testing.assert_array_equal(one.points, other.landmarks[:, :2].astype(float))


def test_thresholds_are_proposed_where_they_gain() -> None:
    """Without it: a camera whose hands are all faint would stay at thresholds that lose them."""
    xy = points(100, 100, 120)
    faint = [picture([true_hand(xy)], [candidate(xy, 0.9, 0.38)]) for _ in range(30)]
    now = Thresholds(palm_score=0.5, presence=0.5)
    told = propose(faint, now, 2)
    assert told.gains
    assert (told.after.palm_score, told.after.presence) == (0.5, 0.35)
    assert told.outcome_after.f1 == 1.0 > told.outcome_before.f1
    fancies = [picture([], [candidate(xy, 0.55, 0.9)]) for _ in range(30)]
    assert propose([*fancies, *faint], now, 2).after.palm_score > 0.55


def test_nothing_is_proposed_where_nothing_gains() -> None:
    """Without it: thresholds would follow the noise of thirty pictures."""
    xy = points(100, 100, 120)
    now = Thresholds(palm_score=0.5, presence=0.5)
    good = [picture([true_hand(xy)], [candidate(xy)]) for _ in range(30)]
    assert not propose(good, now, 2).gains
    few = [picture([true_hand(xy)], [candidate(xy, 0.9, 0.38)]) for _ in range(10)]
    assert "too few" in propose(few, now, 2).why
    # One odd picture in one fold says nothing about the others.
    odd = [*good[:29], picture([true_hand(xy)], [candidate(xy, 0.9, 0.38)])]
    told = propose(odd, now, 2)
    assert not told.gains or told.folds_gained > told.folds_lost


class Lagging:
    """A tracker whose smoothed points are behind the truth."""

    def __init__(self, config: TrackingConfig) -> None:
        self.lag = 12.0 if config.smoothing else 1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to let go of."""

    def reset(self) -> None:
        """Nothing is remembered."""

    def process(self, _image: object, _t: float) -> list[Any]:
        """One hand, behind."""
        return [SimpleNamespace(landmarks=points(100 - self.lag).astype(np.float32))]


@pytest.mark.parametrize(("step", "off"), [(0.1, True), (1.0, False)])
def test_smoothing_is_switched_off_where_it_only_lags(
    monkeypatch: pytest.MonkeyPatch, step: float, off: bool
) -> None:
    """Without it: a slow camera's hands would trail behind, or be judged by unrelated pictures."""
    monkeypatch.setattr(smoothing_choice, "HandTracker", Lagging)
    monkeypatch.setattr(smoothing_choice, "read_image", lambda _path: None)
    images = []
    for i in range(30):
        one = picture([true_hand(points(100))], []).image
        frame = msgspec.structs.replace(one.frame, t_mono=i * step)
        images.append(replace(one, frame=frame))
    told = smoothing_choice.choose_smoothing(images, TrackingConfig())
    assert told.after is not off
    assert ("tremble" if off else "can't be judged") in told.why
    kept = smoothing_choice.choose_smoothing(images, TrackingConfig(smoothing=False))
    assert kept.after is False
