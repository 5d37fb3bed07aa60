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

    Where stdout is no terminal, changes are printed as lines. Ctrl-C ends it.
    """
    from edgehands.cli.actions.watch import watch_broker
    from edgehands.config import DEFAULT_PATHS, check_topic_level, load

    settings = load([config] if config else DEFAULT_PATHS, options={"mqtt.url": mqtt}).mqtt
    if node:
        check_topic_level("--node", node)
    watch_broker(settings, node, as_json=as_json)
