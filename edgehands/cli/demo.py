"""``edgehands demo``: everything at once, on a machine with nothing set up."""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import ConfiguredModelOption

app = typer.Typer()


@app.command()
def demo(
    source: Annotated[
        str | None,
        typer.Option(metavar="URI", help="What is used as the camera, as for run; else a film."),
    ] = None,
    model: ConfiguredModelOption = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="N", help="The page's port. 0: 8765, or a free one."
        ),
    ] = 0,
    seconds: Annotated[
        float, typer.Option(min=0, metavar="N", help="Seconds until it ends. 0: at Ctrl-C.")
    ] = 0.0,
    *,
    camera: Annotated[
        bool | None,
        typer.Option(
            "--camera/--no-camera",
            help="Begin with this machine's own camera; don't look for one. "
            "Else a film plays, and the page offers the camera.",
        ),
    ] = None,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Serve the live page.")] = True,
) -> None:
    """Show moving hands tracked and published, with nothing set up: film, broker, live page.

    Everything runs on this machine and listens on loopback only. The lines to subscribe with are
    printed. Ctrl-C ends all of it.
    """
    from edgehands.cameras import list_cameras
    from edgehands.demo.options import FILM, DemoOptions
    from edgehands.demo.run import run_demo
    from edgehands.errors import UsageError
    from edgehands.safe_text import redact

    if camera and source is not None:
        raise UsageError(f"--camera and --source {redact(source)} are two cameras: give one")
    cameras = list_cameras() if camera is not False and source is None else ()
    if camera and not cameras:
        raise UsageError("--camera: this machine has no camera: plug one in, or leave it out")
    run_demo(
        DemoOptions(
            source=cameras[0].uri if camera else source or FILM,
            port=port,
            page=page,
            seconds=seconds,
            model=model.value if model is not None else "",
            cameras=cameras,
        )
    )
