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

    Read in this order, each over the one before: /etc/edgehands/edgehands.toml,
    /boot/firmware/edgehands.toml, EDGEHANDS_SECTION__KEY variables.
    """
    from edgehands.config import DEFAULT_PATHS, explain, load_with_origins

    loaded = load_with_origins([config] if config else DEFAULT_PATHS)
    if not quiet:
        typer.echo(explain(loaded.config, loaded.origins))
