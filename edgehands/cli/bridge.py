"""``edgehands bridge``: what is published, in other protocols."""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import BrokerOption, ConfigOption, NodeOption
from edgehands.errors import UsageError

app = typer.Typer()
group = typer.Typer(
    name="bridge",
    help="Pass hands on in another protocol: OSC for music and visuals.",
    no_args_is_help=True,
)
app.add_typer(group, name="bridge")


@group.callback()
def _only_verbs() -> None:
    # Without this, typer would treat the group's only verb as the group itself.
    """Pass hands on in another protocol: OSC for music and visuals."""


@group.command("osc", short_help="OSC over UDP: TouchDesigner, Max, Pure Data, Unity.")
def osc(
    to: Annotated[
        str, typer.Option("--to", metavar="HOST:PORT", help="The program that receives OSC.")
    ] = "127.0.0.1:9000",
    mqtt: BrokerOption = None,
    node: NodeOption = "",
    config: ConfigOption = None,
    *,
    world: Annotated[
        bool, typer.Option("--world", help="Send the landmarks in metres as well.")
    ] = False,
) -> None:
    """Send hands, gestures and events as OSC messages over UDP, until Ctrl-C.

    Every frame is one bundle. The addresses begin with /edgehands/NODE/CAMERA/; docs/osc.md lists
    them. One program receives them: a second bridge serves a second one.
    """
    try:
        from edgehands.bridge.osc import OscSender, parse_target
    except ImportError:
        raise UsageError("python-osc isn't installed: pip install 'edgehands[osc]'") from None
    from edgehands.cli.actions.bridge import forward
    from edgehands.config import DEFAULT_PATHS, check_topic_level, load

    settings = load([config] if config else DEFAULT_PATHS, options={"mqtt.url": mqtt}).mqtt
    if node:
        check_topic_level("--node", node)
    with OscSender(*parse_target(to), world=world) as sender:
        forward(settings, node, sender.take, to=f"osc://{to}")
