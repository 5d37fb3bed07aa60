"""``edgehands simulate``: many nodes' traffic without cameras and models, to size a broker."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from edgehands.cli.output import people, tables
from edgehands.config import DEFAULT_PATHS, load
from edgehands.simulate import Plan, SimulationReport
from edgehands.simulate import simulate as run_simulation

app = typer.Typer()


@app.command()
def simulate(
    nodes: Annotated[int, typer.Option(help="How many.")] = 10,
    rate: Annotated[float, typer.Option(help="Messages with hands a second of each node.")] = 30.0,
    hands: Annotated[int, typer.Option(help="In each message: 1 or 2.")] = 2,
    duration: Annotated[float, typer.Option(metavar="SECONDS", help="How long.")] = 10.0,
    consumers: Annotated[int, typer.Option(help="Subscribers to all nodes; they count.")] = 0,
    mqtt: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The broker; else that of the configuration."),
    ] = None,
    *,
    compact: Annotated[
        bool, typer.Option("--compact", help="hands/bin beside hands; consumers take hands/bin.")
    ] = False,
    shared: Annotated[
        bool, typer.Option("--shared", help="Consumers share one subscription.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for programs.")] = False,
) -> None:
    """Publish what so many nodes would: recorded hands, events, states. To size a broker.

    Nodes are called sim-00000 and so on; what the broker keeps of them is taken back at the end.
    Lost messages and latency are those of the consumers, on this machine's clock.
    """
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
    with people.status(f"{nodes} nodes publish to {config.address} for {duration:g} s"):
        report = run_simulation(config, plan)
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _show(report)


def _show(report: SimulationReport) -> None:
    plan = report.plan
    table = Table("", "hands (QoS 0)", "events, presence, counts (QoS 1)")
    table.add_row("sent", str(report.sent), f"{report.qos1_sent} with all states")
    table.add_row("", f"{report.skipped} skipped", f"{report.qos1_acknowledged} acknowledged")
    seen = report.consumers
    if seen is not None:
        kind = "consumers that share" if plan.shared else "consumers"
        table.add_row(f"{seen.count} {kind}", f"{seen.received}", f"{seen.qos1_received}")
        share = seen.lost / max(seen.received + seen.lost, 1)
        table.add_row(
            "lost",
            f"{seen.lost} ({share:.2%})",
            f"{seen.qos1_lost} ({seen.qos1_repeated} repeated)",
        )
    tables.print(table)
    tables.print(
        f"{report.sent / report.seconds:.0f} messages a second of {report.bytes_each:.0f} bytes;"
        f" {report.lost_connections} connections lost;"
        f" nodes took {report.cpu:.0%} of a core, 99 of 100 messages at most"
        f" {report.late_ms:.1f} ms late"
    )
    if seen is not None:
        latency = seen.latency_ms
        tables.print(
            f"node to consumer {latency.p50:.1f} ms p50, {latency.p95:.1f} p95,"
            f" {latency.p99:.1f} p99; consumers took {seen.cpu:.0%} of a core"
        )
