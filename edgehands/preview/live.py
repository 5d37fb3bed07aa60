"""The current state of every node, built from received messages.

Its size is bounded: the numbers of nodes, cameras, topics and events are limited.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from edgehands.mqtt.contract.messages import EventMessage, HandsMessage, InfoMessage, StatsMessage
from edgehands.preview.incoming import read_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgehands.mqtt.broker.subscriber import BrokerState, Received
    from edgehands.preview.incoming import Incoming

MAX_NODES = 256
MAX_CAMERAS = 16
MAX_TOPICS = 64
MAX_EVENTS = 200

MAX_SAMPLES = 60
"""Points of the charts: at one in ten seconds, ten minutes."""

RATE_WINDOW_S = 2.0
"""Window for rates and latencies, seconds."""

STALE_S = 2.5
"""Hands older than this are dropped: their last message was lost. Still hands get one a second."""

SANE_AGE_S = 10.0
"""An age on arrival outside 0 to this means that the two clocks differ."""


class Rate:
    """The recent rate of something, and a figure recorded with each occurrence."""

    def __init__(self) -> None:
        self._times: deque[tuple[float, float]] = deque(maxlen=512)
        self._begin = math.inf

    def add(self, figure: float = 0.0) -> None:
        """Record an occurrence."""
        now = time.monotonic()
        self._begin = min(self._begin, now)
        self._times.append((now, figure))

    def _recent(self) -> list[float]:
        since = time.monotonic() - RATE_WINDOW_S
        while self._times and self._times[0][0] < since:
            self._times.popleft()
        return [figure for _, figure in self._times]

    def per_second(self) -> float:
        """Rate per second in the window; one alone, such as a retained message, gives none."""
        count, now = len(self._recent()), time.monotonic()
        if count < 2:
            return count / RATE_WINDOW_S if now - self._begin > RATE_WINDOW_S else 0.0
        if count == self._times.maxlen or now - self._begin < RATE_WINDOW_S:
            return (count - 1) / max(now - self._times[0][0], 0.01)
        return count / RATE_WINDOW_S

    def median(self) -> float | None:
        """Return the median figure in the window; None if there is none."""
        figures = self._recent()
        return statistics.median(figures) if figures else None

    def p95(self) -> float | None:
        """Return the 95th percentile of the figures in the window."""
        figures = sorted(self._recent())
        return figures[min(int(0.95 * len(figures)), len(figures) - 1)] if figures else None


class Flow:
    """The traffic on one topic."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.rate = Rate()
        self.count = 0
        self.size = 0
        self.last = 0.0
        self.broken = 0

    def take(self, message: Incoming) -> None:
        """Count a message."""
        self.count += 1
        self.size = message.size
        self.last = message.t
        self.broken += message.broken
        self.rate.add()


class CameraState:
    """The state of a camera.

    Attributes:
        status: ``online``, ``offline``, ``disabled``; empty while unknown.
        problem: why no frames are coming; empty while nothing is wrong.
        hands: the newest ``hands`` message.
        info, stats: as published by its service; None if not.
        gestures: by side.
        latency: rate of ``hands`` messages, and their capture-to-sending times in ms.
        age: the same from capture to arrival here; only meaningful where clocks agree.
    """

    def __init__(self, node: str, name: str) -> None:
        self.node = node
        self.name = name
        self.status = ""
        self.problem = ""
        self.enabled = ""
        self.presence = ""
        self.count: int | None = None
        self.gestures: dict[str, str] = {}
        self.hands: HandsMessage | None = None
        self.info: InfoMessage | None = None
        self.stats: StatsMessage | None = None
        self.latency = Rate()
        self.age = Rate()
        self._hands_at = 0.0

    def take(self, message: Incoming) -> None:
        """Learn from a message."""
        value = message.value
        if isinstance(value, HandsMessage):
            self.hands = value
            self._hands_at = time.monotonic()
            self.latency.add(value.latency_ms)
            self.age.add((message.t - value.t) * 1000.0)
        elif isinstance(value, InfoMessage):
            self.info = value
        elif isinstance(value, StatsMessage):
            self.stats = value
        elif isinstance(value, str):
            if message.name == "status":
                self.status = value
            elif message.name == "presence":
                self.presence = value
            elif message.name == "enabled":
                self.enabled = value
            elif message.name == "problem":
                self.problem = value
            else:
                self.gestures[message.name.removeprefix("gesture/")] = value
        elif isinstance(value, int):
            self.count = value

    def visible(self) -> HandsMessage | None:
        """Return the hands seen now; None when unknown."""
        if self.hands is None or self.status in {"offline", "disabled"}:
            return None
        if self.hands.hands and time.monotonic() - self._hands_at > STALE_S:
            return None
        return self.hands

    def arrival_ms(self) -> float | None:
        """Time from capture to arrival here, ms; None where nothing came or the clocks differ."""
        age = self.age.median()
        return age if age is not None and 0 <= age <= SANE_AGE_S * 1000.0 else None


