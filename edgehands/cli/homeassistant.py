"""``edgehands homeassistant``: what Home Assistant keeps of a node."""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import BrokerOption, ConfigOption, JsonOption

app = typer.Typer()
group = typer.Typer(
    name="homeassistant",
    help="Remove a node from Home Assistant.",
    no_args_is_help=True,
)
app.add_typer(group, name="homeassistant")


@group.callback()
def _only_verbs() -> None:
    # Without this, typer would treat the group's only verb as the group itself.
    """Remove a node from Home Assistant."""


@group.command("remove", short_help="Remove a node's device and entities.")
def remove(
    mqtt: BrokerOption = None,
    node: Annotated[
        str, typer.Option(metavar="NAME", help="Which node. [default: as configured]")
    ] = "",
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Remove a node's device and entities: empty its retained discovery document.

    For a node that was thrown away or renamed. One that is still running announces itself again
    when it next connects: stop it first, or set discovery = false under [homeassistant] on it.
    """
    import json

    from edgehands.config import DEFAULT_PATHS, check_topic_level, load
    from edgehands.mqtt.broker.oneshot import remove_discovery
    from edgehands.mqtt.contract.topics import Topics

    settings = load([config] if config else DEFAULT_PATHS, options={"mqtt.url": mqtt})
    if node:
        check_topic_level("--node", node)
    name = node or settings.node.name
    topics = Topics(prefix=settings.mqtt.prefix, node=name)
    remove_discovery(settings.mqtt, topics, settings.homeassistant.prefix)
    topic = topics.discovery(settings.homeassistant.prefix)
    broker = str(settings.mqtt.address)  # without its password
    if as_json:
        typer.echo(json.dumps({"node": name, "topic": topic, "broker": broker}))
    else:
        typer.echo(f"{name} is removed: {topic} is empty on {broker}")
