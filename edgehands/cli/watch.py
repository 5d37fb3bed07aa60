"""``edgehands watch``: what is published, live in a terminal or as lines."""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import BrokerOption, ConfigOption, NodeOption

app = typer.Typer()


@app.command()
def watch(
    mqtt: BrokerOption = None,
    node: NodeOption = "",
    config: ConfigOption = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every message as a line of JSON.")
    ] = False,
) -> None:
    """Watch what is published: nodes, cameras, hands, gestures, rates and latency.

    Without a broker named, configured or on this machine, a node in the network is looked for.
    Where stdout is no terminal, changes are printed as lines. Ctrl-C ends it.
    """
    from edgehands.cli.actions.find_nodes import choose_broker
    from edgehands.cli.actions.watch import watch_broker
    from edgehands.config import check_topic_level

    if node:
        check_topic_level("--node", node)
    settings = choose_broker(mqtt, config, node, lambda text: typer.echo(text, err=True))
    watch_broker(settings, node, as_json=as_json)