class Sample(NamedTuple):
    """A node's figures at one time: a point of the charts."""

    t: float
    fps: float
    latency_ms: float | None
    temperature_c: float | None


class NodeState:
    """The state of a node."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = ""
        self.problem = ""
        self.info: InfoMessage | None = None
        self.stats: StatsMessage | None = None
        self.cameras: dict[str, CameraState] = {}
        self.flows: dict[str, Flow] = {}
        self.events: deque[tuple[str, EventMessage]] = deque(maxlen=MAX_EVENTS)
        self.events_ever = 0
        self.history: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self.heard = 0.0

    def take(self, message: Incoming) -> bool:
        """Process a message; false when its camera exceeds the limit."""
        if message.camera and message.camera not in self.cameras:
            if len(self.cameras) >= MAX_CAMERAS:
                return False
            self.cameras[message.camera] = CameraState(self.name, message.camera)
        self.heard = message.t
        flow = self.flows.get(message.topic)
        if flow is None and len(self.flows) < MAX_TOPICS:
            flow = self.flows[message.topic] = Flow(message.topic)
        if flow is not None:
            flow.take(message)
        if message.camera:
            self._take_of_camera(message)
        else:
            self._take_own(message)
        return True

    def _take_of_camera(self, message: Incoming) -> None:
        if isinstance(message.value, EventMessage):
            self.events.append((message.camera, message.value))
            self.events_ever += 1
        else:
            self.cameras[message.camera].take(message)

    def _take_own(self, message: Incoming) -> None:
        value = message.value
        if isinstance(value, InfoMessage):
            self.info = value
        elif isinstance(value, StatsMessage):
            self.stats = value
            total = value.stages.get("total")
            self.history.append(
                Sample(message.t, value.fps, total.p50 if total else None, value.temperature_c)
            )
        elif message.name == "problem" and isinstance(value, str):
            self.problem = value
        elif message.name == "status" and isinstance(value, str):
            self.status = value
            if value == "offline":
                # A node that lost power sends no end of its hands.
                for camera in self.cameras.values():
                    camera.hands = None

    @property
    def online(self) -> bool:
        """Whether the node reports being online."""
        return self.status == "online"

    def rate(self) -> float:
        """Messages per second on all its topics."""
        return sum(flow.rate.per_second() for flow in self.flows.values())


class LiveState:
    """All nodes and the broker state, with a lock: messages come from another thread.

    Attributes:
        lock: must be held while reading.
        version: changes with every message.
    """

    def __init__(self, prefix: str, broker: BrokerState) -> None:
        self.prefix = prefix
        self.broker = broker
        self.lock = threading.Lock()
        self.version = 0
        self.nodes: dict[str, NodeState] = {}
        self.messages = 0

    def take(self, received: Received) -> Incoming | None:
        """Process a message; None when it isn't ours, or exceeds the limit of nodes or cameras."""
        message = read_message(self.prefix, received)
        if message is None:
            return None
        with self.lock:
            node = self.nodes.get(message.node)
            if node is None:
                if len(self.nodes) >= MAX_NODES:
                    return None
                node = self.nodes[message.node] = NodeState(message.node)
            if not node.take(message):
                return None
            self.messages += 1
            self.version += 1
        return message

    def set_broker(self, broker: BrokerState) -> None:
        """Take the new state of the broker connection."""
        with self.lock:
            if self.broker.connected and not broker.connected:
                # Earlier values may be outdated: the broker will send them again.
                for node in self.nodes.values():
                    node.status = node.problem = ""
                    for camera in node.cameras.values():
                        camera.status = camera.problem = ""
                        camera.hands = None
            self.broker = broker
            self.version += 1

    def cameras(self) -> Iterator[tuple[NodeState, CameraState]]:
        """All cameras, online nodes first, then by name."""
        for node in sorted(self.nodes.values(), key=lambda node: (not node.online, node.name)):
            for name in sorted(node.cameras):
                yield node, node.cameras[name]
