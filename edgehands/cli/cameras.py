"""``edgehands cameras``: what can be opened here."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from edgehands.cameras import list_cameras
from edgehands.cli.output import tables

app = typer.Typer()


@app.command()
def cameras(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list for programs.")] = False,
) -> None:
    """List the USB and CSI cameras, with the address to give as --source."""
    found = list_cameras()
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    if not found:
        typer.echo("no camera found: plug one in; 'edgehands run --source demo:' works without one")
        return
    table = Table("source", "name", "modes")
    for camera in found:
        modes = ", ".join(f"{m.format} {m.width}x{m.height}" for m in camera.modes[:6])
        table.add_row(camera.uri, camera.name, modes or "found when it is opened")
    tables.print(table)
