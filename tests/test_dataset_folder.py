"""The folder of labelled pictures: nothing is lost, nothing is overwritten, bad input is named."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import jsonschema
import numpy as np
import pytest

from edgehands.dataset import read
from edgehands.dataset.annotations import AnnotationStore, Outdated
from edgehands.dataset.files import FRAMES, HEADER, read_frames, read_header
from edgehands.dataset.format import Dataset
from edgehands.dataset.schema import dataset_schemas
from edgehands.dataset.writing import DatasetWriter
from edgehands.errors import DatasetError
from edgehands.hand import Frame
from tools.common.datasets import (
    annotate_all,
    annotated,
    listed,
    make_folder,
    picture,
    points,
    reported,
)

if TYPE_CHECKING:
    from pathlib import Path


def frame(seq: int = 0) -> Frame:
    return Frame(picture(seq), seq, seq / 10, 1000.0 + seq)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Without it: a recorded hand would come back changed."""
    frames = make_folder(tmp_path / "set", [[reported()], [], [reported(), reported(id=2)]])
    assert [len(f.hands) for f in frames] == [1, 0, 2]
    assert frames[0].hands[0].landmarks[8][:2] == tuple(points()[8])
    assert [f.file for f in frames] == [f"images/00000{n}.jpg" for n in (1, 2, 3)]
    assert all((tmp_path / "set" / f.file).is_file() for f in frames)


def test_only_the_owner_can_look_into_the_folder(tmp_path: Path) -> None:
    """Without it: other users of the machine could see the pictures."""
    make_folder(tmp_path / "set", [[reported()]])
    annotate_all(tmp_path / "set", [[annotated()]])
    for path in [tmp_path / "set", *(tmp_path / "set").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_files_are_what_the_published_schemas_say(tmp_path: Path) -> None:
    """Without it: a program written after the schema couldn't read a folder."""
    folder = tmp_path / "set"
    make_folder(folder, [[reported()], []])
    annotate_all(
        folder,
        [
            [
                annotated(
                    z_mm=[0.0, None] + [5.0] * 19, z_from=["depth", "absent"] + ["fitted"] * 19
                )
            ],
            [],
        ],
    )
    schemas = {name: json.loads(text) for name, text in dataset_schemas().items()}
    jsonschema.validate(json.loads((folder / HEADER).read_text()), schemas["dataset"])
    for line in (folder / FRAMES).read_text().splitlines():
        jsonschema.validate(json.loads(line), schemas["datasetFrame"])
    for path in (folder / "annotations").rglob("*.json"):
        jsonschema.validate(json.loads(path.read_text()), schemas["annotation"])
    short = {"handedness": "left", "points": [[1, 2]] * 20, "states": ["visible"] * 21}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {"image": "images/000001.jpg", "annotator": "a", "hands": [short]},
            schemas["annotation"],
        )


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_a_line_cut_off_by_a_power_cut_costs_that_picture_only(tmp_path: Path, cut: int) -> None:
    """Without it: one pulled plug would make a whole recording unreadable."""
    folder = tmp_path / "set"
    make_folder(folder, [[reported()], [reported()], [reported()]])
    with (folder / FRAMES).open("r+b") as file:
        file.truncate((folder / FRAMES).stat().st_size - cut)
    assert len(read_frames(folder)) == 2
    with DatasetWriter(folder, Dataset()) as writer:
        assert writer.add(frame(9), [reported()]).file == "images/000003.jpg"
    assert [f.seq for f in read_frames(folder)] == [0, 1, 9]


def test_a_recording_is_continued_and_never_mixed_with_other_files(tmp_path: Path) -> None:
    """Without it: a second run would overwrite the first, or litter a folder of holiday photos."""
    make_folder(tmp_path / "set", [[reported()]])
    make_folder(tmp_path / "set", [[reported()]])
    assert [f.file for f in read_frames(tmp_path / "set")] == [
        "images/000001.jpg",
        "images/000002.jpg",
    ]
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "beach.jpg").write_bytes(b"x")
    with pytest.raises(DatasetError, match="not empty, and no data set"):
        DatasetWriter(photos, Dataset())
    assert [p.name for p in photos.iterdir()] == ["beach.jpg"]
    with pytest.raises(DatasetError, match="--faces"):
        DatasetWriter(tmp_path / "set", Dataset(faces="blurred"))


def test_two_recordings_into_one_folder_are_refused(tmp_path: Path) -> None:
    """Without it: two processes would give two pictures one number."""
    with (
        DatasetWriter(tmp_path / "set", Dataset()),
        pytest.raises(DatasetError, match="another process"),
    ):
        DatasetWriter(tmp_path / "set", Dataset())


