"""``edgehands preview``: the live page, served by a process of its own."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from edgehands.cli.choices import (
    BrokerOption,
    ConfigOption,
    HostOption,
    NodeOption,
    PageNameOption,
    PortOption,
)
from edgehands.errors import UsageError

app = typer.Typer()

_LONGEST_TOKEN = 1024
NOT_INSTALLED = "the page's server isn't installed: pip install 'edgehands[preview]'"


@app.command()
def preview(
    mqtt: BrokerOption = None,
    node: NodeOption = "",
    host: HostOption = "127.0.0.1",
    port: PortOption = 8765,
    token: Annotated[
        str,
        typer.Option(
            envvar="EDGEHANDS_PREVIEW_TOKEN",
            show_envvar=True,
            metavar="TEXT",
            help="The token that viewers need. Better --token-file: shells remember what is typed.",
        ),
    ] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", metavar="FILE|-", help="The same, from a file's first line; - is stdin."
        ),
    ] = None,
    name: PageNameOption = None,
    config: ConfigOption = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="SOCKET",
            help="Where a service of this machine gives pictures, if it may. "
            "[default: /run/edgehands/pictures.sock]",
        ),
    ] = None,
    *,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Viewers may look, but not change or teach.")
    ] = False,
) -> None:
    """Serve a page that shows what is published: hands in 2-D and 3-D, gestures, rates, states.

    Without a broker named, configured or on this machine, a node in the network is looked for.
    Open the printed address in a browser. Ctrl-C ends it.
    """
    from edgehands.cli.actions.find_nodes import choose_broker
    from edgehands.config import check_topic_level

    try:
        from edgehands.picture_socket import SERVICE_SOCKET
        from edgehands.preview.hub import PageOptions
        from edgehands.preview.server import serve_page
        from edgehands.preview.serving import PageAddress
    except ImportError as error:
        raise UsageError(f"{NOT_INSTALLED} ({error})") from None
    if node:
        check_topic_level("--node", node)
    settings = choose_broker(mqtt, config, node, lambda text: typer.echo(text, err=True))
    if token_file is not None:
        token = _read_token(token_file)

    def ready(url: str) -> None:
        typer.echo(f"{url}{'#token=…' if token else ''}")

    options = PageOptions(node=node, read_only=read_only, pictures=pictures or SERVICE_SOCKET)
    serve_page(settings, PageAddress(host, port, token, tuple(name or ())), options, ready=ready)


def _read_token(file: Path) -> str:
    """The first line of a file.

    Raises:
        UsageError: it can't be read, or the line is empty or longer than any token.
    """
    try:
        with contextlib.ExitStack() as stack:
            opened = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
            line = opened.readline(_LONGEST_TOKEN + 2).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError(f"--token-file {file} is not UTF-8 text: save it as UTF-8") from None
    except OSError as error:
        raise UsageError(
            f"--token-file {file} can't be read ({error.strerror}): check path and rights"
        ) from None
    if not 0 < len(line) <= _LONGEST_TOKEN:
        raise UsageError(
            f"--token-file {file} holds no token of 1 to {_LONGEST_TOKEN} characters:"
            " write it in the first line"
        )
    return line
