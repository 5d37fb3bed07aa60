"""From tracked hands to messages: what is published, and when.

Called by the frame loop; queues values in the outbox and returns. ``hands`` messages are encoded
when sent, so those replaced by a newer one cost nothing.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from edgehands.config import PublishConfig
from edgehands.hand import FrameHands, Handedness
from edgehands.mqtt.client import MqttClient
from edgehands.mqtt.contract.messages import MAX_TEXT, EventMessage, encode
from edgehands.mqtt.contract.request_messages import settings_message
from edgehands.mqtt.contract.topics import NO_GESTURE, OFF, ON, topics_of
from edgehands.mqtt.live_hands import LiveHands
from edgehands.mqtt.rate_limiter import RateLimiter
from edgehands.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from edgehands.config import Config, RunningSettings
    from edgehands.gestures.events import GestureEvent
    from edgehands.hand import Hand
    from edgehands.mqtt.contract.messages import InfoMessage, StatsMessage
    from edgehands.mqtt.contract.topics import Topics
    from edgehands.mqtt.outbox import Outgoing

CameraStatus = Literal["online", "offline", "disabled"]


class Publisher(Protocol):
    """What the service publishes. Calls never wait for the network or raise because of it."""

    def publish(self, tracked: FrameHands, events: tuple[GestureEvent, ...] = ()) -> None:
        """Publish what is seen in a frame: hands, presence, count, gestures and events."""

    def camera_status(self, status: CameraStatus, problem: str = "") -> None:
        """Publish whether frames arrive and if not, why; without frames no hand is seen either."""

    def apply(self, settings: RunningSettings) -> None:
        """Apply settings changed while running, and publish whether tracking is on."""

    def info(self, message: InfoMessage) -> None:
        """Publish what runs here."""

    def stats(self, message: StatsMessage) -> None:
        """Publish how it is doing."""

    @property
    def connected(self) -> bool:
        """Whether the broker is connected now."""

    @property
    def broker(self) -> str:
        """The state of the connection to the broker, in a few words."""

    @property
    def counts(self) -> PublishCounts:
        """What was dropped so far, for the statistics."""


@dataclass(frozen=True, slots=True)
class PublishCounts:
    """What was dropped since the start.

    Attributes:
        hands_dropped: ``hands`` messages replaced by a newer one or grown too old.
        events_dropped: events dropped because an outage lasted too long.
        reconnects: how often the broker was reconnected.
    """

    hands_dropped: int = 0
    events_dropped: int = 0
    reconnects: int = 0


LOST_AFTER_S = 0.25
"""Seconds unseen after which a hand is lost. The tracker keeps an id over some missed frames: one
bad frame must not switch a lamp off and on again."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A hand known to subscribers, and when it was last seen, monotonic seconds."""

    hand: Hand
    seen: float


