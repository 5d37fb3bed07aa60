"""Public formats, both ways, on made files: the sets themselves may not be kept here."""

from __future__ import annotations

import json
import os
import pickle
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edgehands.dataset import read
from edgehands.dataset.convert.choose import convert_set
from edgehands.dataset.convert.coco import write_coco
from edgehands.errors import DatasetError
from tools.common.datasets import annotate_all, annotated, make_folder, picture, points, reported

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.dataset import LabelledImage


def image_file(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture(seed)[..., ::-1])
    return path


def converted(
    name: str, source: Path, out: Path, images: Path | None = None
) -> list[LabelledImage]:
    summary = convert_set(name, source, images, out, name)
    assert summary.failures == []
    return list(read(out))


def test_coco_there_and_back_changes_nothing(tmp_path: Path) -> None:
    """Without it: a set corrected in CVAT or Label Studio would come back as another one."""
    folder = tmp_path / "set"
    make_folder(folder, [[reported()], [], []])
    states = ["occluded", "outside"] + ["visible"] * 19
    hands = [annotated(states=states), annotated(points(180), handedness="left")]
    annotate_all(folder, [hands, [], [annotated(points(50))]])
    before = list(read(folder))
    assert write_coco(before, tmp_path / "hands.json") == 3
    after = converted("coco", tmp_path / "hands.json", tmp_path / "back", folder / "images")
    assert [len(p.hands) for p in after] == [2, 0, 1]
    for one, other in zip(before, after, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()
        for a, b in zip(one.hands, other.hands, strict=True):
            assert a.handedness is b.handedness
            np.testing.assert_allclose(a.points[a.inside], b.points[b.inside], atol=0.001)
            np.testing.assert_array_equal(a.inside, b.inside)
            np.testing.assert_array_equal(a.visible, b.visible)


def test_what_is_written_is_coco(tmp_path: Path) -> None:
    """Without it: the tools that read COCO would refuse the file."""
    coco_module = pytest.importorskip("pycocotools.coco")
    folder = tmp_path / "set"
    make_folder(folder, [[reported()]])
    annotate_all(folder, [[annotated()]])
    write_coco(read(folder), tmp_path / "hands.json")
    coco = coco_module.COCO(str(tmp_path / "hands.json"))
    (annotation,) = coco.loadAnns(coco.getAnnIds())
    assert annotation["num_keypoints"] == 21
    assert annotation["keypoints"][24:27] == [*points()[8], 2]
    (category,) = coco.loadCats([annotation["category_id"]])
    assert (category["name"], len(category["keypoints"])) == ("right_hand", 21)
    assert category["skeleton"][0] == [1, 2]


def test_whole_bodies_have_two_hands(tmp_path: Path) -> None:
    """Without it: COCO-WholeBody's hands couldn't be measured on."""
    image_file(tmp_path / "a.jpg")

    def flat(array: NDArray[np.float64]) -> list[float]:
        return [float(v) for x, y in array for v in (x, y, 0.8)]

    person = {
        "id": 1,
        "image_id": 5,
        "lefthand_valid": True,
        "righthand_valid": True,
        "lefthand_kpts": flat(points(20)),
        "righthand_kpts": flat(points(180)),
    }
    hidden = person | {"id": 2, "righthand_valid": False, "lefthand_kpts": [0.0] * 63}
    document = {"images": [{"id": 5, "file_name": "a.jpg"}], "annotations": [person, hidden]}
    (tmp_path / "body.json").write_text(json.dumps(document))
    (image,) = converted("wholebody", tmp_path / "body.json", tmp_path / "out")
    assert [h.handedness.value for h in image.hands] == ["left", "right"]
    np.testing.assert_allclose(image.hands[1].points, points(180), atol=0.01)
    assert image.hands[0].visible.all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keypoints": [1, 2, 2] * 20}, "20 key points, a hand has 21"),
        ({"keypoints": "none"}, "numbers are expected"),
        ({"image_id": 9}, "isn't in the file's list"),
    ],
)
def test_what_is_no_hand_set_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    """Without it: a body's 17 points would be taken for a hand's."""
    image_file(tmp_path / "a.jpg")
    annotation = {"id": 3, "image_id": 1, "category_id": 1, "keypoints": [1, 2, 2] * 21} | change
    document = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [annotation]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=said):
        convert_set("coco", tmp_path / "a.json", None, tmp_path / "out", "coco")
    (tmp_path / "a.json").write_text("[1")
    with pytest.raises(DatasetError, match="isn't JSON"):
        convert_set("coco", tmp_path / "a.json", None, tmp_path / "out2", "coco")
    (tmp_path / "a.json").write_text('{"info": {}}')
    with pytest.raises(DatasetError, match="no 'images'"):
        convert_set("coco", tmp_path / "a.json", None, tmp_path / "out3", "coco")


