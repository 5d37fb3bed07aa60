"""``edgehands eval``: how well are hands tracked in films whose truth is known?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress
from rich.table import Table

from edgehands.cli.choices import (
    Backend,
    BackendOption,
    MaxHandsOption,
    Model,
    ModelOption,
    Precision,
    PrecisionOption,
)
from edgehands.cli.evaluate_data import DataOptions, evaluate_data
from edgehands.cli.output import people, tables
from edgehands.config import DEFAULT_PATHS, TrackingConfig, load
from edgehands.errors import UsageError
from edgehands.evaluation.clips import load_clips
from edgehands.evaluation.metrics import Score, score, total
from edgehands.evaluation.report import COLUMNS
from edgehands.evaluation.runner import TrackerUnderTest
from edgehands.evaluation.store import default_folder
from edgehands.evaluation.values import Clip
from edgehands.synthetic import CLIPS, plan

app = typer.Typer()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: the settings, each clip's marks, and all clips' together."""

    model: str
    precision: str
    backend: str
    seed: int
    quick: bool
    clips: dict[str, Score]
    total: Score


@app.command("eval")
def evaluate(
    clips: Annotated[
        str, typer.Option(help="Which clips, with commas between; all without it.", metavar="A,B")
    ] = "",
    *,
    model: ModelOption = Model.FULL,
    precision: PrecisionOption = Precision.AUTO,
    backend: BackendOption = Backend.AUTO,
    max_hands: MaxHandsOption = 2,
    smoothing: Annotated[bool, typer.Option(help="Smooth the landmarks.")] = True,
    quick: Annotated[bool, typer.Option("--quick", help="Only 1.5 s of each clip.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Other people, light and backgrounds.")] = 1,
    folder: Annotated[
        Path | None, typer.Option(help="Where drawn clips are kept (2 GB for the suite).")
    ] = None,
    list_clips: Annotated[bool, typer.Option("--list", help="Name the clips and exit.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Labelled pictures instead of clips; the next five belong to it."
        ),
    ] = None,
    annotator: Annotated[
        str, typer.Option(metavar="NAME", help="Whose answers; else who answered most.")
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
        typer.Option(metavar="FILE", help="The configuration file that gets them if they gain."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Track the benchmark's films and print the marks, clip by clip.

    The first run draws the films, some minutes; they are kept for later ones. With --data, pictures
    of one's own camera instead, recorded and annotated.
    """
    if data is not None:
        wanted = tuple(name.strip() for name in models.split(",") if name.strip())
        options = DataOptions(data, annotator, wanted, report, propose, write, as_json)
        tracking = load([write] if write is not None and write.exists() else DEFAULT_PATHS).tracking
        evaluate_data(options, msgspec.structs.replace(tracking, backend=backend.value))
        return
    if list_clips:
        _list()
        return
    names = [name.strip() for name in clips.split(",") if name.strip()] or list(CLIPS)
    unknown = [name for name in names if name not in CLIPS]
    if unknown:
        raise UsageError(f"clip {unknown[0]!r}: unknown; give some of {', '.join(CLIPS)}")
    config = TrackingConfig(
        model=model.value,
        precision=precision.value,
        backend=backend.value,
        max_hands=max_hands,
        smoothing=smoothing,
        num_threads=1,
    )
    with Progress(console=people, transient=True, disable=not people.is_terminal) as bar:
        films = _load(bar, names, seed=seed, quick=quick, folder=folder)
        marks = _track(bar, config, films)
    told = Report(
        model=config.model,
        precision=config.precision,
        backend=config.backend,
        seed=seed,
        quick=quick,
        clips=marks,
        total=total(list(marks.values())),
    )
    if as_json:
        typer.echo(msgspec.json.encode(told).decode())
    else:
        _show(told)


def _load(
    bar: Progress, names: list[str], *, seed: int, quick: bool, folder: Path | None
) -> list[Clip]:
    bars = {}
    said = time.monotonic()

    def drawn(name: str, done: int, of: int) -> None:
        nonlocal said
        if name not in bars:
            bars[name] = bar.add_task(f"drawing {name}", total=of)
        bar.update(bars[name], completed=done, visible=done < of)
        if not people.is_terminal and time.monotonic() - said > 30:
            said = time.monotonic()
            people.print(f"drawing {name}: {done} of {of} frames, into {folder}")

    folder = folder or default_folder()
    return load_clips(names, seed=seed, quick=quick, folder=folder, progress=drawn)


def _track(bar: Progress, config: TrackingConfig, films: list[Clip]) -> dict[str, Score]:
    marks = {}
    task = bar.add_task("tracking", total=sum(map(len, films)))
    with TrackerUnderTest(config) as tracker:
        for clip in films:
            marks[clip.name] = score(clip, tracker.run(clip))
            bar.advance(task, len(clip))
    return marks


def _show(report: Report) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("clip", no_wrap=True)
    for column in COLUMNS.values():
        table.add_column(column.short, justify="right")
    for name, marks in report.clips.items():
        table.add_row(name, *[column.text(marks) for column in COLUMNS.values()])
    table.add_row("all together", *[column.text(report.total) for column in COLUMNS.values()])
    tables.print(f"{report.model} {report.precision}, films of seed {report.seed}")
    tables.print(table)


def _list() -> None:
    for name in CLIPS:
        tables.print(f"{name:<14}{plan(name).about}")
