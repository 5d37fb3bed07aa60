"""Taught gestures: learned from a few examples, kept safely, unknown shapes refused."""

from __future__ import annotations

import json
import multiprocessing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands.errors import GestureError
from edgehands.gestures import (
    ExampleCollector,
    GestureLibrary,
    GesturesConfig,
    HandInterpreter,
    default_path,
    only_hand,
)
from edgehands.hand import Hand, Handedness
from edgehands.synthetic.anatomy import pose_skeleton
from edgehands.synthetic.poses import POSES, named_pose
from tests.gesture_hands import frame_of, hand_of, made_hand

if TYPE_CHECKING:
    from pathlib import Path


def people(
    shape: str, count: int, seed: int = 0, side: Handedness = Handedness.RIGHT
) -> list[Hand]:
    """Different people's ways of making a shape, seen from different sides."""
    rng = np.random.default_rng([seed, sum(shape.encode())])
    hands = []
    mirror = np.array([1.0 if side is Handedness.RIGHT else -1.0, 1.0, 1.0])
    for _ in range(count):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        turn *= np.sign(np.linalg.det(turn))
        joints = pose_skeleton(named_pose(shape, rng)).joints * mirror * rng.uniform(0.0008, 0.0012)
        hands.append(hand_of(joints @ turn.T + (0.0, 0.0, 0.7), side=side))
    return hands


@pytest.fixture
def library(tmp_path: Path) -> GestureLibrary:
    """An empty library."""
    return GestureLibrary(tmp_path / "taught.json")


def test_five_examples_teach_a_shape(library: GestureLibrary) -> None:
    """A sign shown five times must be recognised, with either hand and from any side."""
    for shape in ("rock", "call", "ok"):
        library.teach(f"my_{shape}", people(shape, 5))
    for shape in ("rock", "call", "ok"):
        for side in Handedness:
            seen = [library.test(h).gesture.name for h in people(shape, 20, seed=1, side=side)]
            assert seen.count(f"my_{shape}") >= 19


def test_shapes_that_were_not_taught_are_none(library: GestureLibrary) -> None:
    """An unknown sign must not be read as the nearest known one."""
    for shape in ("rock", "call", "ok"):
        library.teach(f"my_{shape}", people(shape, 5))
    for shape in ("fist", "victory", "open_palm"):
        matches = [library.test(hand) for hand in people(shape, 20, seed=1)]
        assert sum(m.gesture.name != "none" for m in matches) <= 1
        assert all(m.nearest.startswith("my_") for m in matches)


def test_what_is_taught_survives_a_restart(library: GestureLibrary) -> None:
    """Teaching is work; nobody wants to repeat it."""
    library.teach("my_rock", people("rock", 5))
    again = GestureLibrary(library.path)
    assert [g.name for g in again.list()] == ["my_rock"]
    assert again.test(people("rock", 1, seed=3)[0]).gesture.name == "my_rock"
    lines = library.path.read_text().splitlines()
    assert len(lines) == 9  # one line an example: a person can read it
    assert json.loads(library.path.read_text())["gestures"][0]["name"] == "my_rock"


def test_teaching_more_and_removing(library: GestureLibrary) -> None:
    """A sign that is missed gets more examples; one that isn't wanted goes."""
    library.teach("my_rock", people("rock", 3))
    with pytest.raises(GestureError, match='"my_rock" is taught already'):
        library.teach("my_rock", people("rock", 3))
    assert library.teach("my_rock", people("rock", 3, seed=2), more=True).examples == 6
    library.remove("my_rock")
    assert library.list() == ()
    assert library.test(people("rock", 1)[0]).gesture.name == "none"


def test_export_and_import_carry_gestures_over(library: GestureLibrary, tmp_path: Path) -> None:
    """One person teaches an alphabet, everybody uses it."""
    for shape in ("rock", "call"):
        library.teach(f"my_{shape}", people(shape, 4))
    assert library.export(tmp_path / "all.json") == ("my_call", "my_rock")
    assert library.export(tmp_path / "one.json", ["my_rock"]) == ("my_rock",)
    other = GestureLibrary(tmp_path / "other" / "taught.json")
    assert other.import_from(tmp_path / "all.json") == ("my_call", "my_rock")
    with pytest.raises(GestureError, match=r"my_rock of .* would replace"):
        other.import_from(tmp_path / "one.json")
    assert other.import_from(tmp_path / "one.json", replace=True) == ("my_rock",)
    assert [len(g.examples) for g in other.list()] == [4, 4]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("fist", "built in"),
        ("none", "built in"),
        ("", "1 to 32"),
        ("Ä", "1 to 32"),
        ("a/b", "1 to 32"),
        ("x" * 33, "1 to 32"),
    ],
)
def test_names_that_can_not_be_topics_or_mean_something_else_are_refused(
    library: GestureLibrary, name: str, problem: str
) -> None:
    """A gesture called like a built-in one, or like two topic levels, would confuse subscribers."""
    with pytest.raises(GestureError, match=problem):
        library.teach(name, people("rock", 5))
    assert not library.path.exists()


