"""``edgehands doctor``: what is wrong here, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edgehands.cli.output import tables
from edgehands.config import Config, load, paths_for
from edgehands.doctor import examine
from edgehands.doctor.examine import report
from edgehands.errors import ConfigError

if TYPE_CHECKING:
    from edgehands.doctor import Finding

app = typer.Typer()

_STYLES = {"PASS": "green", "WARN": "yellow", "FAIL": "bold red"}


@app.command()
def doctor(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read this configuration file only.")
    ] = None,
    camera: Annotated[
        str, typer.Option(metavar="NAME", help="One of several cameras: its own file is read too.")
    ] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Look for what is wrong: software, models, camera, Coral, broker, power, card, service.

    It changes nothing. Every line is PASS, WARN or FAIL; under the last two stands what to do.
    Secrets are left out, so its output can be shown to others. Exit code 1 if anything is FAIL.
    """
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
        counts = [sum(f.level == level for f in findings) for level in ("PASS", "WARN", "FAIL")]
        typer.echo(f"{counts[0]} good, {counts[1]} doubtful, {counts[2]} wrong")
    if done.result == "FAIL":
        raise typer.Exit(1)


def _show(finding: Finding) -> None:
    # Printed as it is found: the camera and the broker take seconds.
    tables.print(f"[{_STYLES[finding.level]}]{finding.level}[/] ", end="", soft_wrap=True)
    tables.print(f"{finding.check}: {finding.message}", markup=False, soft_wrap=True)
    if finding.remedy:
        tables.print(f"     -> {finding.remedy}", markup=False, soft_wrap=True)
