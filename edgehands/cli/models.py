"""``edgehands models``: which models there are, and whether their files are whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgehands.cli.choices import JsonOption, Model, ModelOption

if TYPE_CHECKING:
    from rich.text import Text

    from edgehands.model_store import ModelSpec, ModelStore

app = typer.Typer()
group = typer.Typer(name="models", invoke_without_command=True)
app.add_typer(group)


@group.command("compile", short_help="Compile models for a Coral Edge TPU.")
def compile_models(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="A new folder for all models, the compiled ones among them."
        ),
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
    from edgehands.cli.actions.models_compile import compile_to

    compile_to(folder, model.value, palm=palm, allow=allow or ())


@group.callback()
def models(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """List the model files, verify their sha256, and say which are the defaults.

    Exit code 1 if a file is missing or damaged.
    """
    if context.invoked_subcommand:
        return
    import json

    from rich.table import Table

    from edgehands.cli.actions.output import tables
    from edgehands.errors import ModelCorrupt, ModelNotFound
    from edgehands.model_store import ModelStore

    store = ModelStore()
    faults = {}
    for spec in store.expected():
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
                "here": store.has(spec),
                "error": faults.get(spec.file),
            }
            for spec in store
        ]
        typer.echo(json.dumps({"folder": str(store.folder), "models": rows}))
    else:
        table = Table("file", "kB", "runs on", "state", box=None, padding=(0, 2, 0, 0))
        for spec in store:
            places = [f"{k}, default" if k in spec.default_for else k for k in spec.backends]
            table.add_row(
                spec.file,
                f"{spec.bytes / 1000:.0f}",
                "; ".join(places),
                _state(store, spec, faults),
            )
        tables.print(table)
    for fault in faults.values():
        typer.echo(f"edgehands: {fault}", err=True)
    if faults:
        raise typer.Exit(1)


def _state(store: ModelStore, spec: ModelSpec, faults: dict[str, str]) -> Text:
    from rich.text import Text

    if spec.file in faults:
        return Text("bad", "red")
    return Text("good" if store.has(spec) else "not here")
