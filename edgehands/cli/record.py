"""``edgehands record``: pictures from one's own camera, with what the tracker says of them."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from edgehands.cli.choices import ConfigOption, ConfiguredModelOption

app = typer.Typer()


class Faces(enum.StrEnum):
    """What becomes of faces."""

    KEEP = "keep"
    BLUR = "blur"


class ImageFormat(enum.StrEnum):
    """How pictures are stored."""

    JPEG = "jpeg"
    PNG = "png"


@app.command()
def record(
    out: Annotated[
        Path, typer.Option(help="The folder: a new one, or one to continue.", metavar="FOLDER")
    ],
    *,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="Camera, file or folder; also realsense: and oak:. Else the configuration's.",
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Keep each N-th frame.", show_default="30"),
    ] = None,
    doubtful: Annotated[
        bool,
        typer.Option(
            "--doubtful", help="Keep the frames in which the tracker may be wrong instead."
        ),
    ] = False,
    count: Annotated[
        int, typer.Option(min=0, metavar="N", help="End after N pictures; 0 = no limit.")
    ] = 0,
    seconds: Annotated[
        float, typer.Option(min=0, metavar="S", help="End after S seconds; 0 = no limit.")
    ] = 0.0,
    depth: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="16-bit PNGs of millimetres, one for each frame."),
    ] = None,
    faces: Annotated[
        Faces, typer.Option(help="blur: nobody's face can be recognised in the pictures.")
    ] = Faces.KEEP,
    face_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YuNet's ONNX file, for --faces blur.")
    ] = None,
    image_format: Annotated[
        ImageFormat,
        typer.Option("--format", help="png is lossless and takes ten times the space."),
    ] = ImageFormat.JPEG,
    model: ConfiguredModelOption = None,
    config: ConfigOption = None,
) -> None:
    """Record pictures, and what the tracker says of them, to be corrected with edgehands annotate.

    Nothing else stores pictures. They stay in the folder, which only its owner may read. Ctrl-C
    ends; the same folder can be continued later.
    """
    from edgehands.cli.actions.record import RecordOptions
    from edgehands.cli.actions.record import record as record_pictures
    from edgehands.config import DEFAULT_PATHS, load

    settings = load(
        [config] if config else DEFAULT_PATHS,
        options={"camera.source": source, "tracking.model": model.value if model else None},
    )
    options = RecordOptions(
        out=out,
        every=every,
        doubtful=doubtful,
        count=count,
        seconds=seconds,
        depth=depth,
        blur=faces is Faces.BLUR,
        face_model=face_model,
        ending="jpg" if image_format is ImageFormat.JPEG else "png",
    )
    record_pictures(settings, options)
