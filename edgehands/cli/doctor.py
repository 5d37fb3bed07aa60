"""``edgehands doctor``: what is wrong here, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgehands.cli.choices import ConfigOption, JsonOption, OneCameraOption
from edgehands.wording import counted

if TYPE_CHECKING:
    from edgehands.config import Config
    from edgehands.doctor import Finding
    from edgehands.errors import ConfigError

app = typer.Typer()

_STYLES = {"PASS": "green", "WARN": "yellow", "FAIL": "bold red"}


@app.command()
def doctor(
    config: ConfigOption = None,
    camera: OneCameraOption = "",
    *,
    show_token: Annotated[
        bool,
        typer.Option("--show-token", help="Print the live page's address with its token, and end."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Find out what is wrong: software, models, camera, Coral, broker, power, card, service.

    It changes nothing. Every line is PASS, WARN or FAIL; after the last two comes what to do.
    Secrets are left out, so its output can be shown to others. Exit code 1 if anything is FAIL.
    """
    import msgspec

    from edgehands.config import load, paths_for
    from edgehands.doctor import examine
    from edgehands.doctor.examine import report
    from edgehands.errors import ConfigError

    if show_token:
        _show_token(load(paths_for(config, camera)))
        return
    settings: Config | ConfigError
    try:
        settings = load(paths_for(config, camera), options={"camera.name": camera or None})
    except ConfigError as error:
        settings = error
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            _show(finding)
    done = report(tuple(findings))
    if as_json:
        typer.echo(msgspec.json.encode(done).decode())
    else:
        passed, warned, failed = (
            sum(f.level == level for f in findings) for level in ("PASS", "WARN", "FAIL")
        )
        typer.echo(f"{passed} passed, {counted(warned, 'warning')}, {failed} failed")
    if done.result == "FAIL":
        raise typer.Exit(1)


def _show_token(config: Config) -> None:
    """Print the page's address with its token; on a terminal also as a QR code."""
    import sys

    from edgehands.errors import UsageError
    from edgehands.service.page_token import TOKEN_FILE, page_with_token, qr_code, read_token
    from edgehands.service.page_url import page_url

    url = page_url(config)
    if not url:
        raise UsageError("this machine serves no live page: 'edgehands preview' does")
    try:
        address = page_with_token(url, read_token())
    except OSError as error:
        raise UsageError(f"{TOKEN_FILE}: {error.strerror}: run it with sudo") from None
    typer.echo(address)
    if sys.stdout.isatty():
        typer.echo(qr_code(address))


def _show(finding: Finding) -> None:
    from edgehands.cli.actions.output import tables

    # Printed immediately: the camera and the broker take seconds.
    tables.print(finding.level, style=_STYLES[finding.level], end=" ", soft_wrap=True)
    tables.print(f"{finding.check}: {finding.message}", soft_wrap=True)
    if finding.remedy:
        tables.print(f"     -> {finding.remedy}", soft_wrap=True)