def test_a_full_disk_keeps_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: the line of a picture that found no room would damage the whole list."""
    folder = tmp_path / "set"
    with DatasetWriter(folder, Dataset()) as writer:
        writer.add(frame(0), [reported()])
        before = (folder / FRAMES).read_bytes()
        whole = os.write

        def full(handle: int, data: bytes) -> int:
            whole(handle, data[:50])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(DatasetError, match=r"No space left .* after 1 pictures"):
            writer.add(frame(1), [reported()])
        assert (folder / FRAMES).read_bytes() == before
        monkeypatch.undo()
        writer.add(frame(2), [reported()])
    assert [f.seq for f in read_frames(folder)] == [0, 2]


def test_annotations_are_read_as_arrays(tmp_path: Path) -> None:
    """Without it: a training program would see other points than the annotator set."""
    folder = tmp_path / "set"
    make_folder(folder, [[reported()], [], []])
    states = ["occluded", "outside"] + ["visible"] * 19
    store = AnnotationStore(folder, "anna")
    frames = read_frames(folder)
    store.save(frames[0], [annotated(states=states, handedness="left")], revision=0, seconds=3.0)
    store.save(frames[2], [], revision=0, seconds=1.0)
    first, last = read(folder)
    assert (first.path, first.annotator) == (folder / "images/000001.jpg", "anna")
    (hand,) = first.hands
    np.testing.assert_allclose(hand.points, points())
    assert hand.handedness.value == "left"
    assert hand.visible.tolist() == [False, False] + [True] * 19
    assert hand.inside.tolist() == [True, False] + [True] * 19
    assert np.isnan(hand.z_mm).all()
    assert last.hands == ()


def test_an_answer_is_not_written_over_a_newer_one(tmp_path: Path) -> None:
    """Without it: a forgotten second window would undo an hour's work."""
    (shown,) = make_folder(tmp_path / "set", [[reported()]])
    store = AnnotationStore(tmp_path / "set", "anna")
    store.save(shown, [annotated()], revision=0, seconds=1.0)
    with pytest.raises(Outdated, match="saved elsewhere"):
        store.save(shown, [], revision=0, seconds=1.0)
    assert len((store.read(shown.file) or pytest.fail("nothing kept")).hands) == 1
    assert store.save(shown, [], revision=1, seconds=2.0).revision == 2


def test_two_annotators_of_one_picture_keep_their_own_answers(tmp_path: Path) -> None:
    """Without it: the second annotator's points would replace the first one's."""
    folder = tmp_path / "set"
    make_folder(folder, [[reported()], []])
    annotate_all(folder, [[annotated()], []], "anna")
    AnnotationStore(folder, "ben").save(
        read_frames(folder)[0], [annotated(points(120))], revision=0, seconds=1.0
    )
    assert [image.annotator for image in read(folder)] == ["anna", "anna"]
    (bens,) = read(folder, "ben")
    np.testing.assert_allclose(bens.hands[0].points, points(120))
    with pytest.raises(DatasetError, match="nobody called eve annotated it: give one of anna, ben"):
        read(folder, "eve")


def test_a_full_disk_leaves_the_answer_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it: saving on a full disk would empty what was saved before."""
    (shown,) = make_folder(tmp_path / "set", [[reported()]])
    store = AnnotationStore(tmp_path / "set", "anna")
    store.save(shown, [annotated()], revision=0, seconds=1.0)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DatasetError, match="No space left"):
        store.save(shown, [], revision=1, seconds=2.0)
    monkeypatch.undo()
    kept = store.read(shown.file)
    assert kept is not None
    assert (kept.revision, len(kept.hands)) == (1, 1)
    assert [p.name for p in (tmp_path / "set" / "annotations" / "anna").iterdir()] == [
        "000001.json"
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 2, this edgehands reads version 1"),
        ({"hands": [{"points": [[1, 2]] * 20}]}, "21 points"),
        ({"image": "images/000002.jpg"}, "was it renamed"),
        ({"image": "../secret.jpg"}, "not what the format asks for"),
        ({"hands": "none"}, "not what the format asks for"),
    ],
)
def test_an_annotation_that_makes_no_sense_is_named(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    """Without it: a hand-edited file would be taken for something else, or be a traceback."""
    folder = tmp_path / "set"
    (shown,) = make_folder(folder, [[reported()]])
    annotate_all(folder, [[annotated()]])
    path = folder / "annotations" / "anna" / "000001.json"
    value = json.loads(path.read_text())
    for key, new in change.items():
        if key == "hands" and isinstance(new, list):
            value["hands"][0].update(new[0])
        else:
            value[key] = new
    path.write_text(json.dumps(value))
    before = path.read_bytes()
    with pytest.raises(DatasetError, match=said) as error:
        list(read(folder))
    assert str(path) in str(error.value)
    with pytest.raises(DatasetError, match=said):
        AnnotationStore(folder, "anna").save(shown, [], revision=1, seconds=0.0)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("place", "state", "said"),
    [
        ((400.0, 10.0), "visible", "lies outside of the 320 x 240 picture"),
        ((400.0, 10.0), "outside", ""),
        ((4000.0, 10.0), "outside", "far outside"),
        ((float("nan"), 10.0), "visible", "finite"),
    ],
)
def test_points_outside_of_the_picture_have_to_be_marked(
    tmp_path: Path, place: tuple[float, float], state: str, said: str
) -> None:
    """Without it: a slip of the hand would become a landmark beside the picture."""
    (shown,) = make_folder(tmp_path / "set", [[reported()]])
    store = AnnotationStore(tmp_path / "set", "anna")
    hand = annotated(points=[place, *listed(points())[1:]], states=[state, *["visible"] * 20])
    if said:
        with pytest.raises(DatasetError, match=said):
            store.save(shown, [hand], revision=0, seconds=0.0)
        assert store.read(shown.file) is None
    else:
        store.save(shown, [hand], revision=0, seconds=0.0)


def test_folders_that_are_none_are_named(tmp_path: Path) -> None:
    """Without it: a mistyped name would be a traceback."""
    with pytest.raises(DatasetError, match="no such folder"):
        read_header(tmp_path / "nothing")
    with pytest.raises(DatasetError, match=r"no dataset\.json"):
        read_header(tmp_path)
    (tmp_path / HEADER).write_text('{"format": "edgehands dataset", "version": 7}')
    with pytest.raises(DatasetError, match="version 7"):
        read_header(tmp_path)
    (tmp_path / HEADER).write_bytes(b"\xff\x00")
    with pytest.raises(DatasetError, match="damaged"):
        read_header(tmp_path)
    (tmp_path / FRAMES).write_text("{}\n")
    with pytest.raises(DatasetError, match="line 1"):
        read_frames(tmp_path)
