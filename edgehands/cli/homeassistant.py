"""``edgehands homeassistant``: what Home Assistant keeps of a node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from edgehands.config import DEFAULT_PATHS, check_topic_level, load
from edgehands.mqtt.oneshot import remove_discovery
from edgehands.mqtt.topics import Topics

app = typer.Typer()
group = typer.Typer(
    name="homeassistant",
    help="Take a node out of Home Assistant.",
    no_args_is_help=True,
)
app.add_typer(group, name="homeassistant")


@group.callback()
def _only_verbs() -> None:
    # Without it typer would take the one verb of the group for the group itself.
    """Take a node out of Home Assistant."""


@group.command("remove")
def remove(
    mqtt: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The broker; else that of the configuration."),
    ] = None,
    node: Annotated[
        str, typer.Option(metavar="NAME", help="Which node; else that of the configuration.")
    ] = "",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read this configuration file only.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Remove a node's device and entities: empty its retained discovery document.

    For a node that was thrown away or renamed. One that is still running is there again with its
    next connection: stop it first, or set discovery = false under [homeassistant] on it.
    """
    settings = load([config] if config else DEFAULT_PATHS, options={"mqtt.url": mqtt})
    if node:
        check_topic_level("--node", node)
    name = node or settings.node.name
    topics = Topics(prefix=settings.mqtt.prefix, node=name)
    remove_discovery(settings.mqtt, topics, settings.homeassistant.prefix)
    removed = Removed(
        node=name,
        topic=topics.discovery(settings.homeassistant.prefix),
        broker=str(settings.mqtt.address),
    )
    if as_json:
        typer.echo(msgspec.json.encode(removed).decode())
    else:
        typer.echo(f"{removed.node} is removed: {removed.topic} is empty on {removed.broker}")


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: the node, the topic that was emptied, the broker without password."""

    node: str
    topic: str
    broker: str
