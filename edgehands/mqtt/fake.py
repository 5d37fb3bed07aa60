"""A publisher without a broker that keeps what would have been sent. For tests and for users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgehands.mqtt.contract.topics import OFFLINE, ONLINE, Topics
from edgehands.mqtt.publisher import HandsPublisher, PublishCounts

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from edgehands.config import PublishConfig
    from edgehands.mqtt.outbox import Live


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as a broker would have received it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class FakeClient:
    """Implements ``Outgoing`` by keeping everything, in order."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._states: dict[str, bytes] = {}

    def state(self, topic: str, payload: bytes) -> None:
        """Keep a retained value if it is new."""
        if self._states.get(topic) != payload:
            self._states[topic] = payload
            self.sent.append(Sent(topic, payload, 1, retain=True))

    def repeat(self, topic: str) -> None:
        """Keep the value of a topic again."""
        if topic in self._states:
            self.sent.append(Sent(topic, self._states[topic], 1, retain=True))

    def event(self, topic: str, payload: bytes, correlation: bytes = b"") -> None:  # noqa: ARG002
        """Keep an event."""
        self.sent.append(Sent(topic, payload, 1, retain=False))

    def live(self, message: Live) -> None:
        """Keep a live message, encoded at once."""
        self.sent.append(Sent(message.topic, message.encode(), 0, retain=False))

    def note(self, topic: str, payload: bytes) -> None:
        """Keep a note."""
        self.sent.append(Sent(topic, payload, 0, retain=False))


class FakePublisher(HandsPublisher):
    """Publishes into a list: the same messages, in the same order, that a broker would get."""

    connected = True
    broker = "broker connected"

    def __init__(
        self,
        topics: Topics | None = None,
        *,
        publish: PublishConfig | None = None,
        gestures: bool = True,
    ) -> None:
        self.topics = topics or Topics(node="test")
        self.client = FakeClient()
        super().__init__(self.client, self.topics, publish=publish, gestures=gestures)

    def __enter__(self) -> Self:
        self.begin()
        self.client.state(self.topics.status, ONLINE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        self.client.state(self.topics.status, OFFLINE)

    @property
    def counts(self) -> PublishCounts:
        """Nothing is ever dropped."""
        return PublishCounts()

    @property
    def sent(self) -> list[Sent]:
        """Everything published so far."""
        return self.client.sent

    def on(self, topic: str) -> list[bytes]:
        """The payloads published on a topic, in order."""
        return [message.payload for message in self.sent if message.topic == topic]
