"""Tracks and scores the benchmark's films."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
from rich.progress import Progress
from rich.table import Table

from edgehands.cli.actions.output import people, progress_bar, tables
from edgehands.errors import UsageError
from edgehands.evaluation.clips import load_clips
from edgehands.evaluation.metrics import Score, score, total
from edgehands.evaluation.report import COLUMNS
from edgehands.evaluation.runner import TrackerUnderTest
from edgehands.evaluation.store import default_folder
from edgehands.synthetic import CLIPS, plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgehands.config import TrackingConfig
    from edgehands.evaluation.values import Clip


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: the settings, each clip's scores, and those of all clips together."""

    model: str
    precision: str
    backend: str
    seed: int
    quick: bool
    clips: dict[str, Score]
    total: Score


def evaluate(
    names: Sequence[str], config: TrackingConfig, *, seed: int, quick: bool, folder: Path | None
) -> Report:
    """Track films, drawing missing ones first.

    Args:
        names: which of the benchmark's clips; empty = all.
        config: how they are tracked.
        seed: other people, light and backgrounds.
        quick: only 1.5 s of each.
        folder: where drawn films are kept; None = the default.

    Raises:
        UsageError: there is no clip of that name.
    """
    names = list(names or CLIPS)
    unknown = [name for name in names if name not in CLIPS]
    if unknown:
        raise UsageError(f"clip {unknown[0]!r}: unknown: give some of {', '.join(CLIPS)}")
    with progress_bar() as bar:
        films = _load(bar, names, seed=seed, quick=quick, folder=folder)
        marks = _track(bar, config, films)
    return Report(
        model=config.model,
        precision=config.precision,
        backend=config.backend,
        seed=seed,
        quick=quick,
        clips=marks,
        total=total(list(marks.values())),
    )


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


def show(report: Report) -> None:
    """Print a report for people."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("clip", no_wrap=True)
    for column in COLUMNS.values():
        table.add_column(column.short, justify="right")
    for name, marks in report.clips.items():
        table.add_row(name, *[column.text(marks) for column in COLUMNS.values()])
    table.add_row("all together", *[column.text(report.total) for column in COLUMNS.values()])
    tables.print(f"{report.model} {report.precision}, films of seed {report.seed}")
    tables.print(table)


def list_clips() -> None:
    """Print the names of the clips, and what each shows."""
    for name in CLIPS:
        tables.print(f"{name:<14}{plan(name).about}")
