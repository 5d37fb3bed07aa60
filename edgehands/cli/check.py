"""``edgehands check``: is the configuration good, and what is in force?"""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import ConfigOption, OneCameraOption

app = typer.Typer()


@app.command()
def check(
    config: ConfigOption = None,
    camera: OneCameraOption = "",
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing if good.")] = False,
) -> None:
    """Validate the configuration and print what is in force, secrets redacted.

    Every mistake is named, a line each; then the exit code is 2.

    Read in this order, each over the one before: /etc/edgehands/edgehands.toml,
    /boot/firmware/edgehands.toml, EDGEHANDS_SECTION__KEY variables.
    """
    from edgehands.config import explain, load_with_origins, paths_for
    from edgehands.errors import ConfigError

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
