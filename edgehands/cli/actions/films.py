"""Tracks and scores your own films of real hands, next to MediaPipe where available."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from edgehands.cameras import SourceFailure
from edgehands.cli.actions.output import people, progress_bar, tables
from edgehands.errors import UsageError
from edgehands.evaluation.film_scores import FilmScore, score, total
from edgehands.evaluation.film_sheet import ContactSheet
from edgehands.evaluation.films import Film, FilmTracker, MediaPipe, find_films, read_film
from edgehands.evaluation.not_hands import NotHand, is_none, read_not_hands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgehands.config import TrackingConfig
    from edgehands.evaluation.values import ReportedHand

COMPLEXITY = {"lite": 0, "full": 1}

LEAST_WIDTH = 142
"""Width of the table, characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOptions:
    """The options of ``edgehands eval --films``.

    Attributes:
        folder: of films.
        mediapipe: a Python with mediapipe installed; None = edgehands alone.
        not_hands: a table of places where the reference is wrong about a hand; None = nowhere.
        sheet: path of the contact sheet; None = none.
        seconds: of each film.
        as_json: one JSON object for programs.
    """

    folder: Path
    mediapipe: Path | None
    not_hands: Path | None
    sheet: Path | None
    seconds: float
    as_json: bool


class FilmReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: each tracker's scores, by film and for all films together."""

    model: str
    precision: str
    backend: str
    films: dict[str, dict[str, FilmScore]]
    total: dict[str, FilmScore]


def evaluate_films(options: FilmOptions, config: TrackingConfig) -> None:
    """Track the films of a folder and print the scores.

    Raises:
        UsageError: there is no film, none can be read, or the sheet can't be written.
        BackendUnavailable: MediaPipe doesn't run in its Python.
    """
    if options.not_hands is not None and options.mediapipe is None:
        raise UsageError("--not-hands is about the reference's hands: add --mediapipe PYTHON")
    paths = find_films(options.folder)
    listed = {} if options.not_hands is None else read_not_hands(options.not_hands)
    films: dict[str, dict[str, FilmScore]] = {}
    sheet = ContactSheet()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgehands-films-")))
        ours = stack.enter_context(FilmTracker(config))
        theirs = static = None
        if options.mediapipe is not None:
            size = COMPLEXITY[config.model]
            theirs = stack.enter_context(MediaPipe(options.mediapipe, size, static=False))
            static = stack.enter_context(MediaPipe(options.mediapipe, 1, static=True))
        bar = stack.enter_context(progress_bar())
        for path in bar.track(paths, description="films"):
            film = read_film(path, options.seconds, folder)
            if isinstance(film, SourceFailure):
                typer.echo(f"edgehands: {film.error}", err=True)
                continue
            run = ours.run(film)
            if theirs is None or static is None:
                mine, doubts = score(run, film.fps)
                films[film.name] = {"edgehands": mine}
            else:
                reference, other = static.run(film), theirs.run(film)
                none = _judged(film, listed.get(film.name, ()))
                mine, doubts = score(run, film.fps, (reference, other), none)
                its, _ = score(other, film.fps, (reference, run), none)
                films[film.name] = {"edgehands": mine, "MediaPipe": its}
            if options.sheet is not None:
                sheet.add(film, run, doubts)
    if not films:
        raise UsageError(f"--films {options.folder}: none of its films can be read")
    names = list(next(iter(films.values())))
    report = FilmReport(
        model=config.model,
        precision=config.precision,
        backend=config.backend,
        films=films,
        total={name: total([film[name] for film in films.values()]) for name in names},
    )
    if options.sheet is not None:
        people.print(f"{sheet.write(options.sheet)} frames on {options.sheet}")
    if options.as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _show(report, beside=options.mediapipe is not None, judged=options.not_hands is not None)


def _judged(film: Film, places: Sequence[NotHand]) -> Callable[[int, ReportedHand], bool]:
    height, width = film.images.shape[1:3]
    return lambda frame, hand: is_none(places, frame, hand, (width, height))


def _show(report: FilmReport, *, beside: bool, judged: bool) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("film", no_wrap=True)
    table.add_column("tracker", no_wrap=True)
    columns = [
        *("frames", "any %", "two %", "tracks", "holes", "doubles", "flips"),
        *("raw %", "jitter %", "lag ms", "CPU ms"),
        *(("found %", "gaps", "alone", "switches") if beside else ()),
        *(("no hand",) if judged else ()),
    ]
    for column in columns:
        table.add_column(column, justify="right")
    rows = [*report.films.items(), ("all together", report.total)]
    for film, scores in rows:
        for tracker, marks in scores.items():
            cells = [*_cells(marks), *(_beside_cells(marks) if beside else ())]
            cells += [str(marks.no_hand)] if judged else []
            table.add_row(film, tracker, *cells)
    tables.print(f"{report.model} {report.precision}, {len(report.films)} films")
    # In a narrow terminal, wrap lines rather than truncate figures.
    wide = Console(width=max(tables.width, LEAST_WIDTH), highlight=False, markup=False)
    wide.print(table, crop=False)


def _cells(marks: FilmScore) -> list[str]:
    frames = max(1, marks.frames)
    return [
        str(marks.frames),
        f"{100 * marks.any / frames:.1f}",
        f"{100 * marks.two / frames:.1f}",
        *map(str, (marks.tracks, marks.holes, marks.doubles, marks.flips)),
        _root_mean(marks.jitter_raw),
        _root_mean(marks.jitter),
        f"{marks.lag[0] / marks.lag[1]:.1f}" if marks.lag[1] else "-",
        f"{marks.cpu_ms / frames:.1f}",
    ]


def _beside_cells(marks: FilmScore) -> list[str]:
    found = f"{100 * marks.found / marks.reference:.1f}" if marks.reference else "-"
    return [found, *map(str, (marks.gaps, marks.alone, marks.switches))]


def _root_mean(pair: tuple[float, int]) -> str:
    return f"{100 * (pair[0] / pair[1]) ** 0.5:.2f}" if pair[1] else "-"
