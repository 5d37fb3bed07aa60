"""How far two annotators differ: a lower bound for errors measured against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edgehands.dataset.annotations import AnnotationStore, annotators
from edgehands.dataset.files import read_frames, read_header
from edgehands.dataset.labels import labelled
from edgehands.dataset.matching import pair_hands
from edgehands.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.dataset.labels import LabelledHand


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Comparison of two annotators over the pictures that both annotated.

    Attributes:
        one, other: their names.
        pictures: how many both annotated.
        hands: hands that both marked.
        only_one, only_other: hands that only one of them marked.
        distance: mean distance of their points, in the mean of their palm sizes; null = no hand.
        p95: 95th percentile of the hands' mean distances.
        worst_point: the point on which they differ most, 0 to 20; -1 = no hand.
        same_side: share of the hands with the same handedness.
        same_state: share of the points with the same state: visible, occluded or outside.
    """

    one: str
    other: str
    pictures: int
    hands: int
    only_one: int
    only_other: int
    distance: float | None
    p95: float | None
    worst_point: int
    same_side: float | None
    same_state: float | None


def agreements(folder: Path) -> list[Agreement]:
    """Compare every pair of annotators of a folder.

    Raises:
        DatasetError: the folder isn't a data set, or fewer than two people annotated it.
    """
    read_header(folder)
    names = annotators(folder)
    if len(names) < 2:
        raise DatasetError(
            f"{folder}: {len(names)} annotator, two are needed to compare: let somebody else "
            "annotate it, with another --annotator"
        )
    return [compare(folder, one, other) for i, one in enumerate(names) for other in names[i + 1 :]]


def compare(folder: Path, one: str, other: str) -> Agreement:
    """Compare two annotators of a folder over the pictures that both annotated."""
    stores = [AnnotationStore(folder, name) for name in (one, other)]
    pictures = alone_one = alone_other = 0
    distances: list[NDArray[np.float64]] = []
    sides: list[bool] = []
    states: list[NDArray[np.bool_]] = []
    for frame in read_frames(folder):
        answers = [store.read(frame.file) for store in stores]
        first, second = (
            labelled(folder, frame, a).hands if a and a.complete else None for a in answers
        )
        if first is None or second is None:
            continue
        pictures += 1
        pairs = pair_hands(
            [h.points for h in first], [h.inside for h in first], [h.points for h in second]
        )
        alone_one += len(first) - len(pairs)
        alone_other += len(second) - len(pairs)
        for i, j in pairs:
            distances.append(_distances(first[i], second[j]))
            sides.append(first[i].handedness is second[j].handedness)
            same = (first[i].inside == second[j].inside) & (first[i].visible == second[j].visible)
            states.append(same)
    table = np.array(distances).reshape(-1, 21)
    hands = table.mean(axis=1)
    return Agreement(
        one=one,
        other=other,
        pictures=pictures,
        hands=len(table),
        only_one=alone_one,
        only_other=alone_other,
        distance=float(hands.mean()) if len(table) else None,
        p95=float(np.percentile(hands, 95)) if len(table) else None,
        worst_point=int(table.mean(axis=0).argmax()) if len(table) else -1,
        same_side=sum(sides) / len(sides) if sides else None,
        same_state=float(np.mean(states)) if states else None,
    )


def _distances(one: LabelledHand, other: LabelledHand) -> NDArray[np.float64]:
    """(21,) in the mean of the two palm sizes, since neither is the truth."""
    palm = max((one.palm_size + other.palm_size) / 2, 1e-6)
    return np.asarray(np.linalg.norm(one.points - other.points, axis=1) / palm)
