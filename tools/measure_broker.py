"""Measure how many nodes one mosquitto can handle on this machine.

Starts a mosquitto, lets simulated nodes publish to it and consumers take everything, more and more
of them until messages are lost or late, and prints a table. --write puts it into docs/fleet.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgehands.config import MqttConfig
from edgehands.errors import BrokerError
from edgehands.simulate import Plan, SimulationReport, simulate
from tools import ROOT
from tools.common.mosquitto import Mosquitto
from tools.common.page import between_markers

RATE = 10.0
NODES = (25, 50, 100, 200, 400, 800, 1200, 1600, 2400, 3200)
LOST = 0.001
LATE_MS = 100.0
"""Beyond either, this broker or this machine is overloaded."""


@dataclass(frozen=True, slots=True)
class Point:
    """One load and its result."""

    report: SimulationReport
    broker_cpu: float

    @property
    def lost(self) -> float:
        """Share of the messages that consumers should have got; skipped ones among them."""
        seen = self.report.consumers
        assert seen is not None
        copies = (seen.received + seen.lost) / max(self.report.sent, 1)
        skipped = self.report.skipped * copies
        return (seen.lost + skipped) / max(seen.received + seen.lost + skipped, 1)

    @property
    def good(self) -> bool:
        """Whether the broker can handle it."""
        seen = self.report.consumers
        assert seen is not None
        return (
            self.lost <= LOST
            and seen.latency_ms.p99 <= LATE_MS
            and seen.qos1_lost == 0
            and not self.report.lost_connections
        )

    def line(self) -> str:
        """As a line of the table."""
        report, seen = self.report, self.report.consumers
        assert seen is not None
        into = report.sent / report.seconds
        out = seen.received / report.seconds
        kind = "both forms" if report.plan.compact else "JSON"
        taken = report.bytes_each * out / 1e6
        cells = (
            kind,
            f"{report.plan.nodes}",
            f"{seen.count}" + (" shared" if report.plan.shared else ""),
            f"{into:,.0f}",
            f"{out:,.0f} ({taken:.0f} MB/s)",
            f"{self.broker_cpu:.0%}",
            f"{report.cpu:.0%} / {seen.cpu:.0%}",
            f"{self.lost:.2%}",
            f"{seen.qos1_lost}",
            f"{seen.latency_ms.p50:.1f} / {seen.latency_ms.p99:.1f} ms",
        )
        return f"| {' | '.join(cells)} |" + ("" if self.good else " <- too much")


HEAD = (
    "| nodes send | nodes | consumers | `hands` a second in | out | broker, of a core "
    "| simulation: nodes / consumers | lost (QoS 0) | lost (QoS 1) | latency p50 / p99 |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def measure(plan: Plan) -> Point:
    """Put one load on a broker of its own."""
    with tempfile.TemporaryDirectory() as folder:
        lines = ("allow_anonymous true", "set_tcp_nodelay true")
        with Mosquitto(Path(folder), lines, verbose=False) as broker:
            before = broker.cpu_seconds
            report = simulate(MqttConfig(url=broker.url), plan)
            # Connecting and disconnecting are included, but small compared with the messages.
            return Point(report, (broker.cpu_seconds - before) / report.seconds)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load")
    parser.add_argument("--consumers", type=int, nargs="*", default=[1, 10])
    parser.add_argument("--priority", action="store_true", help="before other programs (root)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/fleet.md")
    options = parser.parse_args()
    if options.priority:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    lines = [HEAD]
    for compact in (False, True):
        for consumers in options.consumers:
            for nodes in NODES:
                plan = Plan(
                    nodes=nodes,
                    rate=RATE,
                    compact=compact,
                    seconds=options.seconds,
                    consumers=consumers,
                )
                try:
                    point = measure(plan)
                except BrokerError as error:
                    print(f"{nodes} nodes, {consumers} consumers: {error}", file=sys.stderr)
                    break
                lines.append(point.line().replace(" <- too much", ""))
                print(point.line(), file=sys.stderr, flush=True)
                if not point.good:
                    break
    text = "\n".join(lines)
    print(text)
    print(f"\n{os.cpu_count()} cores, {platform.machine()}")
    if options.write:
        between_markers(ROOT / "docs" / "fleet.md", "broker", f"{text}\n")
    return 0
