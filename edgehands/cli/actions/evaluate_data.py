"""``edgehands eval --data``: evaluates the models on your own labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import typer
from rich.table import Table

from edgehands.atomic import replace_file
from edgehands.cameras.images import read_image
from edgehands.cli.actions.output import people, progress_bar, tables
from edgehands.config import TrackingConfig
from edgehands.config.edit import set_in_file
from edgehands.dataset import LabelledImage, read
from edgehands.dataset.models import ModelPair
from edgehands.errors import DatasetError, SourceError, SourceNotFound, UsageError
from edgehands.evaluation.candidates import PictureResult, look
from edgehands.evaluation.labelled import PictureScore, judge, score
from edgehands.evaluation.page import PARTS, ROWS, WORST, config_lines, percent, report_page
from edgehands.evaluation.smoothing_choice import SmoothingChoice, choose_smoothing
from edgehands.evaluation.thresholds import Proposal, Thresholds, propose, surface

VARIANTS = tuple(f"{size}{form}" for size in ("full", "lite") for form in ("", "-float", "-int8"))
"""Values of ``--models``: a size, and optionally the models' form."""


class DataReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints.

    Attributes:
        folder: of the set.
        palm_score, presence: thresholds in force.
        models: measures by model.
        proposal: thresholds for this camera; null = not requested.
        after: measures of the first model with them.
        smoothing: whether smoothing should be on; null = not requested.
    """

    folder: str
    palm_score: float
    presence: float
    models: dict[str, PictureScore]
    proposal: Proposal | None = None
    after: PictureScore | None = None
    smoothing: SmoothingChoice | None = None


@dataclass(frozen=True, slots=True)
class DataOptions:
    """The options of ``edgehands eval --data``.

    Attributes:
        folder: of the set.
        annotator: whose answers; empty = the one who annotated most.
        models: of :data:`VARIANTS`.
        report: file of the page; None = none.
        propose: choose thresholds.
        write: configuration file to write them to if they gain; None = none.
        as_json: one JSON object for programs.
    """

    folder: Path
    annotator: str
    models: tuple[str, ...]
    report: Path | None
    propose: bool
    write: Path | None
    as_json: bool


def evaluate_data(options: DataOptions, tracking: TrackingConfig) -> None:
    """Evaluate, print, write the page, and propose thresholds.

    Raises:
        DatasetError: the folder isn't a data set, or nobody has annotated it.
        UsageError: an unknown model.
    """
    images = [i for i in read(options.folder, options.annotator or None) if _readable(i)]
    if not images:
        raise DatasetError(
            f"{options.folder}: no picture of it is annotated: edgehands annotate {options.folder}"
        )
    results = _look_all(options.models, tracking, images)
    judged = {
        name: [judge(r, tracking.presence, tracking.max_hands) for r in seen]
        for name, seen in results.items()
    }
    scores = {name: score(pictures) for name, pictures in judged.items()}
    first = next(iter(results))
    proposal, after, smoothing = None, None, None
    if options.propose or options.write:
        now = Thresholds(palm_score=tracking.palm_score, presence=tracking.presence)
        proposal = propose(results[first], now, tracking.max_hands)
        after = _again(options, tracking, images, proposal)
        smoothing = choose_smoothing(images, variant(first, tracking))
    if options.report is not None:
        worst = sorted(judged[first], key=lambda picture: -picture.badness)[:WORST]
        lines = surface(results[first], proposal.before, tracking.max_hands) if proposal else {}
        page = report_page(
            options.folder.resolve().name,
            scores,
            [picture for picture in worst if picture.badness > 0],
            (proposal, lines) if proposal else None,
            after,
        )
        _write_page(options.report, page)
    report = DataReport(
        folder=str(options.folder),
        palm_score=tracking.palm_score,
        presence=tracking.presence,
        models=scores,
        proposal=proposal,
        after=after,
        smoothing=smoothing,
    )
    if options.as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _show(report)
        if options.report is not None:
            people.print(f"report: {options.report}", soft_wrap=True)
    if options.write is not None and proposal is not None and smoothing is not None:
        _write(options.write, proposal, smoothing)


def _readable(image: LabelledImage) -> bool:
    """Whether the image file can be read; an unreadable one is reported and skipped."""
    try:
        read_image(image.path)
    except (SourceError, SourceNotFound) as error:
        typer.echo(f"edgehands: {error}: left out", err=True)
        return False
    return True


def _again(
    options: DataOptions,
    tracking: TrackingConfig,
    images: list[LabelledImage],
    proposal: Proposal,
) -> PictureScore:
    """The first model's measures with the proposed thresholds, measured again on the pictures."""
    then = msgspec.structs.replace(
        tracking, palm_score=proposal.after.palm_score, presence=proposal.after.presence
    )
    first = options.models[:1]
    (seen,) = _look_all(first, then, images).values()
    return score([judge(r, then.presence, then.max_hands) for r in seen])


