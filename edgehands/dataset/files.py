"""Reads and writes the files of a folder, with actionable error messages."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from edgehands.dataset.format import FORMAT, VERSION, Dataset, RecordedFrame
from edgehands.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

HEADER: Final = "dataset.json"
FRAMES: Final = "frames.jsonl"
MAX_HEADER_BYTES: Final = 1_000_000
MAX_LINE_BYTES: Final = 1_000_000
MAX_FRAMES: Final = 1_000_000

T = TypeVar("T")

_frame_decoder = msgspec.json.Decoder(RecordedFrame)


class _Version(msgspec.Struct):
    version: int = 0
    format: str = FORMAT


def now() -> str:
    """The time in the files' format: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def decode(data: bytes, kind: type[T], where: str) -> T:
    """Read a JSON file of the format.

    Args:
        data: its content.
        kind: its expected type.
        where: the file name, for the message.

    Raises:
        DatasetError: it has another version, or isn't of the expected type.
    """
    try:
        stamp = msgspec.json.decode(data, type=_Version)
        if stamp.version != VERSION:
            raise DatasetError(
                f"{where}: version {stamp.version}, this edgehands reads version {VERSION}: "
                "use the edgehands that wrote it"
            )
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"{where}: {_in_words(error)}; nothing was changed") from None


def _in_words(error: Exception) -> str:
    """Msgspec's error, in one line."""
    text = str(error)
    if "Expected `array` of length" in text and (".points" in text or ".landmarks" in text):
        return f"a hand has 21 points, this file holds another number ({text})"
    if isinstance(error, msgspec.ValidationError):
        return f"not what the format asks for ({text})"
    return f"damaged: it isn't JSON ({text[:120]})"


def read_limited(path: Path, limit: int) -> bytes:
    """Read a file whole.

    Raises:
        DatasetError: it doesn't exist, can't be read, or is larger than ``limit`` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file: is this a folder that was recorded?") from None
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from None
    if len(data) > limit:
        raise DatasetError(f"{path}: more than {limit} bytes, the limit for such a file")
    return data


def read_header(folder: Path) -> Dataset:
    """Read ``dataset.json``.

    Raises:
        DatasetError: the folder isn't a data set, or has another version.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder: record one with edgehands record")
    path = folder / HEADER
    if not path.exists():
        raise DatasetError(
            f"{folder}: no {HEADER} in it: give a folder made by edgehands record or convert"
        )
    return decode(read_limited(path, MAX_HEADER_BYTES), Dataset, str(path))


def read_frames(folder: Path) -> tuple[RecordedFrame, ...]:
    """Read ``frames.jsonl``; a last line truncated by a power cut is left out.

    Raises:
        DatasetError: a line is damaged, or a picture is named twice.
    """
    return tuple(frame for frame, _ in _lines(folder / FRAMES))


def whole_bytes(path: Path) -> int:
    """The number of bytes in whole lines of ``frames.jsonl``."""
    return max((end for _, end in _lines(path)), default=0)


def _lines(path: Path) -> list[tuple[RecordedFrame, int]]:
    """The frames, each with the offset where its line ends."""
    found: list[tuple[RecordedFrame, int]] = []
    names = set()
    end = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break  # left by a power cut
                end += len(line)
                where = f"{path} line {number}"
                if len(line) > MAX_LINE_BYTES or number > MAX_FRAMES:
                    raise DatasetError(f"{where}: more than the limit of the format")
                frame = _decode_line(line, where)
                if frame.file in names:
                    raise DatasetError(f"{where}: {frame.file} stands there twice")
                names.add(frame.file)
                found.append((frame, end))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from None
    return found


def _decode_line(line: bytes, where: str) -> RecordedFrame:
    try:
        frame = _frame_decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"{where}: {_in_words(error)}") from None
    if not all(math.isfinite(v) for hand in frame.hands for p in hand.landmarks for v in p):
        raise DatasetError(f"{where}: a landmark isn't a finite number")
    return frame
