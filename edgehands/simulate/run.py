"""Runs a simulation, from its plan to its report."""

from __future__ import annotations

import asyncio
import resource
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edgehands.errors import BrokerError, UsageError
from edgehands.mqtt.contract.messages import QuantilesMessage
from edgehands.simulate.consumers import Consumers, Tally, consumers
from edgehands.simulate.nodes import Fleet
from edgehands.simulate.report import ConsumersReport, Plan, SimulationReport

if TYPE_CHECKING:
    from edgehands.config import MqttConfig

SETTLE_S = 10.0
"""Longest wait for messages in transit after the nodes stop."""

_SPARE_FILES = 64


def simulate(config: MqttConfig, plan: Plan) -> SimulationReport:
    """Run simulated nodes and counting consumers.

    Raises:
        UsageError: More nodes than the system lets this program have connections.
        BrokerError: The broker is unreachable, refuses a client, or disconnected a consumer.
    """
    _allow_files(max(plan.nodes, plan.consumers) + _SPARE_FILES)
    with ExitStack() as stack:
        watching = stack.enter_context(consumers(config, plan)) if plan.consumers else None
        if watching is not None:
            watching.wait_until_subscribed()
        try:
            return asyncio.run(_publish(config, plan, watching))
        except ExceptionGroup as group:
            # Not "except*": Python 3.11.2 in Bookworm wraps what is raised there in a group again.
            error: Exception = group
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            if not isinstance(error, BrokerError):
                raise
            raise error from None


async def _publish(config: MqttConfig, plan: Plan, watching: Consumers | None) -> SimulationReport:
    fleet = Fleet(config, plan)
    await fleet.connect()
    began, cpu = time.monotonic(), time.process_time()
    took = await fleet.run()
    used = (time.process_time() - cpu) / (time.monotonic() - began)
    await fleet.settle(SETTLE_S)
    sent = sum(node.sent for node in fleet.nodes)
    consumed = sum(node.consumed for node in fleet.nodes)
    copies = 1 if plan.shared else plan.consumers
    report = SimulationReport(
        plan=plan,
        seconds=round(took, 2),
        sent=sent,
        skipped=sum(node.skipped for node in fleet.nodes),
        bytes_each=round(sum(node.payload_bytes for node in fleet.nodes) / max(sent, 1), 1),
        qos1_sent=fleet.qos1,
        qos1_acknowledged=fleet.acknowledged,
        lost_connections=sum(node.connection.lost for node in fleet.nodes),
        late_ms=round(fleet.late_ms, 2),
        cpu=round(used, 3),
        consumers=None
        if watching is None
        else await _count(watching, plan, sent * copies, consumed * copies, took),
    )
    await fleet.leave(SETTLE_S)
    return report


async def _count(
    watching: Consumers, plan: Plan, hands: int, qos1: int, took: float
) -> ConsumersReport:
    """Wait until everything has arrived, or nothing more arrives."""
    until = time.monotonic() + SETTLE_S
    before = Tally()
    while True:
        tally = await asyncio.to_thread(watching.count)
        over = tally.hands >= hands and tally.qos1 >= qos1
        still = (tally.hands, tally.qos1) == (before.hands, before.qos1)
        if over or still or time.monotonic() > until:
            break
        before = tally
        await asyncio.sleep(1.0)
    p50, p95, p99 = tally.latency_ms
    return ConsumersReport(
        count=plan.consumers,
        received=tally.hands,
        lost=hands - tally.hands,
        qos1_received=tally.qos1,
        qos1_lost=qos1 - tally.qos1,
        qos1_repeated=tally.repeated,
        latency_ms=QuantilesMessage(p50=p50, p95=p95, p99=p99),
        cpu=round(tally.cpu_s / took, 3),
    )


def _allow_files(count: int) -> None:
    """Raise the system's limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise UsageError(
            f"{count - _SPARE_FILES} connections, {hard - _SPARE_FILES} are allowed here: "
            "raise 'ulimit -Hn' or simulate fewer"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
