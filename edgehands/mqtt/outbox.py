"""What is waiting to be sent: filled by any thread without ever waiting, emptied by one.

Four kinds of messages, each with the rule that an outage asks for:

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
"""Events sent but not acknowledged yet: enough for a slow link, few enough to keep order cheap."""

MAX_WAIT_S = 0.25
"""A live message that waited longer for the link is thrown away: with tracking and transport
before and after it, nothing then arrives older than 500 ms."""


class Live(Protocol):
    """A message that is only worth sending while it is fresh."""

    @property
    def topic(self) -> str:
        """Where it goes."""

    @property
    def ready(self) -> float:
        """When it was handed over, monotonic seconds."""

    @property
    def lasting(self) -> bool:
        """Whether it stays true however long it waited: "nothing to be seen"."""

    def encode(self) -> bytes:
        """Give the payload; called only when it is really sent."""


class Outgoing(Protocol):
    """Where a publisher leaves its messages; the network's side lies behind it."""

    def state(self, topic: str, payload: bytes) -> None:
        """Make ``payload`` the retained value of ``topic``."""

    def repeat(self, topic: str) -> None:
        """Send the retained value of ``topic`` once more."""

    def event(self, topic: str, payload: bytes, correlation: bytes = b"") -> None:
        """Send once (QoS 1), in order with other events; ``correlation`` goes along (MQTT 5)."""

    def live(self, message: Live) -> None:
        """Send now or never (QoS 0); replaces one that still waits."""

    def note(self, topic: str, payload: bytes) -> None:
        """Send when there is a connection (QoS 0); replaces one that still waits."""


@dataclass(slots=True)
class _State:
    payload: bytes
    sent: bytes | None = None  # on its way, not acknowledged
    known: bytes | None = None  # the broker has it


@dataclass(frozen=True, slots=True)
class Event:
    """An event that waits for its acknowledgement."""

    number: int
    topic: str
    payload: bytes
    correlation: bytes = b""
    retain: bool = False


@dataclass(slots=True)
class Counters:
    """What was left out since the start."""

    live_superseded: int = 0
    live_expired: int = 0
    live_sent: int = 0
    events_dropped: int = 0


