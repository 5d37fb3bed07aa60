"""Messages waiting to be sent: added by any thread without blocking, removed by one.

Four kinds of messages, each with its own rule for outages:

* *states* (retained, QoS 1): only the newest value of a topic counts; all are sent again after
  every reconnect.
* *events* (QoS 1): in order, none lost up to a limit; those not acknowledged are sent again.
* *live* messages (QoS 0): only the newest one, and only while it is fresh.
* *notes* (QoS 0): the newest of a topic, whenever there is a connection.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_EVENTS = 1000
"""Newest events kept through an outage; older ones are dropped and counted."""

EVENTS_IN_FLIGHT = 16
"""Events sent but not yet acknowledged: enough for a slow link, few enough to keep order
cheaply."""

MAX_WAIT_S = 0.25
"""A live message that waited longer for the link is dropped: including tracking and transport,
nothing then arrives older than 500 ms."""


class Live(Protocol):
    """A message that is only worth sending while it is fresh."""

    @property
    def topic(self) -> str:
        """Its topic."""

    @property
    def ready(self) -> float:
        """When it was queued, monotonic seconds."""

    @property
    def lasting(self) -> bool:
        """Whether it stays true however long it waits, as an empty list of hands does."""

    def encode(self) -> bytes:
        """The payload; called only when it is sent."""


class Outgoing(Protocol):
    """Takes a publisher's messages, independent of the network."""

    def state(self, topic: str, payload: bytes) -> None:
        """Make ``payload`` the retained value of ``topic``."""

    def repeat(self, topic: str) -> None:
        """Send the retained value of ``topic`` again."""

    def event(self, topic: str, payload: bytes, correlation: bytes = b"") -> None:
        """Send once (QoS 1), in order with other events, with ``correlation`` data (MQTT 5)."""

    def live(self, message: Live) -> None:
        """Send now or never (QoS 0); replaces one still queued."""

    def note(self, topic: str, payload: bytes) -> None:
        """Send when there is a connection (QoS 0); replaces one still queued."""


@dataclass(slots=True)
class _State:
    payload: bytes
    sent: bytes | None = None  # in flight, not acknowledged
    known: bytes | None = None  # the broker has it


@dataclass(frozen=True, slots=True)
class Event:
    """An event awaiting acknowledgement."""

    number: int
    topic: str
    payload: bytes
    correlation: bytes = b""
    retain: bool = False


@dataclass(slots=True)
class Counters:
    """What was dropped since the start."""

    live_superseded: int = 0
    live_expired: int = 0
    live_sent: int = 0
    events_dropped: int = 0


