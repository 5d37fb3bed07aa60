"""What a labelled folder is good for: agreement of annotators, taught gestures, the commands."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgehands.annotate.practice import TRUTH, true_hand
from edgehands.cli import main
from edgehands.config import TrackingConfig
from edgehands.dataset import read
from edgehands.dataset.agreement import agreements
from edgehands.dataset.annotations import AnnotationStore
from edgehands.dataset.files import read_frames
from edgehands.dataset.format import Dataset
from edgehands.dataset.teaching import labelled_examples
from edgehands.dataset.writing import DatasetWriter
from edgehands.errors import DatasetError, GestureError
from edgehands.gestures.library import GestureLibrary
from edgehands.hand import Frame
from edgehands.synthetic import random_scene, render_scene
from tools.common.datasets import annotate_all, annotated, make_folder, points, reported


def test_annotators_are_compared(tmp_path: Path) -> None:
    """Without it: an error of 2 % would look bad where two people differ by 3 %."""
    folder = tmp_path / "set"
    make_folder(folder, [[reported()], [reported()], [reported()], []])
    annotate_all(folder, [[annotated()], [annotated()], [annotated()], []], "anna")
    palm = float(np.hypot(*(points()[9] - points()[0])))
    moved = points(100 + 0.03 * palm)
    moved[8] += (0.5 * palm, 0)
    states = ["occluded"] * 21
    store = AnnotationStore(folder, "ben")
    frames = read_frames(folder)
    store.save(frames[0], [annotated(moved, states=states)], revision=0)
    store.save(frames[1], [annotated(handedness="left"), annotated(points(10, 10))], revision=0)
    store.save(frames[2], [], revision=0, complete=False)
    (found,) = agreements(folder)
    assert (found.one, found.other, found.pictures, found.hands) == ("anna", "ben", 2, 2)
    assert (found.only_one, found.only_other) == (0, 1)
    assert found.distance == pytest.approx((0.03 * 20 + 0.53) / 21 / 2, rel=0.01)
    assert (found.worst_point, found.same_side, found.same_state) == (8, 0.5, 0.5)


def test_one_annotator_cannot_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it: a single annotator would be told that all agree."""
    folder = tmp_path / "set"
    make_folder(folder, [[reported()]])
    annotate_all(folder, [[annotated()]], "anna")
    with pytest.raises(DatasetError, match="two are needed"):
        agreements(folder)
    annotate_all(folder, [[annotated()]], "ben")
    monkeypatch.setattr("sys.argv", ["edgehands", "annotate", str(folder), "--agreement", "--json"])
    with pytest.raises(SystemExit):
        main()
    (said,) = json.loads(capsys.readouterr().out)
    assert said["distance"] == 0.0


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five drawn hands of one shape and one of another, labelled with their names."""
    folder = tmp_path_factory.mktemp("drawn") / "set"
    with DatasetWriter(folder, Dataset()) as writer:
        store = AnnotationStore(folder, TRUTH)
        for i in range(5):
            name = "rock" if i < 4 else "fist"
            picture = render_scene(random_scene(40 + i, gesture=name, view="palm"))
            (hand,) = picture.truth.hands
            frame = writer.add(Frame(picture.image, i, i / 2, float(i)))
            store.save(frame, [true_hand(hand, 640, 480)], revision=0)
    return folder


def test_a_gesture_is_taught_from_a_folder(drawn: Path, tmp_path: Path) -> None:
    """Without it: corrected hands would be of no use to the gestures of one's own."""
    hands = labelled_examples(drawn, "rock", TrackingConfig(model="lite"))
    assert 3 <= len(hands) <= 4
    library = GestureLibrary(tmp_path / "taught.json")
    taught = library.teach("my_rock", hands)
    assert taught.examples == len(hands)
    assert library.test(hands[0]).gesture.name == "my_rock"
    with pytest.raises(GestureError, match="named are fist, rock"):
        labelled_examples(drawn, "horns", TrackingConfig(model="lite"))


def test_models_are_taught_from_a_folder(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: corrected hands would be of no use to the models."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "scripts")
    labelled = importlib.import_module("train_models.labelled")
    found = labelled.squares([drawn])
    assert len(found) == 5
    assert {square.source for square in found} == {"labelled:set"}
    for square, image in zip(found, read(drawn), strict=True):
        low, high = image.hands[0].points.min(axis=0), image.hands[0].points.max(axis=0)
        middle = (low + high) / 2
        assert np.hypot(square.cx - middle[0], square.cy - middle[1]) < 0.3 * square.size
        assert square.size > (high - low).max()
        assert square.path == str(image.path)


def test_the_report_and_the_proposal_come_from_the_command(
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without it: the guide's lines would not work as they stand there."""
    folder = tmp_path / "set"
    shutil.copytree(drawn, folder)
    (folder / "images" / "000005.jpg").write_bytes(b"\xff\xd8damaged")
    report, config = tmp_path / "report.html", tmp_path / "edgehands.toml"
    line = f"eval --data {folder} --models lite --json --report {report} --propose --write {config}"
    monkeypatch.setattr("sys.argv", ["edgehands", *line.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    printed = capsys.readouterr()
    assert "000005.jpg" in printed.err
    said = json.loads(printed.out)
    assert said["models"]["lite"]["hands"] == 4
    assert "too few" in said["proposal"]["why"]
    assert not config.exists()
    page = report.read_text()
    assert page.count("<svg") >= 6
    assert "<script" not in page
    assert report.stat().st_mode & 0o077 == 0


def test_a_folder_goes_to_another_tool_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it: the guide's lines for CVAT and Label Studio would not work."""
    folder, file, back = tmp_path / "set", tmp_path / "hands.json", tmp_path / "back"
    make_folder(folder, [[reported()], []])
    annotate_all(folder, [[annotated()], []])
    for line in (
        f"convert {folder} {file}",
        f"convert {file} {back} --images {folder / 'images'} --annotator cvat",
    ):
        monkeypatch.setattr("sys.argv", ["edgehands", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err
    assert [len(image.hands) for image in read(back, "cvat")] == [1, 0]
    monkeypatch.setattr("sys.argv", ["edgehands", "convert", str(folder), "x", "--format", "rhd"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
