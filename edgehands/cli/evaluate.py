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
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Labelled pictures instead; the next five are theirs."),
    ] = None,
    annotator: Annotated[
        str, typer.Option(metavar="NAME", help="Whose answers. [default: who answered most]")
    ] = "",
    models: Annotated[
        str, typer.Option(metavar="A,B", help="full, lite, full-float, lite-int8 and so on.")
    ] = "full,lite",
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with plots and the worst pictures."),
    ] = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="Choose thresholds for this camera.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write them into this configuration file if they help."),
    ] = None,
    films: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Films of real hands instead; the next four are theirs."
        ),
    ] = None,
    mediapipe: Annotated[
        Path | None,
        typer.Option(metavar="PYTHON", help="Compare with MediaPipe: a python that has mediapipe."),
    ] = None,
    not_hands: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Places where MediaPipe's hands are none: left out."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a picture of the frames worth a look."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=600, metavar="N", help="Seconds of each film.")
    ] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Track the benchmark's films and print the scores, clip by clip.

    The first run draws the films, which takes some minutes; they are kept for later runs. With
    --data, pictures of one's own camera instead, recorded and annotated. With --films, films of
    real hands, whose truth nobody knows: gaps, doubles, jitter, lag and CPU time.
    """
    import msgspec

    from edgehands.config import DEFAULT_PATHS, TrackingConfig, load

    if data is not None:
        from edgehands.cli.actions.evaluate_data import DataOptions, evaluate_data

        wanted = tuple(name.strip() for name in models.split(",") if name.strip())
        options = DataOptions(data, annotator, wanted, report, propose, write, as_json)
        tracking = load([write] if write is not None and write.exists() else DEFAULT_PATHS).tracking
        evaluate_data(options, msgspec.structs.replace(tracking, backend=backend.value))
        return

    from edgehands.cli.actions import evaluate as action

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
    if films is not None:
        from edgehands.cli.actions.films import FilmOptions, evaluate_films

        evaluate_films(
            FilmOptions(
                folder=films,
                mediapipe=mediapipe,
                not_hands=not_hands,
                sheet=sheet,
                seconds=seconds,
                as_json=as_json,
            ),
            config,
        )
        return
    names = [name.strip() for name in clips.split(",") if name.strip()]
    scores = action.evaluate(names, config, seed=seed, quick=quick, folder=folder)
    if as_json:
        typer.echo(msgspec.json.encode(scores).decode())
    else:
        action.show(scores)
