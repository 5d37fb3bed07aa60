"""``edgehands gestures``: teach the machine hand shapes of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgehands.cli.choices import JsonOption

app = typer.Typer()
group = typer.Typer(
    name="gestures",
    help="Teach, list, remove, test, export and import hand shapes of your own.",
    no_args_is_help=True,
)
app.add_typer(group, name="gestures")

FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="The taught gestures. [default: those the service reads]"
    ),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The shape's name.")]
InputsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...", help="Images or a video instead of the camera.", show_default=False
    ),
]
SourceOption = Annotated[
    str | None,
    typer.Option("--source", metavar="URI", help="The camera. [default: as configured]"),
]


@group.command("teach", short_help="Learn a shape from the camera, pictures or a clip.")
def teach(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="What to call the shape: a-z, 0-9, _ and -."),
    ],
    inputs: InputsArgument = None,
    *,
    source: SourceOption = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FOLDER", help="The hands of an annotated folder that have this name."
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option(min=1, max=50, metavar="N", help="How many examples to take.")
    ] = 5,
    more: Annotated[
        bool, typer.Option("--more", help="Add examples to a shape already taught.")
    ] = False,
    file: FileOption = None,
) -> None:
    """Learn a shape: hold it up to the camera five times, or give pictures or a clip of it.

    Turn the hand a little between examples. Each image is an example; live and in a clip, examples
    are taken while a single hand holds still.
    """
    from edgehands.cli.actions import gestures as action

    action.teach(
        name, inputs or (), source=source, folder=folder, examples=examples, more=more, file=file
    )


@group.command("list")
def list_gestures(*, file: FileOption = None, as_json: JsonOption = False) -> None:
    """List what has been taught."""
    from edgehands.cli.actions import gestures as action

    library = action.library_of(file)
    if as_json:
        typer.echo(action.as_json(library))
    elif not library.list():
        typer.echo(f"nothing has been taught yet in {library.path}: edgehands gestures teach NAME")
    else:
        action.show(library)


@group.command("remove")
def remove(name: NameArgument, *, file: FileOption = None) -> None:
    """Forget a shape."""
    from edgehands.cli.actions.gestures import library_of
    from edgehands.cli.actions.output import people

    library_of(file).remove(name)
    people.print(f"{name} is forgotten")


@group.command("test", short_help="Print the shape recognised in each frame.")
def try_out(
    inputs: InputsArgument = None,
    *,
    source: SourceOption = None,
    file: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the shape in pictures, a clip or the camera is taken for, frame by frame.

    Built-in shapes and those of your own; for the latter also how near the nearest one is.
    """
    import msgspec

    from edgehands.cli.actions.gestures import try_out as rows

    for row in rows(inputs or (), source=source, file=file):
        typer.echo(msgspec.json.encode(row).decode() if as_json else row.for_people())


@group.command("export")
def export(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Only these shapes.", show_default=False),
    ] = None,
    *,
    file: FileOption = None,
) -> None:
    """Write taught shapes to a file that others can import."""
    from edgehands.cli.actions.gestures import library_of
    from edgehands.cli.actions.output import people

    written = library_of(file).export(path, names or ())
    people.print(f"{path}: {', '.join(written)}")


@group.command("import")
def import_gestures(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A file written by export.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace shapes of the same name.")
    ] = False,
    file: FileOption = None,
) -> None:
    """Add the shapes of an exported file."""
    from edgehands.cli.actions.gestures import library_of
    from edgehands.cli.actions.output import people

    taken = library_of(file).import_from(path, replace=replace)
    people.print(f"imported: {', '.join(taken) or 'nothing, the file is empty'}")
