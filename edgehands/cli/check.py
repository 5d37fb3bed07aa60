"""``edgehands check``: is the configuration good, and what is in force?"""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import ConfigOption

app = typer.Typer()


@app.command()
def check(
    config: ConfigOption = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing if good.")] = False,
) -> None:
    """Validate the configuration and print what is in force, secrets redacted.

    Every mistake is named, a line each; then the exit code is 2.

    Read in this order, each over the one before: /etc/edgehands/edgehands.toml,
    /boot/firmware/edgehands.toml, EDGEHANDS_SECTION__KEY variables.
    """
    from edgehands.config import DEFAULT_PATHS, explain, load_with_origins
    from edgehands.errors import ConfigError

    try:
        loaded = load_with_origins([config] if config else DEFAULT_PATHS)
    except ConfigError as error:
        for mistake in error.mistakes:
            typer.echo(f"edgehands: {mistake}", err=True)
        raise typer.Exit(2) from None
    if not quiet:
        typer.echo(explain(loaded.config, loaded.origins))