@dataclass(slots=True)
class Outbox:
    """The four kinds of messages that wait. Thread-safe; every call returns at once.

    Attributes:
        wake: called after anything was added, from the adding thread; must not block.
        clock: monotonic seconds; tests hand in their own.
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
    _muted: dict[str, float] = field(default_factory=dict)  # topics, and until when
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
        """Send once (QoS 1), in order with other events; ``correlation`` goes along (MQTT 5)."""
        with self._lock:
            if self._is_muted(topic):
                self.counters.events_dropped += 1
                return
            self._waiting.append(Event(next(self._numbers), topic, payload, correlation))
            if len(self._waiting) + len(self._in_flight) > MAX_EVENTS:
                # The oldest waits in flight, if anything does; it may have arrived already.
                (self._in_flight or self._waiting).popleft()
                self.counters.events_dropped += 1
        self.wake()

    def once(self, topic: str, payload: bytes) -> None:
        """Make ``payload`` the retained value of a topic that isn't ours; not sent again."""
        with self._lock:
            self._waiting.append(Event(next(self._numbers), topic, payload, retain=True))
        self.wake()

    def forget(self, topic: str) -> None:
        """Leave the retained value of a topic to somebody else."""
        with self._lock:
            self._states.pop(topic, None)

    def forget_events(self) -> None:
        """Drop all events: they happened while nobody was to be told."""
        with self._lock:
            self.counters.events_dropped += len(self._waiting) + len(self._in_flight)
            self._waiting.clear()
            self._in_flight.clear()

    def live(self, message: Live) -> None:
        """Send now or never (QoS 0); replaces one that still waits."""
        with self._lock:
            if self._is_muted(message.topic):
                self.counters.live_expired += 1
                return
            if message.topic in self._live:
                self.counters.live_superseded += 1
            self._live[message.topic] = message
        self.wake()

    def note(self, topic: str, payload: bytes) -> None:
        """Send when there is a connection (QoS 0); replaces one that still waits."""
        with self._lock:
            if self._is_muted(topic):
                return
            self._notes[topic] = payload
        self.wake()

    def repeat(self, topic: str) -> None:
        """Send the value of a state once more."""
        with self._lock:
            state = self._states.get(topic)
            if state is not None:
                state.known = None
        self.wake()

    def repeat_all(self) -> None:
        """Send the value of every state once more."""
        with self._lock:
            for state in self._states.values():
                state.known = None
        self.wake()

    # The network's side.

    def connected(self) -> None:
        """Start again on a fresh connection: every state and unacknowledged event is due again."""
        with self._lock:
            for state in self._states.values():
                state.sent = state.known = None
            self._waiting.extendleft(reversed(self._in_flight))
            self._in_flight.clear()

    def due_states(self, most: int | None = None) -> list[tuple[str, bytes]]:
        """Give the states to send now; one that is on its way is waited for first."""
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
        """Give the events to send now, oldest first, as many as may be in flight."""
        with self._lock:
            due: list[Event] = []
            while self._waiting and len(self._in_flight) < EVENTS_IN_FLIGHT and len(due) != most:
                event = self._waiting.popleft()
                self._in_flight.append(event)
                due.append(event)
            return due

    def due_notes(self, most: int | None = None) -> list[tuple[str, bytes]]:
        """Give the notes to send now, and forget them."""
        with self._lock:
            return [self._notes.popitem() for _ in range(_count(self._notes, most))]

    def has_live(self) -> bool:
        """Whether a live message waits that is still worth sending; old ones are dropped."""
        with self._lock:
            oldest = self.clock() - MAX_WAIT_S
            for topic in [t for t, m in self._live.items() if m.ready < oldest and not m.lasting]:
                del self._live[topic]
                self.counters.live_expired += 1
            return bool(self._live)

    def take_live(self, most: int | None = None) -> list[Live]:
        """Give the live messages that are still fresh, and forget them."""
        if not self.has_live():
            return []
        with self._lock:
            due = [self._live.pop(next(iter(self._live))) for _ in range(_count(self._live, most))]
            self.counters.live_sent += len(due)
            return due

    def state_acknowledged(self, topic: str) -> None:
        """Note that the broker has the value of ``topic`` that was on its way."""
        with self._lock:
            state = self._states.get(topic)
            if state is not None:
                state.known, state.sent = state.sent, None

    def event_acknowledged(self, number: int) -> None:
        """Note that the broker has the event."""
        with self._lock:
            for event in self._in_flight:
                if event.number == number:
                    self._in_flight.remove(event)
                    break

    def drop_event(self, number: int) -> None:
        """Forget an event that was sent in vain, or that can't be sent; it is counted."""
        with self._lock:
            for events in (self._in_flight, self._waiting):
                for event in events:
                    if event.number == number:
                        events.remove(event)
                        self.counters.events_dropped += 1
                        return

    def mute(self, topic: str, seconds: float) -> None:
        """Send nothing on a topic for a while; its state, if it has one, is kept."""
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
        """Whether a topic is left alone now; the lock is held."""
        if not self._muted or topic not in self._muted:
            return False
        if self.clock() < self._muted[topic]:
            return True
        del self._muted[topic]
        return False

    def drained(self) -> bool:
        """Whether everything has reached the broker, but for live messages that may be lost."""
        with self._lock:
            settled = all(
                state.known == state.payload or self._is_muted(topic)
                for topic, state in self._states.items()
            )
            lasting = any(message.lasting for message in self._live.values())
            return settled and not (self._waiting or self._in_flight or self._notes or lasting)


def _count(waiting: dict[str, Any], most: int | None) -> int:
    return len(waiting) if most is None else min(len(waiting), most)
