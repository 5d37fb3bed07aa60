"""``edgehands cameras``: what can be opened here, and calibrating one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.table import Table

from edgehands.cameras import SourceFailure, find_inputs, list_cameras, open_source
from edgehands.cameras.inputs import read_input
from edgehands.cli.output import people, tables
from edgehands.config import load
from edgehands.config.edit import set_in_file
from edgehands.errors import UsageError
from edgehands.pose.board import FORMATS, PAPERS, Board, write_board
from edgehands.pose.calibrate import MIN_VIEWS, Calibration, ViewCollector

if TYPE_CHECKING:
    from edgehands.cameras.inputs import InputFile

app = typer.Typer()
group = typer.Typer(
    name="cameras",
    help="List the USB and CSI cameras; calibrate one with a printed checkerboard.",
)
app.add_typer(group, name="cameras")

_LIVE = ("picamera2:", "v4l2:", "rtsp:", "rtsps:", "http:", "https:", "fake:", "demo:", "/dev/")

BoardOption = Annotated[
    str,
    typer.Option(
        "--board",
        metavar="COLUMNSxROWS",
        help="Inner corners of the checkerboard: where four squares meet.",
    ),
]
SquareOption = Annotated[
    float,
    typer.Option("--square", metavar="METRES", help="Side of a square."),
]


@group.callback(invoke_without_command=True)
def cameras(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list for programs.")] = False,
) -> None:
    """List the USB and CSI cameras, with the address to give as --source.

    Or calibrate one with a printed checkerboard: see the commands below.
    """
    if context.invoked_subcommand is not None:
        return
    found = list_cameras()
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    if not found:
        typer.echo("no camera found: plug one in; 'edgehands run --source demo:' works without one")
        return
    table = Table("source", "name", "modes")
    for camera in found:
        modes = ", ".join(f"{m.format} {m.width}x{m.height}" for m in camera.modes[:6])
        table.add_row(camera.uri, camera.name, modes or "found when it is opened")
    tables.print(table)


@group.command("checkerboard")
def checkerboard(
    file: Annotated[Path, typer.Argument(help=f"The file to write: {', '.join(FORMATS)}.")],
    board: BoardOption = "9x6",
    square: SquareOption = 0.025,
    paper: Annotated[str, typer.Option(help=f"{', '.join(PAPERS)}; landscape.")] = "a4",
) -> None:
    """Write a checkerboard to print. Print it at 100 %, and stick it to something stiff and flat.

    The ruler below it must measure 100 mm on paper.
    """
    made = Board.parse(board, square)
    write_board(file, made, paper.lower())
    people.print(
        f"{file}: {made.columns} x {made.rows} inner corners, squares of {1000 * square:g} mm; "
        "print at 100 % and check the ruler"
    )


@group.command("calibrate")
def calibrate(
    source: Annotated[
        list[str] | None,
        typer.Argument(
            help="A camera, or pictures, folders of them, or a clip that it took; default: the "
            "camera of the configuration.",
            show_default=False,
        ),
    ] = None,
    *,
    board: BoardOption = "9x6",
    square: SquareOption = 0.025,
    views: Annotated[
        int, typer.Option(min=MIN_VIEWS, max=60, help="Views to take live or from a clip.")
    ] = 15,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the values into this configuration file; nothing else in it changes.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Find a camera's focal length and centre from views of the printed checkerboard.

    Show the whole board from near and far, tilted to all sides, also in the picture's corners.
    Live and from a clip, a view is taken wherever the board is held still in a new place; of
    pictures, each is one. The lines for the configuration file are printed; --out writes them.
    """
    collector = ViewCollector(Board.parse(board, square), views)
    words = source or [load().camera.source]
    if len(words) == 1 and (not source or words[0].startswith(_LIVE)):
        _from_camera(words[0], collector)
    else:
        _from_files(words, collector)
    found = collector.calibrate()
    _tell(found)
    if out is not None:
        set_in_file(out, "pose", found.values())
        people.print(f"written to {out}")
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    elif out is None:
        typer.echo(found.settings())


def _tell(found: Calibration) -> None:
    k = found.intrinsics
    people.print(
        f"{found.views} views of {k.width} x {k.height}, off by {found.error:.2f} pixels; the "
        f"picture spans {k.horizontal_fov:.1f} degrees; the board was {found.nearest:.2f} to "
        f"{found.furthest:.2f} m away"
    )


def _from_files(words: list[str], collector: ViewCollector) -> None:
    """Each picture is a view; of a clip, where the board is held still."""
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
            people.print(f"[dim]{frame.source}: no such board in it[/]")


def _from_camera(uri: str, collector: ViewCollector) -> None:
    """Views from the live picture, with hints for the person before it."""
    if "\n" in uri or not uri.strip():
        raise UsageError(f"source {uri!r}: give a camera, such as v4l2:0")
    board = collector.board
    people.print(
        f"show the board of {board.columns} x {board.rows} inner corners; {collector.wanted} "
        "views are taken. Ctrl-C stops."
    )
    hint = ""
    with open_source(uri, load().camera, realtime=True) as camera:
        while not (camera.finished or collector.done):
            frame = camera.read(timeout=1.0)
            if frame is None:
                continue
            told = collector.watch(frame.image)
            if not told:
                people.print(f"[green]{len(collector.views)} of {collector.wanted}[/]")
            elif told != hint:
                people.print(f"[dim]{told}[/]")
            hint = told
