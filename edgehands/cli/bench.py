"""``edgehands bench``: how fast is this machine?"""

from __future__ import annotations

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
    ThreadsOption,
)

app = typer.Typer()


@app.command()
def bench(
    source: Annotated[
        str,
        typer.Argument(metavar="[SOURCE]", help="A video, a folder, or demo: (the built-in clip)."),
    ] = "demo:",
    frames: Annotated[
        int, typer.Option(min=20, max=100_000, metavar="N", help="How many to measure.")
    ] = 300,
    *,
    model: ModelOption = Model.FULL,
    precision: PrecisionOption = Precision.AUTO,
    backend: BackendOption = Backend.AUTO,
    max_hands: MaxHandsOption = 2,
    threads: ThreadsOption = 0,
    beside: Annotated[
        bool, typer.Option("--async", help="Detect palms in a thread beside the loop.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure tracking on this machine: time of each stage, CPU time, memory.

    Reading the source isn't counted. What publishing costs is measured separately: two hands, 30
    times a second, to a broker of its own. Timings vary: repeat the run, and compare medians.
    """
    import msgspec

    from edgehands.cli.actions.bench import bench as measure
    from edgehands.cli.actions.bench import show
    from edgehands.config import TrackingConfig

    config = TrackingConfig(
        model=model.value,
        precision=precision.value,
        backend=backend.value,
        max_hands=max_hands,
        num_threads=threads,
        async_detection=beside,
    )
    report = measure(source, config, frames)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        show(report)
