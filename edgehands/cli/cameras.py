"""``edgehands cameras``: what can be opened here, and calibrating one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgehands.cli.choices import JsonOption

app = typer.Typer()
group = typer.Typer(
    name="cameras",
    help="List the USB and CSI cameras; calibrate one with a printed checkerboard.",
)
app.add_typer(group, name="cameras")

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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list for programs.")
    ] = False,
) -> None:
    """List the USB and CSI cameras, with the address to give as --source.

    Or calibrate one with a printed checkerboard: see the commands below.
    """
    if context.invoked_subcommand is not None:
        return
    import msgspec
    from rich.table import Table

    from edgehands.cameras import list_cameras
    from edgehands.cli.actions.output import tables

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
        table.add_row(camera.uri, camera.name, modes or "known once it is opened")
    tables.print(table)


@group.command("checkerboard", short_help="Write a checkerboard to print.")
def checkerboard(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What to write: .svg, .pdf or .png.")
    ],
    board: BoardOption = "9x6",
    square: SquareOption = 0.025,
    paper: Annotated[str, typer.Option(metavar="SIZE", help="a4, a3 or letter; landscape.")] = "a4",
) -> None:
    """Write a checkerboard to print. Print it at 100 %, and stick it to something stiff and flat.

    The ruler below it must measure 100 mm on paper.
    """
    from edgehands.calibration.board import Board, write_board
    from edgehands.cli.actions.output import people

    made = Board.parse(board, square)
    write_board(file, made, paper.lower())
    people.print(
        f"{file}: {made.columns} x {made.rows} inner corners, squares of {1000 * square:g} mm; "
        "print at 100 % and check the ruler"
    )


@group.command("calibrate", short_help="Measure a camera's lens with a checkerboard.")
def calibrate(
    source: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="A camera, or pictures, folders of them, or a clip that it took. [default: the "
            "configured camera]",
            show_default=False,
        ),
    ] = None,
    *,
    board: BoardOption = "9x6",
    square: SquareOption = 0.025,
    views: Annotated[
        int, typer.Option(min=8, max=60, metavar="N", help="Views to take live or from a clip.")
    ] = 15,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the values into this configuration file; the rest of it stays as it is.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find a camera's focal length and centre from views of the printed checkerboard.

    Show the whole board from near and far, tilted in every direction, and in the picture's corners
    too. Live and from a clip, a view is taken wherever the board is held still in a new place; each
    picture is one view. The lines for the configuration file are printed; --out writes them.
    """
    import msgspec

    from edgehands.calibration.board import Board
    from edgehands.cli.actions.calibrate import calibrate as measure

    found = measure(source or (), Board.parse(board, square), views=views, out=out)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
    elif out is None:
        typer.echo(found.settings())
