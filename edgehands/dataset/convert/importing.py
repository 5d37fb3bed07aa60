"""Common to all converters: read JSON, collect hands by picture, write a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from edgehands import __version__
from edgehands.cameras.images import read_bytes, read_image
from edgehands.dataset.annotations import AnnotationStore
from edgehands.dataset.files import now
from edgehands.dataset.format import (
    POINTS,
    AnnotatedHand,
    CameraRecord,
    Dataset,
    PointState,
    Side,
    ZOrigin,
)
from edgehands.dataset.writing import DatasetWriter
from edgehands.errors import DatasetError, SourceError, SourceNotFound
from edgehands.hand import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

MAX_JSON_BYTES: Final = 2_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ImportedPicture:
    """A picture of another format.

    Attributes:
        path: its file.
        hands: all hands in it.
    """

    path: Path
    hands: tuple[AnnotatedHand, ...]


@dataclass(slots=True)
class ImportSummary:
    """The result of a conversion.

    Attributes:
        pictures, hands: how many.
        failures: pictures that couldn't be read, each with the reason.
    """

    pictures: int
    hands: int
    failures: list[str]


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        SourceNotFound, SourceError: it doesn't exist, or can't be read.
        DatasetError: it isn't JSON.
    """
    try:
        return msgspec.json.decode(read_bytes(path, MAX_JSON_BYTES))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"{path}: it isn't JSON ({str(error)[:100]})") from None


def field(record: Any, key: str, where: str) -> Any:
    """The value of a key of a JSON object; the error names the key."""
    if not isinstance(record, Mapping) or key not in record:
        raise DatasetError(f"{where}: no {key!r} in it: is this the format that was named?")
    return record[key]


def numbers(value: Any, shape: tuple[int, ...], where: str) -> NDArray[np.float64]:
    """An array of numbers of a given shape; -1 stands for any length.

    Raises:
        DatasetError: they aren't numbers, or have another shape.
    """
    try:
        found = np.array(value, np.float64)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    wrong = found.ndim != len(shape) or any(
        b not in {a, -1} for a, b in zip(found.shape, shape, strict=False)
    )
    if wrong or not np.isfinite(found).all():
        wanted = " x ".join("any" if n < 0 else str(n) for n in shape)
        raise DatasetError(f"{where}: {_shape(value)} where {wanted} numbers are expected")
    return found


def _shape(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        inner = value[0] if value else None
        if isinstance(inner, Sequence) and not isinstance(inner, str):
            return f"{len(value)} x {len(inner)} values"
        return f"{len(value)} values"
    return repr(value)[:40]


def hand(
    points: NDArray[np.float64],
    side: Side,
    *,
    visible: NDArray[np.bool_] | None = None,
    known: NDArray[np.bool_] | None = None,
    z_mm: NDArray[np.float64] | None = None,
) -> AnnotatedHand:
    """A hand in the form of an annotation.

    Args:
        points: (21, 2) frame pixels.
        side: of the person.
        visible: (21,) the point isn't occluded; None = all.
        known: (21,) the format gives the point's position; others count as outside the picture.
        z_mm: (21,) millimetres behind (+) or in front of (-) the wrist; None = unknown.
    """
    seen = np.ones(POINTS, bool) if visible is None else visible
    given = np.ones(POINTS, bool) if known is None else known
    states: list[PointState] = [
        ("visible" if s else "occluded") if k else "outside"
        for s, k in zip(seen, given, strict=True)
    ]
    origins: list[ZOrigin] = ["truth"] * POINTS
    return AnnotatedHand(
        handedness=side,
        points=[(round(float(x), 3), round(float(y), 3)) for x, y in points],
        states=states,
        z_mm=[round(float(z), 2) for z in z_mm] if z_mm is not None else [],
        z_from=origins if z_mm is not None else [],
    )


def write_folder(
    pictures: Iterable[ImportedPicture], out: Path, origin: str, annotator: str
) -> ImportSummary:
    """Store pictures and their hands as a folder; the image files are copied unchanged.

    Raises:
        DatasetError: the folder can't be used, or a hand is invalid.
    """
    header = Dataset(
        created=now(), edgehands=__version__, camera=CameraRecord(kind="converted"), origin=origin
    )
    summary = ImportSummary(0, 0, [])
    store = AnnotationStore(out, annotator)
    with DatasetWriter(out, header) as writer:
        for seq, picture in enumerate(pictures):
            try:
                image = read_image(picture.path)
                encoded = _as_stored(picture.path)
            except (SourceError, SourceNotFound) as error:
                summary.failures.append(str(error))
                continue
            height, width = image.shape[:2]
            hands = [_at_edges(h, width, height) for h in picture.hands]
            frame = writer.add(
                Frame(image, seq, float(seq), 0.0, picture.path.name), encoded=encoded
            )
            store.save(frame, hands, revision=0)
            summary.pictures += 1
            summary.hands += len(hands)
    return summary


def _as_stored(path: Path) -> tuple[bytes, str] | None:
    """The bytes of a JPEG or PNG; None for other formats, which are re-encoded."""
    data = read_bytes(path)
    # With an EXIF orientation only the decoded, rotated picture fits the points.
    if data[:2] == b"\xff\xd8" and b"Exif\x00" not in data[:4096]:
        return data, "jpg"
    return (data, "png") if data[:8] == b"\x89PNG\r\n\x1a\n" else None


def _at_edges(given: AnnotatedHand, width: int, height: int) -> AnnotatedHand:
    """Mark points beyond the picture as outside, whatever the format says."""
    points, states = [], list(given.states)
    for i, (x, y) in enumerate(given.points):
        if not (0 <= x <= width and 0 <= y <= height):
            states[i] = "outside"
        points.append((min(max(x, -width), 2.0 * width), min(max(y, -height), 2.0 * height)))
    return msgspec.structs.replace(given, points=points, states=states)
