"""``edgehands annotate --agreement``: how far the annotators of a folder differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import typer
from rich.table import Table

from edgehands.cli.actions.output import tables
from edgehands.dataset.agreement import agreements
from edgehands.errors import UsageError
from edgehands.hand import Landmark

if TYPE_CHECKING:
    from pathlib import Path


def show_agreement(folder: Path | None, *, as_json: bool) -> None:
    """Print the comparison of every pair of annotators.

    Raises:
        UsageError: no folder was given.
        DatasetError: it isn't a data set, or fewer than two people annotated it.
    """
    if folder is None:
        raise UsageError("--agreement needs a folder: edgehands annotate FOLDER --agreement")
    found = agreements(folder)
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    titles = ("", "pictures", "hands", "only one", "apart %", "p95 %", "most about", "same side %")
    for title in titles:
        table.add_column(title, justify="right" if title else "left")
    for pair in found:
        point = Landmark(pair.worst_point).name.lower() if pair.worst_point >= 0 else "-"
        table.add_row(
            f"{pair.one} and {pair.other}",
            str(pair.pictures),
            str(pair.hands),
            str(pair.only_one + pair.only_other),
            _percent(pair.distance),
            _percent(pair.p95),
            point,
            _percent(pair.same_side),
        )
    tables.print(table)
    tables.print("in per cent of palm size: no error below this can be told from the annotators'")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
