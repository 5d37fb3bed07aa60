"""Films of real hands are scored without ground truth, and against a reference."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.errors import UsageError
from edgehands.evaluation.film_scores import score, total
from edgehands.evaluation.film_sheet import ContactSheet
from edgehands.evaluation.films import Film, SeenHand
from edgehands.evaluation.not_hands import is_none, read_not_hands
from edgehands.evaluation.values import ReportedHand, Run
from edgehands.hand import Handedness
from tests.hands import frame, open_hand
from tests.test_cli import one_line, run

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


Frames = list[tuple[SeenHand, ...]]


def points(x: float) -> NDArray[np.float64]:
    """An open hand, 100 pixels tall, around (x, 240)."""
    return (open_hand()[:, :2] * 100 + (x, 240)).astype(np.float64)


def ours(x: float, number: int, presence: float = 0.99, behind: float = 0.0) -> SeenHand:
    """A hand of edgehands', smoothed to some pixels further left."""
    smooth = points(x - behind)
    return SeenHand(points(x), Handedness.RIGHT, number, smooth, presence)


def theirs(x: float) -> ReportedHand:
    """A hand of MediaPipe's."""
    return ReportedHand(points(x), Handedness.RIGHT)


def test_a_film_is_marked_by_itself() -> None:
    """Without a reference one still sees lost ids, doubles, sudden leaps and lag."""
    frames: Frames = [(ours(100 + 5 * i, 1, behind=2.5),) for i in range(20)]
    frames[5] = ()  # a hole
    frames[8] += (ours(145, 2),)  # a double
    frames[12] = (ours(400, 1, presence=0.55),)  # a leap there and back
    marks, doubts = score(Run(tuple(frames), 2.0), 30.0)
    assert (marks.frames, marks.any, marks.two) == (20, 19, 1)
    assert (marks.tracks, marks.holes, marks.doubles, marks.flips) == (2, 1, 1, 0)
    assert marks.cpu_ms == 40.0
    assert {(doubt.frame, doubt.why) for doubt in doubts} == {
        (8, "two hands in one place"),
        (12, "presence 0.55"),
        (12, "leaps"),
        (13, "leaps"),
    }
    steady, _ = score(Run(tuple(f for f in frames if f)[:4] * 1, 2.0), 30.0)
    assert steady.lag[0] / steady.lag[1] == pytest.approx(0.5 / 30 * 1e3, rel=0.1)


def test_jitter_is_that_of_still_hands() -> None:
    """A hand that moves isn't restless; one that trembles in its place is."""
    rng = np.random.default_rng(1)
    calm = Run(tuple((ours(200, 1),) for _ in range(40)), 1.0)
    trembling = Run(
        tuple((ours(200 + float(x), 1),) for x in rng.normal(0, 0.5, 40)),
        1.0,
    )
    moving = Run(tuple((ours(100 + 10 * i, 1),) for i in range(40)), 1.0)
    assert score(calm, 30.0)[0].jitter_raw == (0.0, score(calm, 30.0)[0].jitter_raw[1])
    square, count = score(trembling, 30.0)[0].jitter_raw
    assert 0.005 < (square / count) ** 0.5 < 0.03
    assert score(moving, 30.0)[0].jitter_raw == (0.0, 0)


def test_marks_beside_a_reference() -> None:
    """What others see and this tracker doesn't, and what only this one sees, is counted."""
    reference = Run(tuple((theirs(200), theirs(400)) for _ in range(10)), 1.0)
    other = Run(tuple((theirs(201), theirs(401)) for _ in range(10)), 1.0)
    mine: Frames = [(ours(200, 1), ours(400, 2)) for _ in range(10)]
    mine[3] = (ours(200, 1),)  # missed
    mine[4] = (ours(200, 1), ours(20, 2))  # missed, and nobody else sees it
    mine[7:] = [(ours(200, 1), ours(400, 3))] * 3  # another id
    marks, doubts = score(Run(tuple(mine), 1.0), 30.0, (reference, other))
    assert (marks.reference, marks.found, marks.gaps, marks.alone) == (20, 18, 2, 1)
    assert marks.switches == 1
    assert {doubt.why for doubt in doubts if doubt.frame == 4} >= {"missed", "nobody else sees it"}
    both = total([marks, marks])
    assert (both.reference, both.gaps, both.frames) == (40, 4, 20)


