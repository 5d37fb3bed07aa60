"""Prints a simulation's results for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from edgehands.cli.actions.output import tables
from edgehands.wording import counted

if TYPE_CHECKING:
    from edgehands.simulate import SimulationReport


def show(report: SimulationReport) -> None:
    """Print a report: what was sent, what arrived, and how long it took."""
    plan = report.plan
    table = Table("", "hands (QoS 0)", "events, presence, counts (QoS 1)")
    table.add_row("sent", f"{report.sent}", f"{report.qos1_sent}, states included")
    table.add_row("skipped", f"{report.skipped}", "")
    table.add_row("acknowledged", "", f"{report.qos1_acknowledged}")
    seen = report.consumers
    if seen is not None:
        shared = ", sharing a subscription" if plan.shared else ""
        table.add_row(
            f"received by {counted(seen.count, 'consumer')}{shared}",
            f"{seen.received}",
            f"{seen.qos1_received}",
        )
        share = seen.lost / max(seen.received + seen.lost, 1)
        table.add_row("lost", f"{seen.lost} ({share:.2%})", f"{seen.qos1_lost}")
        table.add_row("received twice", "", f"{seen.qos1_repeated}")
    tables.print(table)
    tables.print(
        f"{report.sent / report.seconds:.0f} messages/s of {report.bytes_each:.0f} bytes;"
        f" {counted(report.lost_connections, 'connection')} lost"
    )
    tables.print(
        f"nodes: {report.cpu:.0%} of a CPU core; 99 % of the messages were sent at most"
        f" {report.late_ms:.1f} ms behind schedule"
    )
    if seen is not None:
        latency = seen.latency_ms
        tables.print(
            f"consumers: {seen.cpu:.0%} of a CPU core; latency from node to consumer"
            f" {latency.p50:.1f} ms (p50), {latency.p95:.1f} ms (p95), {latency.p99:.1f} ms (p99)"
        )
