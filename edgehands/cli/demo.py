"""``edgehands demo``: everything at once, on a machine with nothing set up."""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import ConfiguredModelOption

app = typer.Typer()


@app.command()
def demo(
    source: Annotated[
        str, typer.Option(metavar="URI", help="What plays as the camera, as for run.")
    ] = "demo:",
    model: ConfiguredModelOption = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="N", help="Of the page. 0: 8765, or a free one if taken."
        ),
    ] = 0,
    seconds: Annotated[
        float, typer.Option(min=0, metavar="N", help="End after so long. 0: when Ctrl-C comes.")
    ] = 0.0,
    *,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Serve the live page.")] = True,
) -> None:
    """Show moving hands tracked and published, with nothing set up: clip, broker, live page.

    Everything runs on this machine and listens on loopback only. The lines to subscribe with are
    printed. Ctrl-C ends all of it.
    """
    from edgehands.demo.run import DemoOptions, run_demo

    run_demo(DemoOptions(source, port, page, seconds, model.value if model is not None else ""))
