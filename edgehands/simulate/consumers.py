"""Subscribers to everything that simulated nodes publish, in a process of their own."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from edgehands.errors import BrokerError
from edgehands.mqtt.contract.topics import Topics
from edgehands.simulate.connection import KEEPALIVE_S, Connection
from edgehands.simulate.nodes import node_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection as Pipe

    from edgehands.config import MqttConfig
    from edgehands.simulate.report import Plan

LATENCIES = 1_000_000
"""Number of the newest that are kept."""

START_S = 60.0
"""Longest wait for a process that starts and connects its consumers."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What all consumers received.

    Attributes:
        hands: ``hands`` messages.
        qos1: events, each counted once a consumer, and presence and counts.
        repeated: events received again.
        latency_ms: p50, p95, p99 of ``hands``.
        cpu_s: CPU time of the process while counting.
        refused: why nothing was counted; empty = it was.
    """

    hands: int = 0
    qos1: int = 0
    repeated: int = 0
    latency_ms: tuple[float, float, float] = (0.0, 0.0, 0.0)
    cpu_s: float = 0.0
    refused: str = ""


class Consumers:
    """The other process, seen from here. See :func:`consumers`."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def count(self) -> Tally:
        """Ask for the tally so far.

        Raises:
            BrokerError: The consumers lost the broker.
        """
        self._pipe.send("count")
        return self._answer()

    def _answer(self) -> Tally:
        if not self._pipe.poll(START_S):
            raise BrokerError("the simulated consumers don't answer: use fewer of them")
        tally: Tally = self._pipe.recv()
        if tally.refused:
            raise BrokerError(tally.refused)
        return tally

    def wait_until_subscribed(self) -> None:
        """Wait until every consumer is subscribed.

        Raises:
            BrokerError: The broker is away or refuses one.
        """
        self._answer()


@contextmanager
def consumers(config: MqttConfig, plan: Plan) -> Iterator[Consumers]:
    """Start the consumers of a plan."""
    # Not a fork: it would keep our connections open.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(config, plan, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Consumers(ours)
    finally:
        ours.close()
        process.join(5.0)
        if process.is_alive():
            process.kill()


@dataclass(slots=True)
class _Counting:
    """Counts for all consumers."""

    compact: bool
    hands: int = 0
    qos1: int = 0
    repeated: int = 0
    latencies: np.ndarray[tuple[int], np.dtype[np.float32]] = field(
        default_factory=lambda: np.zeros(LATENCIES, np.float32)
    )

    def latency(self) -> tuple[float, float, float]:
        taken = self.latencies[: min(self.hands, LATENCIES)]
        if not len(taken):
            return (0.0, 0.0, 0.0)
        p50, p95, p99 = (round(float(q) * 1e3, 3) for q in np.quantile(taken, (0.5, 0.95, 0.99)))
        return (p50, p95, p99)


class _Consumer:
    """One subscriber."""

    def __init__(self, counting: _Counting, name: bytes) -> None:
        self._counting = counting
        self._name = name
        self._events: Counter[bytes] = Counter()
        self.connection = Connection(self._take)

    def _take(self, topic: bytes, payload: bytes, qos: int) -> None:
        counting = self._counting
        if not payload or self._name not in topic:
            return  # from another node, or cleared at the end
        if not qos:
            t = _time_in_binary(payload) if counting.compact else _time_in_text(payload)
            counting.latencies[counting.hands % LATENCIES] = time.time() - t
            counting.hands += 1
        elif topic.endswith(b"/event"):
            identity = payload.partition(b'"id":"')[2].partition(b'"')[0]
            self._events[identity] += 1
            if self._events[identity] > 1:
                counting.repeated += 1
            else:
                counting.qos1 += 1
        else:
            counting.qos1 += 1


def _time_in_text(payload: bytes) -> float:
    begin = payload.index(b'"t":') + 4
    return float(payload[begin : payload.index(b",", begin)])


def _time_in_binary(payload: bytes) -> float:
    t: float = struct.unpack_from("<d", payload, 16)[0]
    return t


def _run(config: MqttConfig, plan: Plan, pipe: Pipe) -> None:
    """The main function of the process."""
    try:
        asyncio.run(_consume(config, plan, pipe))
    except (BrokerError, TimeoutError) as error:
        pipe.send(Tally(refused=str(error) or f"{config.address}: no answer to a subscription"))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass


async def _consume(config: MqttConfig, plan: Plan, pipe: Pipe) -> None:
    counting = _Counting(plan.compact)
    name = f"/{node_name(0).rpartition('-')[0]}-".encode()
    everybody = Topics.of_everybody(config.prefix)
    share = "$share/simulated/" if plan.shared else ""
    hands = everybody.hands_bin if plan.compact else everybody.hands
    told = (everybody.event, everybody.presence, everybody.count)
    connections = []
    for number in range(plan.consumers):
        consumer = _Consumer(counting, name)
        client_id = f"{config.prefix.replace('/', '-')}-sim-consumer-{number}"
        await consumer.connection.connect(config, client_id)
        await consumer.connection.subscribe([share + hands], 0)
        await consumer.connection.subscribe([share + topic for topic in told], 1)
        connections.append(consumer.connection)
    pipe.send(Tally())
    loop = asyncio.get_running_loop()
    began, pinged = time.process_time(), time.monotonic()
    while True:
        if await loop.run_in_executor(None, pipe.poll, 1.0):
            pipe.recv()
            if any(connection.lost for connection in connections):
                raise BrokerError(f"{config.address} threw a consumer out: see the broker's log")
            pipe.send(
                Tally(
                    hands=counting.hands,
                    qos1=counting.qos1,
                    repeated=counting.repeated,
                    latency_ms=counting.latency(),
                    cpu_s=time.process_time() - began,
                )
            )
        if time.monotonic() - pinged > KEEPALIVE_S / 3:
            pinged = time.monotonic()
            for connection in connections:
                connection.ping()
