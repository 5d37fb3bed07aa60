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
"""Connections made at the same time."""

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
        consumed: those QoS 1 messages that consumers subscribe to.
        skipped: ``hands`` messages left out, because the broker didn't read.
        payload_bytes: of all ``hands`` that consumers receive.
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
        """Connect, and publish a node's first messages."""
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
        """Start at this frame of the round."""
        self._at = at

    def step(self, rounds: Sequence[FrameMessages], template: str) -> None:
        """Publish the messages of the next frame.

        Args:
            rounds: one round of messages.
            template: the topic prefix in them, to be replaced by ours.
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
            self.skipped += 1  # as a node does: a delayed landmark is outdated
            return
        # A node pings the broker before each message; so the broker must respond.
        self.connection.ping()
        # Not the camera's number, unlike a node's: so a gap means a lost message.
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
        """Connect all nodes.

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
        """Publish for the planned time; returns the seconds it took."""
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
                await asyncio.sleep(0)  # the broker's responses must be read
            self._late[number % _LATE_SAMPLES] = late
            self._steps = number + 1
            self.nodes[number % len(self.nodes)].step(self._rounds, self._template)
        took = time.monotonic() - begin
        pinging.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pinging
        return took

    async def settle(self, seconds: float) -> None:
        """Wait until the broker has acknowledged all messages."""
        until = time.monotonic() + seconds
        while self.acknowledged < self.qos1 and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def leave(self, seconds: float) -> None:
        """Remove the retained messages, and disconnect."""
        for node in self.nodes:
            node.take_back()
        # Closing with unread responses resets the connection, and may lose what was sent last.
        await self.settle(seconds)
        for node in self.nodes:
            node.connection.say_goodbye()
        await asyncio.sleep(0.2)
        for node in self.nodes:
            node.connection.close()

    @property
    def qos1(self) -> int:
        """QoS 1 messages that were sent."""
        return sum(node.qos1 for node in self.nodes)

    @property
    def acknowledged(self) -> int:
        """Those acknowledged by the broker."""
        return sum(node.connection.acknowledged for node in self.nodes)

    @property
    def late_ms(self) -> float:
        """The p99 of the steps' lateness, milliseconds."""
        taken = self._late[: min(self._steps, _LATE_SAMPLES)]
        return float(np.quantile(taken, 0.99)) * 1e3 if len(taken) else 0.0

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE_S / 3)
            for node in self.nodes:
                node.connection.ping()
