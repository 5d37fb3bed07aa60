"""``edgehands models``: which models there are, and whether their files are whole."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from edgehands.cli.models_compile import compile_verb
from edgehands.cli.output import tables
from edgehands.errors import ModelCorrupt, ModelNotFound
from edgehands.model_store import ModelStore

app = typer.Typer()
group = typer.Typer(name="models", invoke_without_command=True)
app.add_typer(group)
group.command("compile")(compile_verb)


@group.callback()
def models(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """List the model files, verify their sha256, and say which are the defaults.

    Exit code 1 if a file is missing or damaged.
    """
    if context.invoked_subcommand:
        return
    store = ModelStore()
    faults = {}
    for spec in store:
        try:
            store.verify(spec)
        except (ModelCorrupt, ModelNotFound) as error:
            faults[spec.file] = str(error)
    if as_json:
        rows = [
            {
                "file": spec.file,
                "task": spec.task,
                "variant": spec.variant,
                "precision": spec.precision,
                "backends": spec.backends,
                "default_for": spec.default_for,
                "bytes": spec.bytes,
                "sha256": spec.sha256,
                "error": faults.get(spec.file),
            }
            for spec in store
        ]
        typer.echo(json.dumps({"folder": str(store.folder), "models": rows}))
    else:
        table = Table("task", "variant", "precision", "kB", "runs on", "default on", "file")
        for spec in store:
            table.add_row(
                spec.task,
                spec.variant,
                spec.precision,
                f"{spec.bytes / 1000:.0f}",
                ", ".join(spec.backends),
                ", ".join(spec.default_for),
                "[red]damaged or missing[/]" if spec.file in faults else "sha256 good",
            )
        tables.print(table)
    for fault in faults.values():
        typer.echo(f"edgehands: {fault}", err=True)
    if faults:
        raise typer.Exit(1)