class HandsPublisher:
    """Decides what to send; ``out`` decides where.

    Args:
        out: a broker's client, or :class:`~edgehands.mqtt.fake.FakeClient`.
        topics: of this node and camera.
        publish: how much is sent; None = everything.
        gestures: whether the gesture topics exist.
        clock: monotonic seconds; tests pass their own.
    """

    def __init__(
        self,
        out: Outgoing,
        topics: Topics,
        *,
        publish: PublishConfig | None = None,
        gestures: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out = out
        self._topics = topics
        publish = publish or PublishConfig()
        self._rate_limiter = RateLimiter(publish.rate_limit, publish.min_change)
        self._compact = publish.compact
        self._gestures = gestures
        self._clock = clock
        self._last: FrameHands | None = None
        self._known: dict[int, _Known] = {}  # by id: hands not yet reported lost
        # A repeat after an outage has the same id; another run of the program never does.
        self._run = secrets.token_hex(4)
        self._events = 0
        self._primary = True
        self._info = b""

    def begin(self) -> None:
        """Publish that nothing is seen yet: values retained from an earlier run are out of date."""
        self._out.state(self._topics.camera_status, b"offline")
        self._out.state(self._topics.problem, b"")
        self._out.state(self._topics.camera_problem, b"")
        self._out.state(self._topics.enabled, ON)
        self._publish_count(0)
        if self._gestures:
            for side in Handedness:
                self._out.state(self._topics.gesture(side), NO_GESTURE)

    def publish(self, tracked: FrameHands, events: tuple[GestureEvent, ...] = ()) -> None:
        """Publish what is seen in a frame: hands, presence, count, gestures and events."""
        self._publish(tracked, events, LOST_AFTER_S)

    def camera_status(self, status: CameraStatus, problem: str = "") -> None:
        """Publish whether frames arrive and if not, why; without frames no hand is seen either.

        Args:
            status: of the camera.
            problem: why no frames arrive, without secrets; reduced to one line.
        """
        if status != "online":
            self._lose_hands()
        self._out.state(self._topics.camera_problem, problem_line(problem))
        self._out.state(self._topics.camera_status, status.encode())

    def end(self) -> None:
        """Publish that nothing is seen any more. A camera's problem stays: it may be why we end."""
        self._lose_hands()
        self._out.state(self._topics.camera_status, b"offline")

    def _lose_hands(self) -> None:
        if self._last is not None and self._known:
            self._publish(replace(self._last, hands=()), (), patience=0.0)

    def _publish(
        self, tracked: FrameHands, events: tuple[GestureEvent, ...], patience: float
    ) -> None:
        self._last = tracked
        appeared, lost = self._appeared_and_lost(tracked, patience)
        # A hand's own events come between its appearance and its loss.
        for hand in appeared:
            self._publish_event("hand_appeared", hand.id, hand.handedness, tracked)
        for event in events:
            self._publish_gesture_event(event, tracked)
        for hand in lost:
            self._publish_event("hand_lost", hand.id, hand.handedness, tracked)
        if appeared or lost:
            self._publish_count(len(self._known))
        if self._gestures:
            self._publish_gestures()
        if tracked.hands:
            if self._rate_limiter.wants(tracked):
                self._publish_hands(tracked)
        elif lost and not self._known:
            self._rate_limiter.forget()
            self._publish_hands(tracked)  # the one empty list; nothing after that

    def _appeared_and_lost(
        self, tracked: FrameHands, patience: float
    ) -> tuple[tuple[Hand, ...], tuple[Hand, ...]]:
        """Which hands are new, and which have been unseen longer than ``patience`` seconds."""
        t = tracked.frame.t_mono
        ids = {hand.id for hand in tracked.hands}
        appeared = tuple(hand for hand in tracked.hands if hand.id not in self._known)
        self._known.update((hand.id, _Known(hand, t)) for hand in tracked.hands)
        lost = tuple(
            known.hand
            for known in self._known.values()
            if known.hand.id not in ids and t - known.seen >= patience
        )
        for hand in lost:
            del self._known[hand.id]
        return appeared, lost

    def _publish_hands(self, tracked: FrameHands) -> None:
        ready = self._clock()
        self._out.live(LiveHands(self._topics.hands, tracked, ready))
        if self._compact:
            self._out.live(LiveHands(self._topics.hands_bin, tracked, ready, compact=True))

    def apply(self, settings: RunningSettings) -> None:
        """Apply settings changed while running, and publish whether tracking is on."""
        self._rate_limiter.rate_limit = settings.rate_limit
        self._rate_limiter.forget()
        self._out.state(self._topics.enabled, ON if settings.enabled else OFF)
        self._out.state(self._topics.settings, encode(settings_message(settings)))

    def info(self, message: InfoMessage) -> None:
        """Publish what runs here."""
        self._info = encode(message)
        self._out.state(self._topics.camera_info, self._info)
        if self._primary:
            self._out.state(self._topics.info, self._info)

    def stats(self, message: StatsMessage) -> None:
        """Publish how it is doing."""
        payload = encode(message)
        self._out.note(self._topics.camera_stats, payload)
        if self._primary:
            self._out.note(self._topics.stats, payload)

    def _publish_count(self, count: int) -> None:
        self._out.state(self._topics.presence, ON if count else OFF)
        self._out.state(self._topics.count, str(count).encode())

    def _publish_gestures(self) -> None:
        shown: dict[Handedness, bytes] = {}
        for hand in (known.hand for known in self._known.values()):
            if hand.gesture is not None:
                # Of two left hands the one followed longest counts.
                shown.setdefault(hand.handedness, hand.gesture.name.encode())
        for side in Handedness:
            self._out.state(self._topics.gesture(side), shown.get(side, NO_GESTURE))

    def _publish_gesture_event(self, event: GestureEvent, tracked: FrameHands) -> None:
        kind = event.event_type.value
        self._publish_event(kind, event.hand_id, event.handedness, tracked, **event.details())

    def _publish_event(
        self, kind: str, hand_id: int, side: Handedness, tracked: FrameHands, **details: Any
    ) -> None:
        self._events += 1
        message = EventMessage(
            event_type=kind,
            hand_id=hand_id,
            id=f"{self._run}-{self._events}",
            t=round(tracked.frame.t_wall, 4),
            handedness=side.value,
            **details,
        )
        self._out.event(self._topics.event, encode(message))


def problem_line(problem: str) -> bytes:
    """The payload of a ``problem`` topic: one printable line of limited length."""
    return printable(" ".join(problem.split())[:MAX_TEXT], MAX_TEXT).encode()


class MqttPublisher(HandsPublisher):
    """A publisher with its own connection to the configured broker.

    A context manager: entering connects in the background, leaving publishes that nothing is seen
    any more and that the node is offline.
    """

    def __init__(self, config: Config) -> None:
        self.topics = topics_of(config)
        self.client = MqttClient(config.mqtt, self.topics)
        self.client.peers.changed = self._speak_for_node
        super().__init__(
            self.client,
            self.topics,
            publish=config.publish,
            gestures=config.gestures.enabled,
        )

    def __enter__(self) -> Self:
        self.begin()
        self.client.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Whatever goes wrong in publishing it, the connection is closed.
        with contextlib.ExitStack() as stack:
            stack.callback(self.client.close)
            self.end()

    def _speak_for_node(self, primary: bool) -> None:
        """Of several services of a node, one publishes the ``info`` and ``stats`` of all."""
        self._primary = primary
        if not primary:
            self.client.outbox.forget(self.topics.info)
        elif self._info:
            self.client.state(self.topics.info, self._info)
            self.client.repeat(self.topics.info)

    @property
    def connected(self) -> bool:
        """Whether the broker is connected now."""
        return self.client.connected

    @property
    def broker(self) -> str:
        """The state of the connection to the broker, in a few words."""
        if self.client.peers.yielded:
            return f'silent: another device calls itself "{self.topics.node_name}"'
        return "broker connected" if self.client.connected else "broker away"

    @property
    def counts(self) -> PublishCounts:
        """What was dropped so far, for the statistics."""
        counters = self.client.outbox.counters
        return PublishCounts(
            hands_dropped=counters.live_superseded + counters.live_expired,
            events_dropped=counters.events_dropped,
            reconnects=max(self.client.connections - 1, 0),
        )
