"""``edgehands preview``: the live page, served by a process of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import BrokerOption, ConfigOption, NodeOption

app = typer.Typer()

NOT_INSTALLED = "the page's server isn't installed: pip install 'edgehands[preview]'"


@app.command()
def preview(
    mqtt: BrokerOption = None,
    node: NodeOption = "",
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where to listen; any but loopback needs --token."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="0 takes a free one.")
    ] = 8765,
    token: Annotated[
        str,
        typer.Option(
            envvar="EDGEHANDS_PREVIEW_TOKEN",
            show_envvar=True,
            metavar="TEXT",
            help="What a viewer must know.",
        ),
    ] = "",
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Another name that the page is called by (a proxy's)."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Serve a page that shows what is published: hands in 2-D and 3-D, gestures, rates, states.

    Open the printed address in a browser. Ctrl-C ends it.
    """
    from edgehands.config import DEFAULT_PATHS, check_topic_level, load
    from edgehands.errors import UsageError

    try:
        from edgehands.preview.server import serve_page
        from edgehands.preview.serving import PageAddress
    except ImportError as error:
        raise UsageError(f"{NOT_INSTALLED} ({error})") from None
    settings = load([config] if config else DEFAULT_PATHS, options={"mqtt.url": mqtt}).mqtt
    if node:
        check_topic_level("--node", node)

    def ready(url: str) -> None:
        typer.echo(f"{url}{'#token=…' if token else ''}")

    serve_page(settings, PageAddress(host, port, token, tuple(name or ())), node=node, ready=ready)
