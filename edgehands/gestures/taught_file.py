"""The file of taught gestures: reading, atomic writing, and a lock against concurrent writers.

One human-readable JSON file: for each gesture its name, the day it was taught, and its examples as
21 points in millimetres from the wrist, of a right hand. It holds points rather than features, so
that a later version with a better comparison needs no new teaching.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import re
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from edgehands.atomic import replace_file
from edgehands.errors import GestureError
from edgehands.files import read_bounded
from edgehands.gestures.features import features_of
from edgehands.gestures.static import GESTURES, NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT: Final = "edgehands taught gestures"
VERSION: Final = 1

MAX_EXAMPLES: Final = 50
"""Most examples per gesture; with ``MAX_GESTURES`` it keeps the file below a few megabytes."""

MAX_GESTURES: Final = 200
"""Most gestures; this keeps the comparison of one hand below 0.1 ms."""

MAX_BYTES: Final = 20_000_000
"""Largest file; 200 gestures of 50 examples take 12 MB."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

Point = tuple[float, float, float]


class TaughtGesture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One taught gesture as stored in the file.

    Attributes:
        name: the gesture's name.
        taught: the day, ISO 8601.
        examples: each 21 points (x, y, z), millimetres from the wrist, of a right hand.
    """

    name: str
    taught: str
    examples: tuple[tuple[Point, ...], ...]


class GestureFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    format: str
    version: int
    gestures: tuple[TaughtGesture, ...] = ()


def read_gestures(path: Path) -> tuple[TaughtGesture, ...]:
    """The gestures of a file.

    Raises:
        GestureError: it can't be read, isn't such a file, or is damaged.
    """
    remedy = "restore it from a copy, or move it away to start again"
    try:
        raw = read_bounded(path, MAX_BYTES)
        content = msgspec.json.decode(raw[:MAX_BYTES], type=GestureFile)
    except OSError as error:
        raise GestureError(f"{path}: {error.strerror}: check the file and its rights") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise GestureError(f"{path} is damaged ({error}): {remedy}") from None
    if content.format != FORMAT or content.version != VERSION:
        raise GestureError(
            f"{path} says {content.format!r}, version {content.version}; version {VERSION} of "
            f"{FORMAT!r} is needed: {remedy}"
        )
    if len(content.gestures) > MAX_GESTURES:
        raise GestureError(
            f"{path} holds {len(content.gestures)} gestures, there can be {MAX_GESTURES}: {remedy}"
        )
    seen: set[str] = set()
    for gesture in content.gestures:
        try:
            check_name(gesture.name)
            _check_day(gesture.taught)
            features_of_examples(gesture.examples)
        except GestureError as error:
            raise GestureError(f'{path}: gesture "{gesture.name}": {error}; {remedy}') from None
        if gesture.name in seen:
            raise GestureError(f'{path}: gesture "{gesture.name}" stands there twice: {remedy}')
        seen.add(gesture.name)
    return content.gestures


def write_gestures(path: Path, gestures: Iterable[TaughtGesture]) -> None:
    """Write a file in one step: readers get the old content or the new, never a mixture.

    Raises:
        GestureError: the folder can't be made or written.
    """
    blocks = []
    for g in sorted(gestures, key=lambda g: g.name):
        examples = ",\n".join(f"    {json.dumps(e, separators=(',', ':'))}" for e in g.examples)
        head = f'  {{"name": {json.dumps(g.name)}, "taught": {json.dumps(g.taught)}'
        blocks.append(f'{head}, "examples": [\n{examples}\n  ]}}')
    head = f'{{"format": {json.dumps(FORMAT)}, "version": {VERSION}, "gestures": ['
    text = head + "\n" + ",\n".join(blocks) + "\n]}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode(), 0o644)
    except OSError as error:
        raise GestureError(
            f"{path} can't be written ({error.strerror}): set gestures.taught_file to a place "
            "that can"
        ) from None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock the file against other writers: the command line and the service may both change it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise GestureError(
            f"{path.parent} can't be used ({error.strerror}): set gestures.taught_file to a place "
            "that can"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def stamp_of(path: Path) -> tuple[int, int] | None:
    """A value that changes when the file does; None if there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino


def check_name(name: str) -> None:
    """Raise :class:`GestureError` unless a taught gesture may have this name."""
    if not _NAME.fullmatch(name):
        raise GestureError(
            f'gesture name "{name[:40]}": use 1 to 32 of a-z, 0-9, "_" and "-", beginning with a '
            "letter or digit"
        )
    if name == NONE or name in GESTURES:
        raise GestureError(f'gesture name "{name}" is built in: choose another')


def _check_day(taught: str) -> None:
    try:
        dt.date.fromisoformat(taught)
    except ValueError:
        raise GestureError(f'taught = "{taught[:40]}" is no day: write 2026-01-31') from None


def features_of_examples(examples: Sequence[tuple[Point, ...]]) -> NDArray[np.float32]:
    """(n, 60) features of the examples of one gesture.

    Raises:
        GestureError: none or too many, not 21 points, or points that aren't a hand's.
    """
    if not 1 <= len(examples) <= MAX_EXAMPLES:
        raise GestureError(f"{len(examples)} examples, there can be 1 to {MAX_EXAMPLES}")
    rows = []
    for example in examples:
        if len(example) != 21:
            raise GestureError(f"an example of {len(example)} points, 21 are needed")
        rows.append(features_of(np.array(example, dtype=np.float32)))
    return np.stack(rows)
