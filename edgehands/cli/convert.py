"""``edgehands convert``: labelled pictures from and to public formats."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from edgehands.errors import UsageError

app = typer.Typer()


class Format(enum.StrEnum):
    """What is read or written."""

    COCO = "coco"
    WHOLEBODY = "wholebody"
    ONEHAND10K = "onehand10k"
    FREIHAND = "freihand"
    RHD = "rhd"
    INTERHAND = "interhand"
    HAGRID = "hagrid"


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A data set's file or folder, or a recording.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder to make, or the COCO file to write.")
    ],
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="What SOURCE is, or OUT for a recording.")
    ] = Format.COCO,
    images: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where SOURCE's pictures are. [default: beside it]"),
    ] = None,
    annotator: Annotated[
        str, typer.Option(metavar="NAME", help="Whose answers; of a recording, who answered most.")
    ] = "",
) -> None:
    """Convert a public data set into a folder, or an annotated folder into COCO key points.

    COCO key points are what CVAT and Label Studio read and write: an annotated folder can be
    corrected there and converted back.
    """
    from edgehands.cli.actions.output import people

    if (source / "dataset.json").is_file():
        if format_ is not Format.COCO:
            raise UsageError(f"--format {format_}: a recording can be written as coco only")
        from edgehands.dataset import read
        from edgehands.dataset.convert.coco import write_coco

        hands = write_coco(read(source, annotator or None), out)
        people.print(f"{hands} hands in {out}; their pictures are in {source}/images")
        return
    from edgehands.dataset.convert.choose import convert_set

    summary = convert_set(format_.value, source, images, out, annotator or format_.value)
    for failure in summary.failures:
        typer.echo(f"edgehands: {failure}", err=True)
    people.print(f"{summary.pictures} pictures with {summary.hands} hands in {out}")
    if summary.failures:
        people.print(f"{len(summary.failures)} pictures couldn't be read")
        raise typer.Exit(1)