@dataclass(slots=True)
class Outbox:
    """The four kinds of queued messages. Thread-safe; every call returns at once.

    Attributes:
        wake: called after anything was added, from the adding thread; must not block.
        clock: monotonic seconds; tests pass their own.
    """

    wake: Callable[[], None]
    clock: Callable[[], float] = time.monotonic
    counters: Counters = field(default_factory=Counters)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _states: dict[str, _State] = field(default_factory=dict)
    _waiting: deque[Event] = field(default_factory=deque)
    _in_flight: deque[Event] = field(default_factory=deque)
    _live: dict[str, Live] = field(default_factory=dict)
    _notes: dict[str, bytes] = field(default_factory=dict)
    _muted: dict[str, float] = field(default_factory=dict)  # topics, with the end of their pause
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def state(self, topic: str, payload: bytes) -> None:
        """Make ``payload`` the retained value of ``topic``."""
        with self._lock:
            state = self._states.get(topic)
            if state is None:
                self._states[topic] = _State(payload)
            elif state.payload == payload:
                return
            else:
                state.payload = payload
        self.wake()

    def event(self, topic: str, payload: bytes, correlation: bytes = b"") -> None:
        """Send once (QoS 1), in order with other events, with ``correlation`` data (MQTT 5)."""
        with self._lock:
            if self._is_muted(topic):
                self.counters.events_dropped += 1
                return
            self._waiting.append(Event(next(self._numbers), topic, payload, correlation))
            if len(self._waiting) + len(self._in_flight) > MAX_EVENTS:
                # The oldest may be in flight and may have arrived already.
                (self._in_flight or self._waiting).popleft()
                self.counters.events_dropped += 1
        self.wake()

    def once(self, topic: str, payload: bytes) -> None:
        """Make ``payload`` the retained value of a topic that isn't ours; not sent again."""
        with self._lock:
            self._waiting.append(Event(next(self._numbers), topic, payload, retain=True))
        self.wake()

    def forget(self, topic: str) -> None:
        """Stop publishing a topic's retained value: another service does."""
        with self._lock:
            self._states.pop(topic, None)

    def forget_events(self) -> None:
        """Drop all events: they happened while nothing was to be published."""
        with self._lock:
            self.counters.events_dropped += len(self._waiting) + len(self._in_flight)
            self._waiting.clear()
            self._in_flight.clear()

    def live(self, message: Live) -> None:
        """Send now or never (QoS 0); replaces one still queued."""
        with self._lock:
            if self._is_muted(message.topic):
                self.counters.live_expired += 1
                return
            if message.topic in self._live:
                self.counters.live_superseded += 1
            self._live[message.topic] = message
        self.wake()

    def note(self, topic: str, payload: bytes) -> None:
        """Send when there is a connection (QoS 0); replaces one still queued."""
        with self._lock:
            if self._is_muted(topic):
                return
            self._notes[topic] = payload
        self.wake()

    def repeat(self, topic: str) -> None:
        """Send the value of a state again."""
        with self._lock:
            state = self._states.get(topic)
            if state is not None:
                state.known = None
        self.wake()

    def repeat_all(self) -> None:
        """Send the value of every state again."""
        with self._lock:
            for state in self._states.values():
                state.known = None
        self.wake()

    # The network's side.

    def connected(self) -> None:
        """Start over on a new connection: all states and unacknowledged events are due again."""
        with self._lock:
            for state in self._states.values():
                state.sent = state.known = None
            self._waiting.extendleft(reversed(self._in_flight))
            self._in_flight.clear()

    def due_states(self, most: int | None = None) -> list[tuple[str, bytes]]:
        """The states to send now; one in flight is awaited first."""
        with self._lock:
            due: list[tuple[str, bytes]] = []
            for topic, state in self._states.items():
                if len(due) == most:
                    break
                if (
                    state.sent is None
                    and state.payload != state.known
                    and not self._is_muted(topic)
                ):
                    state.sent = state.payload
                    due.append((topic, state.payload))
            return due

    def due_events(self, most: int | None = None) -> list[Event]:
        """The events to send now, oldest first, as many as may be in flight."""
        with self._lock:
            due: list[Event] = []
            while self._waiting and len(self._in_flight) < EVENTS_IN_FLIGHT and len(due) != most:
                event = self._waiting.popleft()
                self._in_flight.append(event)
                due.append(event)
            return due

    def due_notes(self, most: int | None = None) -> list[tuple[str, bytes]]:
        """The notes to send now, removed from the outbox."""
        with self._lock:
            return [self._notes.popitem() for _ in range(_count(self._notes, most))]

    def has_live(self) -> bool:
        """Whether a live message still worth sending is queued; old ones are dropped."""
        with self._lock:
            oldest = self.clock() - MAX_WAIT_S
            for topic in [t for t, m in self._live.items() if m.ready < oldest and not m.lasting]:
                del self._live[topic]
                self.counters.live_expired += 1
            return bool(self._live)

    def take_live(self, most: int | None = None) -> list[Live]:
        """The live messages that are still fresh, removed from the outbox."""
        if not self.has_live():
            return []
        with self._lock:
            due = [self._live.pop(next(iter(self._live))) for _ in range(_count(self._live, most))]
            self.counters.live_sent += len(due)
            return due

    def state_acknowledged(self, topic: str) -> None:
        """Record that the broker has the value of ``topic`` that was in flight."""
        with self._lock:
            state = self._states.get(topic)
            if state is not None:
                state.known, state.sent = state.sent, None

    def event_acknowledged(self, number: int) -> None:
        """Record that the broker has the event."""
        with self._lock:
            for event in self._in_flight:
                if event.number == number:
                    self._in_flight.remove(event)
                    break

    def drop_event(self, number: int) -> None:
        """Drop an event that was sent without success or can't be sent; it is counted."""
        with self._lock:
            for events in (self._in_flight, self._waiting):
                for event in events:
                    if event.number == number:
                        events.remove(event)
                        self.counters.events_dropped += 1
                        return

    def mute(self, topic: str, seconds: float) -> None:
        """Send nothing on a topic for a while; its state, if any, is kept."""
        with self._lock:
            self._muted[topic] = self.clock() + seconds
            self._live.pop(topic, None)
            self._notes.pop(topic, None)
            for events in (self._in_flight, self._waiting):
                kept = [event for event in events if event.topic != topic]
                self.counters.events_dropped += len(events) - len(kept)
                events.clear()
                events.extend(kept)

    def _is_muted(self, topic: str) -> bool:
        """Whether a topic is muted now; the lock is held."""
        if not self._muted or topic not in self._muted:
            return False
        if self.clock() < self._muted[topic]:
            return True
        del self._muted[topic]
        return False

    def drained(self) -> bool:
        """Whether everything has reached the broker, except live messages, which may be lost."""
        with self._lock:
            settled = all(
                state.known == state.payload or self._is_muted(topic)
                for topic, state in self._states.items()
            )
            lasting = any(message.lasting for message in self._live.values())
            return settled and not (self._waiting or self._in_flight or self._notes or lasting)


def _count(waiting: dict[str, Any], most: int | None) -> int:
    return len(waiting) if most is None else min(len(waiting), most)