def test_too_few_examples_are_refused_and_change_nothing(library: GestureLibrary) -> None:
    """From one example nobody can tell what belongs to a shape."""
    library.teach("my_call", people("call", 3))
    before = library.path.read_bytes()
    with pytest.raises(GestureError, match=r'2 examples of "my_rock": give 3 to 50'):
        library.teach("my_rock", people("rock", 2))
    with pytest.raises(GestureError, match="51 examples"):
        library.teach("my_rock", people("rock", 51))
    assert library.path.read_bytes() == before


def test_an_example_of_another_shape_is_named(library: GestureLibrary) -> None:
    """A slip while teaching would make the gesture match half of everything."""
    examples = [*people("rock", 4), *people("open_palm", 1)]
    with pytest.raises(GestureError, match=r"example 5 of .* is another shape"):
        library.teach("my_rock", examples)
    assert library.list() == ()


def test_a_shape_that_is_nearly_another_is_said(library: GestureLibrary) -> None:
    """Teaching a shape twice under two names must be reported at once."""
    library.teach("first", people("rock", 5))
    assert library.teach("second", people("rock", 5, seed=4)).similar == "first"
    assert library.teach("third", people("call", 5)).similar == ""


def test_two_hands_while_teaching_are_refused() -> None:
    """The other hand's shape would be learned instead."""
    one = made_hand("rock")
    assert only_hand(frame_of((one,))) is one
    with pytest.raises(GestureError, match="2 hands in made, 1 is needed"):
        only_hand(frame_of((one, made_hand("fist", hand_id=2))))
    with pytest.raises(GestureError, match="0 hands in made"):
        only_hand(frame_of(()))


def test_unknown_names_say_what_there_is(library: GestureLibrary, tmp_path: Path) -> None:
    """A mistyped name is easily mended when the known ones are shown."""
    with pytest.raises(GestureError, match='no gesture "rok" is taught: there is nothing yet'):
        library.remove("rok")
    library.teach("my_rock", people("rock", 3))
    with pytest.raises(GestureError, match="there is my_rock"):
        library.export(tmp_path / "x.json", ["rok"])