def test_where_the_references_hand_is_none_nobody_misses_one(tmp_path: Path) -> None:
    """MediaPipe takes faces for hands: who doesn't must not seem to be the worse tracker."""
    table = tmp_path / "none.tsv"
    table.write_text("film\tfirst\tlast\tx\ty\n# a face\nclip\t2\t6\t0.63\t0.48\n")
    (place,) = read_not_hands(table)["clip"]
    size = (640, 480)

    def none(i: int, hand: ReportedHand) -> bool:
        return is_none((place,), i, hand, size)

    both = Run(tuple((theirs(200), theirs(400)) for _ in range(10)), 1.0)
    mine: Frames = [(ours(200, 1),)] * 8 + [(ours(200, 1), ours(400, 2))] * 2
    marks, _ = score(Run(tuple(mine), 1.0), 30.0, (both, both), none)
    assert (marks.reference, marks.found, marks.gaps, marks.no_hand) == (15, 12, 3, 0)
    its, _ = score(both, 30.0, (both, both), none)
    assert (its.found, its.no_hand) == (15, 5)


@pytest.mark.parametrize(
    "line", ["clip\t1\t2\t0.5", "clip\t5\t2\t0.5\t0.5", "clip\t1\t2\t1.5\t0.5", "\t1\t2\t0\t0"]
)
def test_a_place_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    """A slip in the table must not silently count a face as a missed hand."""
    table = tmp_path / "none.tsv"
    table.write_text(f"film\tfirst\tlast\tx\ty\n{line}\n")
    with pytest.raises(UsageError, match="line 2: not a place"):
        read_not_hands(table)


def test_places_need_a_reference(tmp_path: Path) -> None:
    """Without MediaPipe there is nothing to leave out: it must be said, not ignored."""
    done = run("eval", "--films", tmp_path, "--not-hands", tmp_path / "none.tsv")
    assert done.returncode == 2
    assert "add --mediapipe PYTHON" in one_line(done.stderr)


def film(path: Path, frames: int = 12) -> Path:
    """A film in which the fake backend follows a hand."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 480))
    for i in range(frames):
        writer.write(frame((150 + 10 * i, 200)))
    writer.release()
    return path


def test_anybodys_films_are_marked(tmp_path: Path) -> None:
    """Users with films of their own must see how well they are tracked, with one command."""
    film(tmp_path / "a.avi")
    film(tmp_path / "b.avi")
    (tmp_path / "c.mp4").write_bytes(b"nonsense")
    sheet = tmp_path / "sheet.png"
    words = ("eval", "--films", tmp_path, "--backend", "fake", "--sheet", sheet)
    done = run(*words, "--json")
    assert done.returncode == 0, done.stderr
    assert "c.mp4" in done.stderr
    report = json.loads(done.stdout)
    assert set(report["films"]) == {"a", "b"}
    marks = report["total"]["edgehands"]
    assert (marks["frames"], marks["any"], marks["tracks"]) == (24, 24, 2)
    assert "holes" not in marks
    for_people = run(*words).stdout
    assert "all together" in for_people
    assert "found %" not in for_people
    assert "…" not in for_people  # figures aren't cut off in a pipe of 80 columns either
    assert "24" in for_people.splitlines()[-1].split()


def test_a_folder_without_films_is_named(tmp_path: Path) -> None:
    """A wrong folder must be said in a line."""
    done = run("eval", "--films", tmp_path, "--backend", "fake")
    assert done.returncode == 2
    assert f"--films {tmp_path}: no film there" in one_line(done.stderr)


def test_the_sheet_shows_the_frames_in_doubt(tmp_path: Path) -> None:
    """A mark says that something is wrong; only the picture says what."""
    images = np.stack([frame((200, 240))] * 20)
    shown = Film("clip", 30.0, images, tmp_path / "film.npy")
    seen = Run(tuple((ours(200, 1, presence=0.6),) for _ in range(20)), 1.0)
    sheet = ContactSheet()
    sheet.add(shown, seen, score(seen, 30.0)[1])
    assert sheet.write(tmp_path / "sheet.png") == 8
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture is not None
    assert picture.shape == (2 * 260, 5 * 320, 3)
    assert ContactSheet().write(tmp_path / "none.png") == 0
