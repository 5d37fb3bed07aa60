"""``edgehands simulate``: many nodes' traffic without cameras and models, to size a broker."""

from __future__ import annotations

from typing import Annotated

import typer

from edgehands.cli.choices import BrokerOption, JsonOption

app = typer.Typer()


@app.command()
def simulate(
    nodes: Annotated[int, typer.Option(metavar="N", help="How many nodes.")] = 10,
    rate: Annotated[
        float, typer.Option(metavar="N", help="Messages with hands per second, for each node.")
    ] = 30.0,
    hands: Annotated[int, typer.Option(metavar="N", help="Hands in each message: 1 or 2.")] = 2,
    duration: Annotated[float, typer.Option(metavar="SECONDS", help="How long.")] = 10.0,
    consumers: Annotated[
        int, typer.Option(metavar="N", help="Subscribers to all nodes; they measure.")
    ] = 0,
    mqtt: BrokerOption = None,
    *,
    compact: Annotated[
        bool,
        typer.Option("--compact", help="Publish hands/bin as well; consumers subscribe to that."),
    ] = False,
    shared: Annotated[
        bool, typer.Option("--shared", help="Consumers share one subscription.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Publish what so many nodes would (recorded hands, events, states), to size a broker.

    Nodes are called sim-00000 and so on; their retained messages are removed at the end. Losses
    and latency are measured by the consumers, with this machine's clock.
    """
    import msgspec

    from edgehands.cli.actions.output import people
    from edgehands.cli.actions.simulate import show
    from edgehands.config import DEFAULT_PATHS, load
    from edgehands.simulate import Plan
    from edgehands.simulate import simulate as run_simulation
    from edgehands.wording import counted

    plan = Plan(
        nodes=nodes,
        rate=rate,
        hands=hands,
        compact=compact,
        seconds=duration,
        consumers=consumers,
        shared=shared,
    )
    config = load(DEFAULT_PATHS, options={"mqtt.url": mqtt}).mqtt
    with people.status(
        f"publishing as {counted(nodes, 'node')} to {config.address} for {duration:g} s"
    ):
        report = run_simulation(config, plan)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        show(report)
