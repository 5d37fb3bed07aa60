"""``edgehands check``: is the configuration good, and what is in force?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgehands.config import explain, load_with_origins, paths_for
from edgehands.errors import ConfigError

app = typer.Typer()


@app.command()
def check(
    config: Annotated[
        Path | None, typer.Option(help="Read this file only, instead of the usual two.")
    ] = None,
    camera: Annotated[
        str, typer.Option(metavar="NAME", help="One of several cameras: its own file is read too.")
    ] = "",
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing if good.")] = False,
) -> None:
    """Validate the configuration and print what is in force, secrets redacted.

    Every mistake is named, a line each; then the exit code is 2.

    Read in this order, each over the one before: /etc/edgehands/edgehands.toml,
    /boot/firmware/edgehands.toml, EDGEHANDS_SECTION__KEY variables.
    """
    try:
        loaded = load_with_origins(
            paths_for(config, camera), options={"camera.name": camera or None}
        )
    except ConfigError as error:
        for mistake in error.mistakes:
            typer.echo(f"edgehands: {mistake}", err=True)
        raise typer.Exit(2) from None
    if not quiet:
        typer.echo(explain(loaded.config, loaded.origins))
