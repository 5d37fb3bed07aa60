"""Reads and writes COCO key points, as used by CVAT, Label Studio, OneHand10K and COCO-WholeBody.

A hand is an annotation with 21 key points (x, y, v): v 0 = not labelled, 1 = labelled but hidden,
2 = visible. Handedness is the category's name (``left_hand``, ``right_hand``), or an attribute
``handedness``; where both are missing, a right hand is assumed, and the command's summary says so.
COCO-WholeBody's people have ``lefthand_kpts`` and ``righthand_kpts`` instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from edgehands.atomic import replace_file
from edgehands.dataset.convert.importing import ImportedPicture, field, hand, load_json, numbers
from edgehands.dataset.format import POINTS
from edgehands.errors import DatasetError
from edgehands.hand import HAND_CONNECTIONS, Landmark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from edgehands.dataset.format import AnnotatedHand, Side
    from edgehands.dataset.labels import LabelledImage

CATEGORIES: Final[dict[int, Side]] = {1: "left", 2: "right"}
_SIDES: Final[tuple[Side, Side]] = ("left", "right")


def read_coco(path: Path, images: Path) -> Iterator[ImportedPicture]:
    """The pictures of a COCO file.

    Args:
        path: the JSON file.
        images: the folder to which its file names are relative.

    Raises:
        DatasetError: the file isn't COCO key points, or a hand doesn't have 21 of them.
    """
    data = load_json(path)
    where = str(path)
    names = {
        field(image, "id", where): field(image, "file_name", where)
        for image in field(data, "images", where)
    }
    sides = {
        field(category, "id", where): _side_of(str(category.get("name", "")))
        for category in data.get("categories", ())
    }
    hands: dict[Any, list[AnnotatedHand]] = {image: [] for image in names}
    for number, annotation in enumerate(field(data, "annotations", where)):
        place = f"{path} annotation {annotation.get('id', number)}"
        image = field(annotation, "image_id", place)
        if image not in hands:
            raise DatasetError(f"{place}: image {image} isn't in the file's list of images")
        hands[image] += _hands(annotation, sides, place)
    for image, name in names.items():
        yield ImportedPicture(images / str(name), tuple(hands[image]))


def _hands(
    annotation: Mapping[str, Any], sides: Mapping[Any, Side | None], where: str
) -> Iterator[AnnotatedHand]:
    """The hands of an annotation: one of its own, or the two of a whole body."""
    if "lefthand_kpts" in annotation or "righthand_kpts" in annotation:
        for side in _SIDES:
            if annotation.get(f"{side}hand_valid", True) and f"{side}hand_kpts" in annotation:
                yield from _hand(annotation[f"{side}hand_kpts"], side, where)
        return
    if "keypoints" in annotation:
        named = _side_of(str((annotation.get("attributes") or {}).get("handedness", "")))
        side = named or sides.get(annotation.get("category_id")) or "right"
        yield from _hand(annotation["keypoints"], side, where)


def _hand(values: Any, side: Side, where: str) -> Iterator[AnnotatedHand]:
    flat = numbers(values, (-1,), where)
    if flat.size != 3 * POINTS:
        raise DatasetError(
            f"{where}: {flat.size // 3} key points, a hand has {POINTS}: is this a hand set?"
        )
    table = flat.reshape(POINTS, 3)
    known = table[:, 2] > 0
    if not known.any():
        return
    # Unlabelled points are put where they do no harm: at the centre of the others.
    points = np.where(known[:, None], table[:, :2], table[known, :2].mean(axis=0))
    # COCO-WholeBody has a confidence instead of 0, 1, 2: above 0 means labelled.
    fraction = not np.isin(table[:, 2], (0.0, 1.0, 2.0)).all()
    yield hand(points, side, visible=(table[:, 2] > 1) | fraction, known=known)


def _side_of(name: str) -> Side | None:
    return next((side for side in _SIDES if side in name.lower()), None)


def write_coco(images: Iterable[LabelledImage], path: Path) -> int:
    """Write labelled pictures as COCO key points; returns the number of hands.

    File names are the pictures' own; the image files stay in the folder's ``images``.

    Raises:
        DatasetError: the file can't be written.
    """
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, 1):
        pictures.append(
            {
                "id": number,
                "file_name": image.path.name,
                "width": image.width,
                "height": image.height,
            }
        )
        for labelled in image.hands:
            known = labelled.inside
            flags = np.where(labelled.visible, 2, 1) * known
            low, high = labelled.points[known].min(axis=0), labelled.points[known].max(axis=0)
            x, y, w, h = (round(float(v), 2) for v in (*low, *(high - low)))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1 if labelled.handedness.value == "left" else 2,
                    "keypoints": [
                        v
                        for (px, py), flag in zip(labelled.points, flags, strict=True)
                        for v in (
                            (round(float(px), 3), round(float(py), 3), int(flag))
                            if flag
                            else (0, 0, 0)
                        )
                    ],
                    "num_keypoints": int(known.sum()),
                    "bbox": [x, y, w, h],
                    "area": round(w * h, 2),
                    "iscrowd": 0,
                    "attributes": {"handedness": labelled.handedness.value},
                }
            )
    names = [point.name.lower() for point in Landmark]
    skeleton = [[a + 1, b + 1] for a, b in HAND_CONNECTIONS]
    document = {
        "info": {"description": "hands, 21 points in MediaPipe's order"},
        "images": pictures,
        "annotations": annotations,
        "categories": [
            {
                "id": number,
                "name": f"{side}_hand",
                "supercategory": "hand",
                "keypoints": names,
                "skeleton": skeleton,
            }
            for number, side in CATEGORIES.items()
        ],
    }
    try:
        replace_file(path, msgspec.json.encode(document))
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}: name a file to write") from None
    return len(annotations)
