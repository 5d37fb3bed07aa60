"""The simulated nodes: one connection each, all in one thread."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edgehands.mqtt.contract.messages import CameraMessage, InfoMessage, encode
from edgehands.mqtt.contract.topics import OFF, OFFLINE, ON, ONLINE, Topics
from edgehands.simulate.connection import KEEPALIVE_S, Connection, Will
from edgehands.simulate.tracks import IDS_A_ROUND, messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgehands.config import MqttConfig
    from edgehands.simulate.report import Plan
    from edgehands.simulate.tracks import FrameMessages

AT_ONCE = 50
"""Connections that are being made at the same time."""

CAMERA = "main"
_LATE_SAMPLES = 100_000


def node_name(number: int) -> str:
    """Name of a simulated node."""
    return f"sim-{number:05d}"


class SimulatedNode:
    """One of them.

    Attributes:
        sent: ``hands`` messages.
        events: events.
        qos1: all messages of QoS 1.
        consumed: those of QoS 1 that consumers subscribe to.
        skipped: ``hands`` messages left out, because the broker didn't read.
        payload_bytes: of all ``hands`` that consumers take.
    """

    def __init__(self, number: int, config: MqttConfig, plan: Plan) -> None:
        self.connection = Connection()
        self.name = node_name(number)
        self.sent = self.events = self.qos1 = self.consumed = 0
        self.skipped = self.payload_bytes = 0
        self._config = config
        self._topics = Topics(prefix=config.prefix, node=self.name, camera=CAMERA)
        self._hands = self._topics.hands.encode()
        self._hands_bin = self._topics.hands_bin.encode()
        self._consumed = {self._topics.presence, self._topics.count}
        self._compact = plan.compact
        self._run = secrets.token_hex(4)
        self._states: dict[str, bytes] = {}
        self._at = 0
        self._ids = 0

    async def connect(self) -> None:
        """Connect, and say what a node says first."""
        will = Will(self._topics.status, OFFLINE)
        name = self._topics.node.replace("/", "-")
        await self.connection.connect(self._config, name, will)
        info = InfoMessage(
            version="simulated",
            python="",
            system="simulated",
            backend="fake",
            models=[],
            camera=CameraMessage(name=CAMERA, source="simulated:"),
            config="",
        )
        self._state(self._topics.status, ONLINE)
        self._state(self._topics.info, encode(info))
        self._state(self._topics.camera_status, ONLINE)
        self._state(self._topics.enabled, ON)
        self._state(self._topics.presence, OFF)
        self._state(self._topics.count, b"0")

    def begin(self, at: int) -> None:
        """Begin at this frame of the round."""
        self._at = at

    def step(self, rounds: Sequence[FrameMessages], template: str) -> None:
        """Say what is to be said of the next frame.

        Args:
            rounds: one round of messages.
            template: beginning of the topics in them, that ours stands for.
        """
        frame = rounds[self._at]
        self._at += 1
        if self._at == len(rounds):
            self._at = 0
            self._ids += IDS_A_ROUND
        if self.connection.lost:
            return
        t, t_mono = time.time(), time.monotonic()
        for event in frame.events:
            self.events += 1
            self._once(
                self._topics.event,
                encode(
                    msgspec.structs.replace(
                        event,
                        id=f"{self._run}-{self.events}",
                        t=round(t, 4),
                        hand_id=event.hand_id + self._ids,
                    )
                ),
            )
        for topic, payload in frame.states:
            self._state(self._topics.node + topic.removeprefix(template), payload)
        if frame.hands is None:
            return
        if self.connection.backlog:
            self.skipped += 1  # as a node does: a landmark that waits gets old
            return
        # A node asks before each message whether the broker answers now; so the broker has to.
        self.connection.ping()
        # Not the camera's number, as a node's is: so that a gap is a message that was lost.
        self.sent += 1
        text = frame.hands.text(self.sent, t, t_mono, self._ids)
        self.connection.publish(self._hands, text)
        if self._compact:
            text = frame.hands.binary(self.sent, t, t_mono, self._ids)
            self.connection.publish(self._hands_bin, text)
        self.payload_bytes += len(text)

    def take_back(self) -> None:
        """Take back what the broker keeps."""
        for topic in self._states:
            self.qos1 += 1
            self.connection.publish(topic.encode(), b"", qos=1, retain=True)

    def _state(self, topic: str, payload: bytes) -> None:
        if self._states.get(topic) != payload:
            self._states[topic] = payload
            self.qos1 += 1
            self.consumed += topic in self._consumed
            self.connection.publish(topic.encode(), payload, qos=1, retain=True)

    def _once(self, topic: str, payload: bytes) -> None:
        self.qos1 += 1
        self.consumed += 1
        self.connection.publish(topic.encode(), payload, qos=1)


class Fleet:
    """All simulated nodes of a plan.

    Attributes:
        nodes: the nodes.
        late_s: of the last steps: how late each was.
    """

    def __init__(self, config: MqttConfig, plan: Plan) -> None:
        self.nodes = [SimulatedNode(number, config, plan) for number in range(plan.nodes)]
        self._plan = plan
        template = Topics(prefix=config.prefix, node="template", camera=CAMERA)
        self._template = template.node
        self._rounds = messages(plan.hands, template)
        self._late = np.zeros(_LATE_SAMPLES)
        self._steps = 0
        for number, node in enumerate(self.nodes):
            node.begin(number * 7 % len(self._rounds))

    async def connect(self) -> None:
        """Connect all of them.

        Raises:
            BrokerError: One of them isn't let in.
        """
        gate = asyncio.Semaphore(AT_ONCE)

        async def enter(node: SimulatedNode) -> None:
            async with gate:
                await node.connect()

        async with asyncio.TaskGroup() as group:
            for node in self.nodes:
                group.create_task(enter(node))

    async def run(self) -> float:
        """Publish for as long as is planned; gives the seconds it took."""
        pinging = asyncio.create_task(self._ping())
        period = 1.0 / (len(self.nodes) * self._plan.rate)  # nodes take turns
        count = round(self._plan.seconds / period)
        begin = time.monotonic()
        for number in range(count):
            late = time.monotonic() - begin - number * period
            if late < 0:
                await asyncio.sleep(-late)
                late = 0.0
            elif number % 32 == 0:
                await asyncio.sleep(0)  # the broker's answers want to be read
            self._late[number % _LATE_SAMPLES] = late
            self._steps = number + 1
            self.nodes[number % len(self.nodes)].step(self._rounds, self._template)
        took = time.monotonic() - begin
        pinging.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pinging
        return took

    async def settle(self, seconds: float) -> None:
        """Wait until the broker has acknowledged what it should."""
        until = time.monotonic() + seconds
        while self.acknowledged < self.qos1 and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def leave(self, seconds: float) -> None:
        """Take back what the broker keeps, and say goodbye."""
        for node in self.nodes:
            node.take_back()
        # Who hangs up with answers unread resets the connection, and may undo what was sent last.
        await self.settle(seconds)
        for node in self.nodes:
            node.connection.say_goodbye()
        await asyncio.sleep(0.2)
        for node in self.nodes:
            node.connection.close()

    @property
    def qos1(self) -> int:
        """Messages of QoS 1 that were sent."""
        return sum(node.qos1 for node in self.nodes)

    @property
    def acknowledged(self) -> int:
        """Those that the broker has."""
        return sum(node.connection.acknowledged for node in self.nodes)

    @property
    def late_ms(self) -> float:
        """How late 99 of 100 steps were at most, milliseconds."""
        taken = self._late[: min(self._steps, _LATE_SAMPLES)]
        return float(np.quantile(taken, 0.99)) * 1e3 if len(taken) else 0.0

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE_S / 3)
            for node in self.nodes:
                node.connection.ping()
