"""``edgehands eval``: how well are hands tracked in films whose truth is known?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgehands.cli.choices import (
    Backend,
    BackendOption,
    JsonOption,
    MaxHandsOption,
    Model,
    ModelOption,
    Precision,
    PrecisionOption,
)

app = typer.Typer()


@app.command("eval")
def evaluate(
    clips: Annotated[
        str, typer.Option(metavar="A,B", help="Which clips, separated by commas. [default: all]")
    ] = "",
    *,
    model: ModelOption = Model.FULL,
    precision: PrecisionOption = Precision.AUTO,
    backend: BackendOption = Backend.AUTO,
    max_hands: MaxHandsOption = 2,
    smoothing: Annotated[bool, typer.Option(help="Smooth the landmarks.")] = True,
    quick: Annotated[bool, typer.Option("--quick", help="Only 1.5 s of each clip.")] = False,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Other people, light and backgrounds.")
    ] = 1,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where drawn clips are kept (2 GB for all of them)."),
    ] = None,
    list_clips: Annotated[bool, typer.Option("--list", help="List the clips and exit.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Track the benchmark's films and print the scores, clip by clip.

    The first run draws the films, which takes some minutes; they are kept for later runs.
    """
    import msgspec

    from edgehands.cli.actions import evaluate as action
    from edgehands.config import TrackingConfig

    if list_clips:
        action.list_clips()
        return
    config = TrackingConfig(
        model=model.value,
        precision=precision.value,
        backend=backend.value,
        max_hands=max_hands,
        smoothing=smoothing,
        num_threads=1,
    )
    names = [name.strip() for name in clips.split(",") if name.strip()]
    report = action.evaluate(names, config, seed=seed, quick=quick, folder=folder)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        action.show(report)