def test_an_unreadable_picture_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Without it: one broken file would cost a set of thousands."""
    image_file(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"nothing")
    images = [{"id": 1, "file_name": "b.jpg"}, {"id": 2, "file_name": "a.jpg"}]
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": []}))
    summary = convert_set("coco", tmp_path / "a.json", None, tmp_path / "out", "coco")
    assert (summary.pictures, len(summary.failures)) == (1, 1)
    assert "b.jpg" in summary.failures[0]


LENS = np.array([[400.0, 0, 160], [0, 400.0, 120], [0, 0, 1]])


def metres(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """(21, 3) points half a metre away that LENS sees at (21, 2) pixels, each a little further."""
    depth = 0.5 + 0.002 * np.arange(21)
    return np.column_stack([(array - (160, 120)) / 400 * depth[:, None], depth])


def test_freihand_is_projected(tmp_path: Path) -> None:
    """Without it: FreiHAND's metres wouldn't become pixels and millimetres."""
    image_file(tmp_path / "training/rgb/00000000.jpg")
    (tmp_path / "training_xyz.json").write_text(json.dumps([metres(points()).tolist()]))
    (tmp_path / "training_K.json").write_text(json.dumps([LENS.tolist()]))
    (image,) = converted("freihand", tmp_path, tmp_path / "out")
    (hand,) = image.hands
    np.testing.assert_allclose(hand.points, points(), atol=0.01)
    np.testing.assert_allclose(hand.z_mm, 2.0 * np.arange(21), atol=0.01)
    assert set(hand.z_from) == {"truth"}
    (tmp_path / "training_K.json").write_text("[]")
    with pytest.raises(DatasetError, match="1 hands in"):
        convert_set("freihand", tmp_path, None, tmp_path / "out2", "freihand")


def from_tips(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points in RHD's order: the wrist, then each finger from its tip."""
    order = [0, *(4 * f + i for f in range(5) for i in (4, 3, 2, 1))]
    return array[order]


def test_rhd_is_put_in_order(tmp_path: Path) -> None:
    """Without it: finger tips would be taken for knuckles."""
    image_file(tmp_path / "color/00000.png")
    uv = np.zeros((42, 3))
    uv[21:, :2] = from_tips(points())
    uv[21:, 2] = 1
    uv[25, 2] = 0  # the thumb's root is hidden
    xyz = np.zeros((42, 3))
    xyz[21:] = from_tips(metres(points()))
    record = {0: {"uv_vis": uv, "xyz": xyz, "K": LENS}}
    (tmp_path / "anno_training.pickle").write_bytes(pickle.dumps(record))
    (image,) = converted("rhd", tmp_path, tmp_path / "out")
    (hand,) = image.hands
    assert hand.handedness.value == "right"
    np.testing.assert_allclose(hand.points, points(), atol=0.01)
    assert np.flatnonzero(~hand.visible).tolist() == [1]
    np.testing.assert_allclose(hand.z_mm, 2.0 * np.arange(21), atol=0.1)


class Evil:
    """Would run a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo ran",)


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    """Without it: a downloaded set could take over the machine."""
    (tmp_path / "anno_training.pickle").write_bytes(pickle.dumps({0: Evil()}))
    with pytest.raises(DatasetError, match="only numbers are expected"):
        convert_set("rhd", tmp_path, None, tmp_path / "out", "rhd")


def test_interhand_is_brought_into_each_camera(tmp_path: Path) -> None:
    """Without it: world coordinates would be taken for a camera's."""
    image_file(tmp_path / "images/Capture0/a.jpg")
    seen = metres(points()) * 1000
    turn = cv2.Rodrigues(np.array([0.1, -0.4, 0.2]))[0]
    place = np.array([120.0, -40.0, 900.0])
    order = [0, *(4 * f + i for f in range(5) for i in (4, 3, 2, 1))]
    tips_first = [*order[1:], 0]  # InterHand: fingers from their tips, the wrist last
    world = np.zeros((42, 3))
    world[:21] = (seen @ turn)[tips_first] + place
    notes = tmp_path / "annotations"
    notes.mkdir()
    image = {"id": 1, "file_name": "Capture0/a.jpg", "capture": 0, "camera": "400", "frame_idx": 7}
    valid = [1] * 21 + [0] * 21
    data = {"images": [image], "annotations": [{"image_id": 1, "joint_valid": valid}]}
    lens = {
        "campos": {"400": place.tolist()},
        "camrot": {"400": turn.tolist()},
        "focal": {"400": [400.0, 400.0]},
        "princpt": {"400": [160.0, 120.0]},
    }
    joints = {"0": {"7": {"world_coord": world.tolist()}}}
    for name, value in (("data", data), ("camera", {"0": lens}), ("joint_3d", joints)):
        (notes / f"InterHand2.6M_test_{name}.json").write_text(json.dumps(value))
    (image_,) = converted("interhand", tmp_path, tmp_path / "out")
    (hand,) = image_.hands
    assert hand.handedness.value == "right"
    np.testing.assert_allclose(hand.points, points(), atol=0.01)
    np.testing.assert_allclose(hand.z_mm, 2.0 * np.arange(21), atol=0.05)


def test_hagrid_gives_starts_where_it_has_landmarks(tmp_path: Path) -> None:
    """Without it: a picture with one unnamed hand would count that hand as a false one."""
    image_file(tmp_path / "one.jpg")
    image_file(tmp_path / "two.jpg")
    landmarks = (points() / (320, 240)).tolist()
    box = [0.1, 0.1, 0.3, 0.4]
    record = {
        "one": {"bboxes": [box], "landmarks": [landmarks], "leading_hand": "left"},
        "two": {"bboxes": [box, box], "landmarks": [landmarks, []], "leading_hand": "right"},
    }
    (tmp_path / "call.json").write_text(json.dumps(record))
    (image,) = converted("hagrid", tmp_path / "call.json", tmp_path / "out")
    (hand,) = image.hands
    assert hand.handedness.value == "left"
    np.testing.assert_allclose(hand.points, points(), atol=0.01)


def test_points_beyond_the_edge_are_outside(tmp_path: Path) -> None:
    """Without it: a set whose hands reach out of the picture couldn't be converted at all."""
    image_file(tmp_path / "a.jpg")
    keypoints = [float(v) for x, y in points(260) for v in (x, y, 2)]
    annotation = {"image_id": 1, "category_id": 1, "keypoints": keypoints}
    document = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [annotation]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    (image,) = converted("coco", tmp_path / "a.json", tmp_path / "out")
    np.testing.assert_array_equal(image.hands[0].inside, points(260)[:, 0] <= 320)
