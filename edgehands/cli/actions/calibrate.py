"""Calibrates a camera's focal length and centre from views of a checkerboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.calibration.views import Calibration, ViewCollector
from edgehands.cameras import SourceFailure, find_inputs, is_live, open_source
from edgehands.cameras.inputs import read_input
from edgehands.cli.actions.output import people
from edgehands.config import load
from edgehands.config.edit import set_in_file
from edgehands.errors import UsageError
from edgehands.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgehands.calibration.board import Board
    from edgehands.cameras.inputs import InputFile


def calibrate(sources: Sequence[str], board: Board, *, views: int, out: Path | None) -> Calibration:
    """Find the intrinsics, print how good they are, and optionally write them.

    Args:
        sources: a camera, or pictures, folders of them, or a clip; empty = the configured camera.
        board: the checkerboard.
        views: number to take live or from a clip.
        out: configuration file to write to.

    Raises:
        CalibrationError: too few views, or views that give no plausible lens.
    """
    collector = ViewCollector(board, views)
    words = list(sources) or [load().camera.source]
    if len(words) == 1 and (not sources or is_live(words[0])):
        _from_camera(words[0], collector)
    else:
        _from_files(words, collector)
    found = collector.calibrate()
    _print_result(found)
    if out is not None:
        set_in_file(out, "pose", found.values())
        people.print(f"written to {out}")
    return found


def _print_result(found: Calibration) -> None:
    k = found.intrinsics
    people.print(
        f"{counted(found.views, 'view')} of {k.width} x {k.height}; reprojection error"
        f" {found.error:.2f} pixels; horizontal field of view {k.horizontal_fov:.1f} degrees; the"
        f" board was {found.nearest:.2f} to {found.furthest:.2f} m away"
    )


def _from_files(words: list[str], collector: ViewCollector) -> None:
    """Each picture is a view; of a clip, each moment at which the board is held still."""
    inputs = find_inputs(words)
    for failure in inputs.failures:
        raise failure.error
    for file in inputs.files:
        _read(file, collector)
        if file.kind == "video" and collector.done:
            break


def _read(file: InputFile, collector: ViewCollector) -> None:
    for frame in read_input(file):
        if isinstance(frame, SourceFailure):
            raise frame.error
        if file.kind == "video":
            collector.watch(frame.image)
            if collector.done:
                break
        elif not collector.add(frame.image):
            people.print(f"{frame.source}: no such board in it", style="dim")


def _from_camera(uri: str, collector: ViewCollector) -> None:
    """Views from the live picture, with hints for the user."""
    if "\n" in uri or not uri.strip():
        raise UsageError(f"source {uri!r}: give a camera, such as v4l2:0")
    board = collector.board
    people.print(
        f"show the board of {board.columns} x {board.rows} inner corners; {collector.wanted} "
        "views will be taken. Ctrl-C stops."
    )
    hint = ""
    with open_source(uri, load().camera, realtime=True) as camera:
        while not (camera.finished or collector.done):
            frame = camera.read(timeout=1.0)
            if frame is None:
                continue
            told = collector.watch(frame.image)
            if not told:
                people.print(f"{len(collector.views)} of {collector.wanted}", style="green")
            elif told != hint:
                people.print(told, style="dim")
            hint = told
