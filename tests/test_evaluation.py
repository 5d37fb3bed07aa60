"""The benchmark as a whole: pictures drawn once, trackers shown them, figures printed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands import TrackingConfig
from edgehands.evaluation.clips import FilmScript, load_clips
from edgehands.evaluation.metrics import score
from edgehands.evaluation.runner import TrackerUnderTest
from edgehands.evaluation.stills import TONES, StillsScript, load_stills, verdict
from edgehands.evaluation.store import digest
from edgehands.evaluation.values import ReportedHand
from edgehands.hand import Handedness
from edgehands.synthetic import CLIPS, GESTURES, plan, render_scene

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgehands.synthetic import Scene

NAME = "slow_15fps"  # the fewest frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this module's pictures are kept."""
    return tmp_path_factory.mktemp("suite")


def edgehands(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-c", "from edgehands.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_a_clip_is_drawn_once_and_holds_what_the_film_shows(folder: Path) -> None:
    """Trackers would otherwise be compared on different frames, or by another frame's truth."""
    said: list[tuple[str, int, int]] = []
    (clip,) = load_clips(
        [NAME], quick=True, folder=folder, progress=lambda *words: said.append(words)
    )
    assert said[-1] == (f"{NAME}-1", 22, 22)
    assert len(clip) == len(clip.images) == 22
    film = plan(NAME)
    picture = render_scene(film.scene_at(17))
    assert np.array_equal(clip.images[17], picture.image)
    truth = picture.truth.hands[0]
    np.testing.assert_allclose(clip.points[17, 0], truth.mediapipe.image, atol=1e-3)
    assert clip.sides == (truth.handedness,)
    assert clip.palms[17, 0] == pytest.approx(truth.palm_size, abs=1e-3)
    assert clip.shown[17, 0] == pytest.approx(truth.shown, abs=1e-3)
    said.clear()
    (again,) = load_clips(
        [NAME], quick=True, folder=folder, progress=lambda *words: said.append(words)
    )
    assert said == []
    assert np.array_equal(again.images, clip.images)
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".npy"]


def test_a_change_of_the_script_is_another_file() -> None:
    """Old pictures would otherwise be measured after the generator has changed."""
    script = StillsScript("fair", 4)

    class Changed(StillsScript):
        def scenes(self, first: int, count: int) -> list[Scene]:
            return [replace(scene, t=1e-9) for scene in super().scenes(first, count)]

    assert digest(script) == digest(StillsScript("fair", 4))
    assert digest(script) != digest(StillsScript("fair", 4, seed=2))
    assert digest(script) != digest(Changed("fair", 4))
    assert FilmScript(NAME, 1).name != FilmScript(NAME, 2).name


def test_the_shipped_tracker_follows_the_hand(folder: Path) -> None:
    """The benchmark would otherwise measure something that nobody runs."""
    (clip,) = load_clips([NAME], quick=True, folder=folder)
    with TrackerUnderTest(TrackingConfig(model="lite", num_threads=1)) as tracker:
        first, second = tracker.run(clip), tracker.run(clip)
    marks = score(clip, first)
    assert marks.tracked_share == 1.0
    assert marks.id_switches == marks.false_hands == marks.handedness_errors == 0
    assert marks.nme is not None
    assert marks.nme < 0.1
    assert marks.cpu_ms > 0
    for one, other in zip(first.frames, second.frames, strict=True):
        assert [h.points.tolist() for h in one] == [h.points.tolist() for h in other]


def test_eval_prints_marks_for_programs_and_for_people(folder: Path) -> None:
    """Otherwise nobody could tell whether a change of the tracker improved it."""
    words = ["eval", "--clips", NAME, "--quick", "--model", "lite", "--folder", str(folder)]
    run = edgehands(*words, "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["clips"][NAME]["frames"] == report["total"]["visible"] == 22
    assert report["total"]["id_switches"] == 0
    assert (report["model"], report["quick"], report["seed"]) == ("lite", True, 1)
    run = edgehands(*words)
    assert run.returncode == 0, run.stderr
    assert "tracked" in run.stdout
    assert NAME in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= 80


def test_eval_names_its_clips() -> None:
    """Nobody could choose a clip otherwise."""
    listed = edgehands("eval", "--list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == list(CLIPS)


def test_an_unknown_clip_is_a_line_that_names_the_known_ones() -> None:
    """A typing error would otherwise end in a traceback or in an empty table."""
    run = edgehands("eval", "--clips", "slow,nosuch")
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "nosuch" in run.stderr
    assert NAME in run.stderr


def test_stills_show_every_shape_tone_and_view() -> None:
    """A shape or a skin tone that isn't found would otherwise not be noticed."""
    script = StillsScript("fair", 300)
    labels = [script.label(i) for i in range(script.frames)]
    assert {(label.gesture, label.view) for label in labels} == {
        (gesture, view) for gesture in GESTURES for view in ("palm", "back")
    }
    assert {(label.gesture, label.tone) for label in labels} == {
        (gesture, tone) for gesture in GESTURES for tone in TONES
    }
    for i in (3, 47, 200):
        (scene,) = script.scenes(i, 1)
        hand = scene.hands[0]
        assert hand.gesture == labels[i].gesture
        low = 9 / len(TONES) * TONES.index(labels[i].tone)
        assert low <= hand.skin.tone <= low + 9 / len(TONES)
    assert all(not scene.hands for scene in StillsScript("empty", 6).scenes(0, 6))


def test_a_verdict_tells_found_missed_wrong_side_and_false(folder: Path) -> None:
    """The table of stills would otherwise count something else."""
    scripts = [StillsScript("fair", 2), StillsScript("empty", 2)]
    fair, empty = load_stills(scripts, folder)
    points = np.array(fair.truths[0].points[0])
    side = Handedness(fair.truths[0].sides[0])
    other = next(s for s in Handedness if s is not side)

    def told(hands: Sequence[ReportedHand]) -> tuple[float | None, bool, int]:
        made = verdict(fair, 0, hands)
        return made.error, made.side is made.true_side, made.false_hands

    assert told([]) == (None, False, 0)
    assert told([ReportedHand(points, side)]) == (0.0, True, 0)
    assert told([ReportedHand(points, other)]) == (0.0, False, 0)
    assert told([ReportedHand(points + 400, side)]) == (None, False, 1)
    assert verdict(empty, 0, [ReportedHand(points, side)]).false_hands == 1
    assert verdict(empty, 0, []).false_hands == 0