HEAD = b'{"format": "edgehands taught gestures", "version": 1, "gestures": ['
DAMAGED = [
    b"",
    b"\x00\xff\x00",
    b'{"format": "edgehands taught gestures", "version": 1, "gestures": [{"name": "a"',
    b'{"format": "edgehands taught gestures", "version": 9, "gestures": []}',
    b'{"format": "something else", "version": 1, "gestures": []}',
    HEAD + b'{"name": "a", "taught": "2026-01-01", "examples": [[[0, 0, 0]]]}]}',
    HEAD + b'{"name": "fist", "taught": "2026-01-01", "examples": []}]}',
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_named_and_never_overwritten(tmp_path: Path, content: bytes) -> None:
    """What can still be recovered by hand must not be lost by the next teaching."""
    path = tmp_path / "taught.json"
    path.write_bytes(content)
    with pytest.raises(GestureError, match=r"taught\.json") as raised:
        GestureLibrary(path)
    assert "\n" not in str(raised.value)
    empty = GestureLibrary(path, load=False)
    for change in (
        lambda: empty.teach("my_rock", people("rock", 5)),
        lambda: empty.remove("a"),
    ):
        with pytest.raises(GestureError):
            change()
    assert path.read_bytes() == content


def test_a_full_disk_leaves_the_old_file(
    library: GestureLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card without room must not cost the gestures that are on it."""
    library.teach("my_rock", people("rock", 3))
    before = library.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(GestureError, match="No space left on device"):
        library.teach("my_call", people("call", 3))
    assert library.path.read_bytes() == before
    assert [p.name for p in library.path.parent.iterdir()] == [library.path.name]
    assert [g.name for g in library.list()] == ["my_rock"]


def _teach_one(path: Path, number: int) -> None:
    GestureLibrary(path, load=False).teach(f"sign{number}", people("rock", 3, seed=number))


def test_two_who_teach_at_once_lose_nothing(tmp_path: Path) -> None:
    """The command line and the service may both change the file."""
    path = tmp_path / "taught.json"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_teach_one, args=(path, n)) for n in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [g.name for g in GestureLibrary(path).list()] == [f"sign{n}" for n in range(6)]


def test_the_stream_learns_a_gesture_without_a_restart(tmp_path: Path) -> None:
    """Teaching from the command line works while the service runs."""
    path = tmp_path / "taught.json"
    interpreter = HandInterpreter(GesturesConfig(taught_file=str(path)))

    def published(start: float) -> str:
        for i in range(40):
            told = interpreter.interpret(frame_of((made_hand("rock"),), start + i / 30, i))
        gesture = told.frame_hands.hands[0].gesture
        return gesture.name if gesture else ""

    assert published(0.0) == "rock"
    GestureLibrary(path).teach("my_rock", people("rock", 5))
    assert published(2.0) == "my_rock"
    GestureLibrary(path).remove("my_rock")
    assert published(4.0) == "rock"


def test_a_damaged_file_does_not_stop_the_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The built-in gestures go on, and the log says once what is wrong."""
    path = tmp_path / "taught.json"
    path.write_bytes(b"{")
    interpreter = HandInterpreter(GesturesConfig(taught_file=str(path)))
    for i in range(90):
        told = interpreter.interpret(frame_of((made_hand("rock"),), i / 30, i))
    gesture = told.frame_hands.hands[0].gesture
    assert gesture is not None
    assert gesture.name == "rock"
    assert [r.levelname for r in caplog.records] == ["WARNING"]


def test_the_service_keeps_its_file_where_systemd_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hardened unit can write nowhere else."""
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/edgehands")
    assert str(default_path()) == "/var/lib/edgehands/taught_gestures.json"


def test_every_synthetic_shape_can_be_taught(library: GestureLibrary) -> None:
    """An alphabet has many letters; none may crowd out another."""
    shapes = [s for s in POSES if s not in {"relaxed", "thumbs_down"}]
    for shape in shapes:
        library.teach(f"t_{shape}", people(shape, 5))
    right = [
        library.test(hand).nearest == f"t_{shape}"
        for shape in shapes
        for hand in people(shape, 10, seed=7)
    ]
    assert np.mean(right) >= 0.95


def test_a_clip_gives_one_example_for_each_time_a_shape_is_held() -> None:
    """Five frames of one moment teach less than five ways of showing a sign."""
    collector = ExampleCollector(3)
    hands = people("rock", 3, seed=9)
    t = 0.0
    for hand in hands:
        for _ in range(20):
            collector.add(frame_of((hand,), t))
            t += 1 / 30
        for _ in range(5):
            collector.add(frame_of((made_hand("open_palm"), made_hand(hand_id=2)), t))
            t += 1 / 30
    assert collector.done
    assert list(collector.require_all()) == hands


def test_a_clip_with_two_hands_says_so() -> None:
    """Nobody knows which of two hands was meant."""
    collector = ExampleCollector(5)
    for i in range(30):
        step = collector.add(frame_of((made_hand("rock"), made_hand(hand_id=2)), i / 30))
    assert step.hint == "2 hands are seen: show one, the other away"
    with pytest.raises(
        GestureError, match=r"0 examples found, 5 are wanted .* 30 with more than one"
    ):
        collector.require_all()


def test_a_moving_hand_is_no_example() -> None:
    """A blurred shape between two others would be learned as the sign."""
    collector = ExampleCollector(5)
    for i in range(20):
        hand = made_hand("rock" if i % 2 else "open_palm")
        step = collector.add(frame_of((hand,), i / 30))
    assert step.count == 0
    assert step.hint == "hold the hand still"


def test_a_name_is_refused_before_anybody_shows_anything(library: GestureLibrary) -> None:
    """Hearing after the fifth example that the name is taken wastes the owner's time."""
    library.teach("my_rock", people("rock", 3))
    with pytest.raises(GestureError, match="taught already"):
        library.check("my_rock")
    library.check("my_rock", more=True)
    with pytest.raises(GestureError, match="built in"):
        library.check("victory")


def test_a_gesture_taught_elsewhere_is_known_within_a_second(library: GestureLibrary) -> None:
    """Who teaches on the command line while the service runs would have to restart it."""
    interpreter = HandInterpreter(GesturesConfig(taught_file=str(library.path)))
    hand = people("rock", 1, seed=3)[0]

    def shown(begin: float) -> str:
        seen = [interpreter.interpret(frame_of((hand,), begin + i / 30)) for i in range(15)]
        gesture = seen[-1].frame_hands.hands[0].gesture
        assert gesture is not None
        return gesture.name

    before = shown(0.0)
    library.teach("my_rock", people("rock", 5))
    assert shown(0.5) == before  # the file is looked at once a second
    assert shown(1.2) == "my_rock"
    assert not library.refresh()
    GestureLibrary(library.path).teach("my_call", people("call", 5))
    assert library.refresh()


def test_a_clip_that_shows_too_little_is_told_in_numbers() -> None:
    """Users who teach from a clip would not know what was wrong with it."""
    collector = ExampleCollector(wanted=3)
    hand = people("rock", 1)[0]
    for i, hands in enumerate([(), (hand,), (), (hand, hand), ()]):
        collector.add(frame_of(hands, i / 30))
    with pytest.raises(
        GestureError, match=r"0 examples found, 3 are wanted \(3 frames without a hand, 1 with"
    ):
        collector.require_all()
