"""The plan of a simulation, and its results."""

from __future__ import annotations

import msgspec

from edgehands.errors import UsageError
from edgehands.mqtt.contract.messages import QuantilesMessage  # noqa: TC001  (read at run time)

MAX_NODES = 20_000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate.

    Attributes:
        nodes: how many.
        rate: ``hands`` messages per second of each.
        hands: in each of them, 1 or 2.
        compact: nodes also send the compact form, and consumers subscribe to that only.
        seconds: how long.
        consumers: subscribers to the hands and events of all nodes.
        shared: consumers share one subscription: each message goes to one of them.
    """

    nodes: int
    rate: float
    hands: int = 2
    compact: bool = False
    seconds: float = 10.0
    consumers: int = 0
    shared: bool = False

    def __post_init__(self) -> None:
        limits = (
            ("--nodes", self.nodes, 1, MAX_NODES),
            ("--rate", self.rate, 0.1, 240),
            ("--hands", self.hands, 1, 2),
            ("--duration", self.seconds, 1, 86_400),
            ("--consumers", self.consumers, 0, 1000),
        )
        for name, value, least, most in limits:
            if not least <= value <= most:
                raise UsageError(f"{name} {value:g} is outside {least:g} to {most:g}")


class ConsumersReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results of all consumers together.

    Attributes:
        count: how many there were.
        received, lost: ``hands`` messages (QoS 0); lost are those sent by a node and not received
            by an intended consumer.
        qos1_received, qos1_lost, qos1_repeated: events, presence and counts.
        latency_ms: of ``hands``, from a simulated node to a consumer.
        cpu: share of one core used by the consumers themselves.
    """

    count: int
    received: int
    lost: int
    qos1_received: int
    qos1_lost: int
    qos1_repeated: int
    latency_ms: QuantilesMessage
    cpu: float


class SimulationReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a simulation.

    Attributes:
        plan: what was simulated.
        seconds: how long messages were sent.
        sent: ``hands`` messages, on one topic.
        skipped: those that nodes left out, because the broker didn't read.
        bytes_each: of a ``hands`` payload that consumers take, on average.
        qos1_sent, qos1_acknowledged: events, presence and other states.
        lost_connections: of nodes.
        late_ms: p99 of how late messages were sent: beyond a few periods of the nodes, this machine
            couldn't keep up with the simulation itself.
        cpu: share of one core used by the nodes.
        consumers: None where there were none.
    """

    plan: Plan
    seconds: float
    sent: int
    skipped: int
    bytes_each: float
    qos1_sent: int
    qos1_acknowledged: int
    lost_connections: int
    late_ms: float
    cpu: float
    consumers: ConsumersReport | None = None
