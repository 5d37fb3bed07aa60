"""Public sets with layouts of their own: FreiHAND, RHD, InterHand2.6M, HaGRID.

Each reader follows the layout documented by the set's authors; they were tested on generated files
of that layout, because the sets' licences keep their pictures out of this repository.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Final

from edgehands.cameras.images import read_bytes, read_image
from edgehands.dataset.convert.importing import (
    ImportedPicture,
    field,
    hand,
    load_json,
    numbers,
)
from edgehands.dataset.convert.plain_pickle import load_plain
from edgehands.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edgehands.dataset.format import AnnotatedHand, Side

# RHD and InterHand count each finger from its tip; MediaPipe from its root.
_FROM_TIPS: Final = (0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17)
# InterHand has the wrist last.
_INTERHAND: Final = (20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16)


def read_freihand(folder: Path) -> Iterator[ImportedPicture]:
    """FreiHAND: ``training/rgb/NNNNNNNN.jpg``, ``training_xyz.json``, ``training_K.json``.

    One right hand per picture; 3-D points in metres, projected with the camera matrix.
    """
    places = load_json(folder / "training_xyz.json")
    cameras = load_json(folder / "training_K.json")
    if len(places) != len(cameras):
        raise DatasetError(
            f"{folder}: {len(places)} hands in training_xyz.json, {len(cameras)} cameras in "
            "training_K.json: copy both again"
        )
    for number, (xyz, matrix) in enumerate(zip(places, cameras, strict=True)):
        where = f"{folder} hand {number}"
        points = numbers(xyz, (21, 3), where)
        k = numbers(matrix, (3, 3), where)
        yield ImportedPicture(
            folder / "training" / "rgb" / f"{number:08d}.jpg",
            (_projected(points, k, "right", where),),
        )


def _projected(
    metres: NDArray[np.float64], k: NDArray[np.float64], side: Side, where: str
) -> AnnotatedHand:
    if (metres[:, 2] <= 0).any():
        raise DatasetError(f"{where}: a point lies behind the camera")
    image = metres @ k.T
    return hand(image[:, :2] / image[:, 2:], side, z_mm=(metres[:, 2] - metres[0, 2]) * 1000)


def read_rhd(folder: Path) -> Iterator[ImportedPicture]:
    """RHD: ``color/NNNNN.png`` and ``anno_<set>.pickle``: 42 points, left hand first, tips first.

    Raises:
        DatasetError: no such pickle, or it holds anything but numbers.
    """
    found = sorted(folder.glob("anno_*.pickle"))
    if not found:
        raise DatasetError(f"{folder}: no anno_*.pickle in it: give RHD's training or evaluation")
    try:
        records = load_plain(read_bytes(found[0], 2**31))
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError) as error:
        raise DatasetError(f"{found[0]}: {str(error)[:120]}") from None
    for number, record in records.items():
        where = f"{found[0]} sample {number}"
        uv = numbers(field(record, "uv_vis", where), (42, 3), where)
        xyz = numbers(field(record, "xyz", where), (42, 3), where)
        hands = []
        for side, first in (("left", 0), ("right", 21)):
            rows = [first + i for i in _FROM_TIPS]
            visible = uv[rows, 2] > 0
            if visible.any():  # a hand outside the picture has no visible point
                z = (xyz[rows, 2] - xyz[rows[0], 2]) * 1000
                hands.append(hand(uv[rows, :2], side, visible=visible, z_mm=z))  # type: ignore[arg-type]
        yield ImportedPicture(folder / "color" / f"{int(number):05d}.png", tuple(hands))


def read_interhand(folder: Path) -> Iterator[ImportedPicture]:
    """InterHand2.6M: ``annotations/*_{data,camera,joint_3d}.json`` and ``images/``.

    World points in millimetres are transformed into each camera: ``R (x - campos)``.
    """
    data = load_json(_one(folder, "*_data.json"))
    cameras = load_json(_one(folder, "*_camera.json"))
    joints = load_json(_one(folder, "*_joint_3d.json"))
    infos = {field(a, "image_id", "annotations"): a for a in field(data, "annotations", "data")}
    for image in field(data, "images", "data"):
        name = field(image, "file_name", "images")
        where = f"InterHand {name}"
        capture, camera = str(field(image, "capture", where)), str(field(image, "camera", where))
        lens = field(cameras, capture, where)
        frame = field(field(joints, capture, where), str(field(image, "frame_idx", where)), where)
        info = infos.get(field(image, "id", where), {})
        yield ImportedPicture(
            folder / "images" / str(name), tuple(_interhands(frame, lens, camera, info, where))
        )


def _interhands(
    frame: Any, lens: Any, camera: str, info: Any, where: str
) -> Iterator[AnnotatedHand]:
    world = numbers(field(frame, "world_coord", where), (42, 3), where)
    valid = numbers(info.get("joint_valid", [1] * 42), (-1,), where)[:42] > 0

    def of(key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return numbers(field(field(lens, key, where), camera, where), shape, where)

    seen = (world - of("campos", (3,))) @ of("camrot", (3, 3)).T
    focal, middle = of("focal", (2,)), of("princpt", (2,))
    for side, first in (("right", 0), ("left", 21)):
        rows = [first + i for i in _INTERHAND]
        if valid[rows].all() and (seen[rows, 2] > 0).all():
            points = seen[rows, :2] / seen[rows, 2:] * focal + middle
            yield hand(points, side, z_mm=seen[rows, 2] - seen[rows[0], 2])  # type: ignore[arg-type]


def _one(folder: Path, pattern: str) -> Path:
    found = sorted((folder / "annotations").glob(pattern))
    if len(found) != 1:
        raise DatasetError(
            f"{folder}/annotations: {len(found)} files {pattern}, one is expected: give one split"
        )
    return found[0]


def read_hagrid(path: Path, images: Path) -> Iterator[ImportedPicture]:
    """HaGRID: a JSON file of boxes and, from version 2 on, MediaPipe's own landmarks.

    The landmarks are MediaPipe's, not a person's: a starting point for correction, not ground
    truth. Boxes without landmarks mark a hand but not its points: such hands are left out, and so
    are their pictures, because a picture must list all its hands.
    """
    for name, record in load_json(path).items():
        where = f"{path}: {name}"
        points = record.get("hand_landmarks") or record.get("landmarks") or []
        boxes = field(record, "bboxes", where)
        file = _image_of(images, str(name))
        if len(points) != len(boxes) or not all(len(p) == 21 for p in points):
            continue
        height, width = read_image(file).shape[:2]
        leading = str(record.get("leading_hand", "right")).lower()
        hands = []
        for i, normalised in enumerate(points):
            xy = numbers(normalised, (21, 2), where) * (width, height)
            main = i == 0
            side: Side = "left" if (leading == "left") == main else "right"
            hands.append(hand(xy, side))
        yield ImportedPicture(file, tuple(hands))


def _image_of(images: Path, name: str) -> Path:
    for ending in (".jpg", ".jpeg", ".png"):
        if (images / f"{name}{ending}").is_file():
            return images / f"{name}{ending}"
    return images / f"{name}.jpg"