def _write(path: Path, proposal: Proposal, smoothing: SmoothingChoice) -> None:
    """Write only settings that gain into the configuration file."""
    changed: dict[str, float | bool] = {
        key: getattr(proposal.after, key)
        for key in ("palm_score", "presence")
        if getattr(proposal.after, key) != getattr(proposal.before, key)
    }
    if smoothing.after != smoothing.before:
        changed["smoothing"] = smoothing.after
    if changed:
        set_in_file(path, "tracking", changed)
        people.print(f"written to {path}: {', '.join(changed)}", soft_wrap=True)


def _look_all(
    models: tuple[str, ...], tracking: TrackingConfig, images: list[LabelledImage]
) -> dict[str, list[PictureResult]]:
    results: dict[str, list[PictureResult]] = {}
    with progress_bar() as bar:
        task = bar.add_task("looking", total=len(images) * len(models))
        for name in models:
            results[name] = []
            with ModelPair(variant(name, tracking)) as pair:
                for image in images:
                    seen = look(pair, image, tracking.palm_score, mirrored=tracking.mirrored)
                    results[name].append(seen)
                    bar.advance(task)
    return results


def variant(name: str, tracking: TrackingConfig) -> TrackingConfig:
    """The settings for one of :data:`VARIANTS`.

    Raises:
        UsageError: there is no such variant.
    """
    if name not in VARIANTS:
        raise UsageError(f"model {name!r}: unknown; give some of {', '.join(VARIANTS)}")
    size, _, form = name.partition("-")
    return msgspec.structs.replace(
        tracking, model=size, precision=form or "auto", static_image=True
    )


def _write_page(path: Path, page: str) -> None:
    try:
        replace_file(path, page.encode())
    except OSError as error:
        raise UsageError(f"--report {path}: {error.strerror}: name a file to write") from None


def _show(report: DataReport) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(f"{next(iter(report.models.values())).pictures} pictures", no_wrap=True)
    for name in report.models:
        table.add_column(name, justify="right")
    for name, show in ROWS.items():
        table.add_row(name, *map(show, report.models.values()))
    for kind, pick in PARTS.items():
        groups = dict.fromkeys(g for s in report.models.values() for g in pick(s))
        for group in groups:
            parts = [pick(s).get(group) for s in report.models.values()]
            cells = [percent(part.nme, 2) if part else "-" for part in parts]
            table.add_row(f"  error, {kind}: {group}", *cells, style="dim")
    tables.print(table)
    if report.proposal is not None:
        _show_proposal(report, report.proposal)
    if report.smoothing is not None:
        tables.print(f"\n{report.smoothing.why}")
        if report.smoothing.after != report.smoothing.before:
            tables.print(f"smoothing = {str(report.smoothing.after).lower()}", markup=False)


def _show_proposal(report: DataReport, proposal: Proposal) -> None:
    tables.print(f"\n{proposal.why}")
    if not proposal.gains or report.after is None:
        return
    before = next(iter(report.models.values()))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("", "before", "after"):
        table.add_column(column, justify="left" if not column else "right")
    unseen = (proposal.outcome_before.f1, proposal.outcome_after.f1)
    table.add_row("F1 on unseen pictures, %", *(percent(value, 2) for value in unseen))
    for name in ("found, %", "missed", "false hands", "mean error (NME), % of palm size"):
        table.add_row(name, ROWS[name](before), ROWS[name](report.after))
    tables.print(table)
    tables.print(f"\n{config_lines(proposal)}", markup=False)
