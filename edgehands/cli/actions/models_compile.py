"""Compiles models for a Coral Edge TPU with Google's compiler."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from edgehands.backends.edgetpu_compiler import (
    Compilation,
    compilable,
    compile_models,
    write_folder,
)
from edgehands.cli.actions.output import tables
from edgehands.errors import BackendUnavailable
from edgehands.model_store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgehands.model_store import Task


def compile_to(folder: Path, model: str, *, palm: bool, allow: Sequence[str]) -> None:
    """Compile models into a new folder with all models, and print where each operator runs.

    Args:
        folder: to be created.
        model: ``lite`` or ``full``.
        palm: compile palm detection too.
        allow: operators that may stay on the CPU.

    Raises:
        BackendUnavailable: the compiler isn't installed, or an operator not in ``allow`` would stay
            on the CPU.
    """
    store = ModelStore()
    tasks: list[Task] = ["hand_landmark", "palm_detection"] if palm else ["hand_landmark"]
    specs = compilable(store, model, tasks)
    with tempfile.TemporaryDirectory() as scratch:
        done = compile_models(store, specs, Path(scratch))
        for compilation in done:
            _show(compilation)
        left = [o for compilation in done for o in compilation.unexpected(allow)]
        if left:
            names = ", ".join(sorted({o.name for o in left}))
            raise BackendUnavailable(
                f"{sum(o.count for o in left)} operators would run on the CPU ({names}): change"
                " the model (python3 -m tools check-edgetpu), or --allow them"
            )
        by_name = {Path(compilation.source).name: compilation for compilation in done}
        write_folder(
            store,
            [(s, Path(scratch) / Path(by_name[Path(s.file).name].target).name) for s in specs],
            folder,
        )
    typer.echo(f"EDGEHANDS_MODELS={folder.resolve()}")


def _show(compilation: Compilation) -> None:
    table = Table("operator", "count", "where", title=Path(compilation.source).name)
    for operators in compilation.operators:
        where = "Edge TPU" if operators.mapped else f"CPU: {operators.status}"
        table.add_row(operators.name, str(operators.count), where)
    tables.print(table)
    tables.print(
        f"parameters on the chip {compilation.cached or '?'},"
        f" fetched for each run {compilation.streamed or '?'}"
    )
