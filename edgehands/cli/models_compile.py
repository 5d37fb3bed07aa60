"""``edgehands models compile``: models for a Coral Edge TPU, by Google's compiler."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from edgehands.backends.edgetpu_compiler import (
    Compilation,
    compilable,
    compile_models,
    write_folder,
)
from edgehands.cli.choices import Model, ModelOption
from edgehands.cli.output import tables
from edgehands.errors import BackendUnavailable
from edgehands.model_store import ModelStore, Task


def compile_verb(
    folder: Annotated[
        Path, typer.Argument(help="A new folder for all models, the compiled ones among them.")
    ],
    *,
    model: ModelOption = Model.FULL,
    palm: Annotated[
        bool, typer.Option("--palm", help="Compile palm detection too, together with landmarks.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="OPERATOR", help="May stay on the CPU; may be repeated."),
    ] = None,
) -> None:
    """Compile models for the Edge TPU and show where each operator will run.

    Drives Google's edgetpu_compiler, which must be installed (x86-64 Linux only). Refuses when an
    operator that isn't allowed to would stay on the CPU. Name the folder in EDGEHANDS_MODELS.
    """
    store = ModelStore()
    tasks: list[Task] = ["hand_landmark", "palm_detection"] if palm else ["hand_landmark"]
    specs = compilable(store, model.value, tasks)
    with tempfile.TemporaryDirectory() as scratch:
        done = compile_models(store, specs, Path(scratch))
        for compilation in done:
            _show(compilation)
        left = [o for compilation in done for o in compilation.unexpected(allow or ())]
        if left:
            names = ", ".join(sorted({o.name for o in left}))
            raise BackendUnavailable(
                f"{sum(o.count for o in left)} operators would run on the CPU ({names}): change"
                " the model (scripts/check_edgetpu), or --allow them"
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
