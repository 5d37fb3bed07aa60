"""A subscriber that keeps the score: what came, how old it was, in which order."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edgehands.mqtt.contract.messages import StatsMessage  # noqa: TC001 - read at run time
from tools.fault_table.service import NODE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

CAMERA = f"edgehands/{NODE}/camera/main"
CLIENT_ID = "fault-watch"


class _Head(msgspec.Struct):
    """As much of a ``hands`` message as is looked at."""

    seq: int
    t: float
    hands: list[msgspec.Raw]


class EventSeen(msgspec.Struct, frozen=True):
    """As much of an event as is looked at."""

    id: str
    event_type: str
    hand_id: int
    t: float

    @property
    def number(self) -> int:
        """The node counts its events: so gaps and a wrong order are seen."""
        return int(self.id.rpartition("-")[2])


@dataclass(frozen=True, slots=True)
class Delivery:
    """How events came.

    Attributes:
        count: different ones.
        repeats: those that came again; their id tells.
        missing: numbers between the first and the last that never came.
        in_order: whether new ones always came in the order of their numbers.
        first, last: numbers.
    """

    count: int
    repeats: int
    missing: int
    in_order: bool
    first: int
    last: int


def delivery(events: Sequence[EventSeen]) -> Delivery:
    """Look at the events of one run of a node."""
    seen: set[int] = set()
    highest, in_order = 0, True
    for event in events:
        if event.number not in seen:
            in_order &= event.number > highest
            highest = max(highest, event.number)
            seen.add(event.number)
    first, last = min(seen, default=0), max(seen, default=0)
    missing = last - first + 1 - len(seen) if seen else 0
    return Delivery(len(seen), len(events) - len(seen), missing, in_order, first, last)


class _Answer(msgspec.Struct):
    status: str
    data: StatsMessage | None = None


class Watch:
    """A subscriber to everything of the node; reconnects by itself. A context manager.

    Args:
        port: of the broker, on this machine.
        remembered: the broker keeps what has QoS 1 while we are away.
        forgiving: leave out what can't be read: somebody else publishes in the node's place.

    Attributes:
        hands: ``hands`` messages with a hand in them that came.
        oldest_s: age of the oldest of them when it came, seconds since its frame was taken.
        last_seq: of the newest.
        newest_hands: how many hands the newest ``hands`` message has.
        ages: of all of them, seconds.
        events: every event, as it came.
        states: the newest value of each retained topic, and when it came, monotonic seconds.
        answers: responses by their transaction.
        answered: how many responses each transaction got; empty = those that name none.
    """

    def __init__(self, port: int, *, remembered: bool = False, forgiving: bool = False) -> None:
        self.hands = 0
        self.oldest_s = 0.0
        self.last_seq = -1
        self.newest_hands = 0
        self.ages: list[float] = []
        self.events: list[EventSeen] = []
        self.states: dict[str, tuple[bytes, float]] = {}
        self.answers: dict[str, bytes] = {}
        self.answered: Counter[str] = Counter()
        self._asked = 0
        self._subscribed = threading.Event()
        self._port = port
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=CLIENT_ID, clean_session=not remembered
        )
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_disconnect = lambda *_: self._subscribed.clear()
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 1)
        client.suppress_exceptions = forgiving
        self._client = client

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port, keepalive=60)
        self._client.loop_start()
        assert self._subscribed.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_for_hands(self, seconds: float) -> bool:
        """Wait until one more ``hands`` message has come."""
        before = self.hands
        until = time.monotonic() + seconds
        while self.hands == before and time.monotonic() < until:
            time.sleep(0.005)
        return self.hands > before

    def send(self, verb: str, **keys: object) -> str:
        """Send a request; gives its transaction."""
        self._asked += 1
        transaction = f"t{self._asked}"
        payload = json.dumps({**keys, "transaction": transaction})
        self._client.publish(f"edgehands/{NODE}/request/{verb}", payload, qos=1)
        return transaction

    def ask(self, verb: str, seconds: float = 5.0) -> StatsMessage | None:
        """Ask for the statistics and wait for them; None when none came in time."""
        transaction = self.send(verb)
        until = time.monotonic() + seconds
        while transaction not in self.answers:
            if time.monotonic() > until:
                return None
            time.sleep(0.005)
        return msgspec.json.decode(self.answers.pop(transaction), type=_Answer).data

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        # Not the requests: a flood of them is for the service to bear.
        topics = ("status", "info", "stats", "camera/#", "response/#")
        client.subscribe([(f"edgehands/{NODE}/{topic}", 1) for topic in topics])

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        now = time.time()
        topic = message.topic
        if topic.endswith("/hands"):
            head = msgspec.json.decode(message.payload, type=_Head)
            self.newest_hands = len(head.hands)
            if not head.hands:
                return  # it stays true however late it comes
            age = now - head.t
            self.hands += 1
            self.last_seq = head.seq
            self.oldest_s = max(self.oldest_s, age)
            self.ages.append(age)
        elif topic.endswith("/event"):
            self.events.append(msgspec.json.decode(message.payload, type=EventSeen))
        elif "/response/" in topic:
            transaction = json.loads(message.payload).get("transaction", "")
            self.answered[transaction] += 1
            self.answers[transaction] = bytes(message.payload)
        elif "/request/" not in topic:
            self.states[topic] = (bytes(message.payload), time.monotonic())
