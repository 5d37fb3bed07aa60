"""``edgehands run``: the options of the service, which then runs in a lean process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from edgehands.cli.choices import ConfiguredMaxHandsOption, ConfiguredModelOption

app = typer.Typer()


@app.command()
def run(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read only this file instead of the usual two."),
    ] = None,
    camera: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="One of several cameras of this device: its name, and that of its own file, "
            "/etc/edgehands/NAME.toml or /boot/firmware/edgehands-NAME.toml.",
        ),
    ] = "",
    source: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="picamera2:0, v4l2:/dev/video0, rtsp://…, http://…, file:clip.mp4, dir:images/, "
            "demo:",
        ),
    ] = None,
    mqtt: Annotated[
        str | None, typer.Option(metavar="URL", help="mqtt://host:1883, or mqtts:// for TLS.")
    ] = None,
    model: ConfiguredModelOption = None,
    max_hands: ConfiguredMaxHandsOption = None,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Track hands from a camera and publish them over MQTT, until it is stopped.

    The configuration is read from /etc/edgehands/edgehands.toml, then
    /boot/firmware/edgehands.toml, then EDGEHANDS_SECTION__KEY variables, then these options;
    'edgehands check' shows what is in force. SIGTERM and Ctrl-C end it cleanly.
    """
    from edgehands.service.options import RunOptions

    options = RunOptions(
        config=str(config) if config else None,
        camera=camera,
        settings={
            "camera.source": source,
            "mqtt.url": mqtt,
            "tracking.model": model.value if model else None,
            "tracking.max_hands": max_hands,
        },
        verbose=verbose,
        debug=context.obj["debug"],
    )
    # # The same process continues without typer in memory; options are passed in the environment, #
    # because a password in the broker's address would show in the process list.
    os.execve(  # noqa: S606
        sys.executable,
        [sys.executable, *_flags(), "-m", "edgehands.service"],
        {**os.environ, **options.to_environment()},
    )


def _flags() -> list[str]:
    """Python's own options, so that modules are found where ours were."""
    if sys.flags.isolated:
        return ["-I"]
    # Without -P, -m would search the current folder first; only an unpacked tree needs that.
    return [] if sys.path[0] in {"", str(Path.cwd())} else ["-P"]
