"""Sends the outbox's messages over a connection, and finds out which one makes a broker close it.

MQTT has no way to say "I disconnect because of this message". The last messages are sent again
after every reconnect, so one that a broker can't handle would keep a node offline. Therefore:

* Whatever was sent but not confirmed when the broker closed the connection is *suspect*. The next
  connection sends one message at a time, and waits until the broker has confirmed it (PUBACK,
  SUBACK, or for QoS 0 the answer to a later ping).
* A message that was the only one in flight when two consecutive connections were closed is dropped,
  with a log line naming it. A topic on which nothing was ever confirmed then pauses for ten
  minutes.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgehands.mqtt.broker import reasons
from edgehands.mqtt.broker.quiet_log import QuietLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgehands.config import BrokerUrl
    from edgehands.mqtt.broker.session import Session
    from edgehands.mqtt.outbox import Outbox

log = logging.getLogger(__name__)

MUTE_S = 600.0
"""How long a topic is muted after its messages made the broker close the connection."""

TRIES = 2
"""Consecutive connections that a message may end before it is dropped."""

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class _Sent:
    """Something sent but not confirmed yet.

    Attributes:
        kind: what it is.
        topic: where it was sent; for a subscription, its filters.
        size: of the payload, bytes.
        number: the event's number.
        pings: how many pings had been sent before it.
    """

    kind: Literal["state", "event", "fleeting", "subscription"]
    topic: str
    size: int = 0
    number: int = -1
    pings: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """A key that stays the same on the next connection."""
        return (f"{self.kind} {self.topic}", self.number)


class Delivery:
    """What is in flight to the broker, over all connections. Used only by the network thread.

    Args:
        outbox: the queued messages.
        address, client_id: the broker's and ours, for log lines.
        tell: logs a problem once; see :class:`~edgehands.mqtt.client.MqttClient`.

    """

    def __init__(
        self, outbox: Outbox, address: BrokerUrl, client_id: str, tell: Callable[[str], None]
    ) -> None:
        self._outbox, self._address, self._tell = outbox, address, tell
        self._client_id = client_id
        self._quiet = QuietLog(log)
        self._acknowledgeable: dict[int, _Sent] = {}  # by message id: QoS 1 and subscriptions
        self._fleeting: list[_Sent] = []  # QoS 0
        self._suspects: set[tuple[str, int]] = set()
        self._blamed: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._proved: set[str] = set()  # our own topics with a confirmed message
        self._to_subscribe: list[tuple[str, ...]] = []
        self._given_up: set[tuple[str, ...]] = set()
        self._limit_told = 0

    @property
    def careful(self) -> bool:
        """Whether messages are sent one at a time, to find the one that the broker can't handle."""
        return bool(self._suspects)

    def begin(self, subscriptions: Sequence[tuple[str, ...]]) -> None:
        """Start over on a new connection: everything is due again.

        Args:
            subscriptions: groups of topic filters; each group is one packet.
        """
        self._acknowledgeable.clear()
        self._fleeting.clear()
        self._to_subscribe = [group for group in subscriptions if group not in self._given_up]
        self._outbox.connected()

    def ended(self, *, closed: bool) -> bool:
        """Record the end of the connection; True if that revealed the cause.

        Args:
            closed: by the broker; otherwise the network failed, or we ended it.
        """
        in_doubt = [*self._acknowledgeable.values(), *self._fleeting]
        self._acknowledgeable.clear()
        self._fleeting.clear()
        if not closed:
            return False
        self._suspects.update(sent.key for sent in in_doubt)
        return len({sent.key for sent in in_doubt}) == 1 and self._blame(in_doubt[0])

    def send(self, session: Session) -> None:
        """Send what is due, as far as the link takes it without queueing."""
        if session.backlog:
            return
        self._confirm_fleeting(session.link.answers)
        if self.careful:
            self._send_one(session)
            return
        while self._to_subscribe:
            self._subscribe(session)
        self.send_notes(session)
        self._send_states(session)
        self._send_events(session)
        if self._outbox.has_live():
            self._send_live(session)

    def acknowledged(self, mid: int, refusal: str) -> None:
        """Process the broker's answer to a QoS 1 message or a subscription."""
        sent = self._acknowledgeable.pop(mid, None)
        if sent is None:
            return
        self._confirm(sent)
        # What the broker rejects permanently isn't sent again and again.
        if sent.kind == "state":
            self._outbox.state_acknowledged(sent.topic)
        elif sent.kind == "event":
            self._outbox.event_acknowledged(sent.number)
        if not refusal:
            return
        if sent.kind == "subscription":
            self._tell(
                f"{self._address} refuses a subscription ({refusal}): let {self._client_id} read "
                f"{sent.topic} in the broker's ACL"
            )
            return
        line = reasons.message_refused(self._address, self._client_id, sent.topic, refusal)
        if sent.kind == "state":
            self._tell(line)
        else:
            self._quiet.warning("refused", line)

    def _send_one(self, session: Session) -> None:
        """Send the next message once the previous one is confirmed."""
        if not session.link.answers or self._fleeting:
            session.ping()  # first: is it something we send, or the connection itself?
            return
        if self._acknowledgeable:
            return
        if self._to_subscribe:
            self._subscribe(session)
        elif not (
            self.send_notes(session, 1)
            or self._send_states(session, 1)
            or self._send_events(session, 1)
        ):
            if self._outbox.has_live():
                self._send_live(session, 1)
            else:
                self._suspects.clear()

    def _subscribe(self, session: Session) -> None:
        group = self._to_subscribe.pop(0)
        self._acknowledgeable[session.subscribe(group)] = _Sent("subscription", ", ".join(group))

    def _send_states(self, session: Session, most: int | None = None) -> int:
        due = self._outbox.due_states(most)
        for topic, payload in due:
            sent = _Sent("state", topic, len(payload))
            if not self._publish(session, sent, payload, qos=1, retain=True):
                self._outbox.state_acknowledged(topic)
        return len(due)

    def _send_events(self, session: Session, most: int | None = None) -> int:
        due = self._outbox.due_events(most)
        for event in due:
            sent = _Sent("event", event.topic, len(event.payload), event.number)
            if not self._publish(
                session,
                sent,
                event.payload,
                qos=1,
                retain=event.retain,
                correlation=event.correlation,
            ):
                self._outbox.drop_event(event.number)
        return len(due)

    def send_notes(self, session: Session, most: int | None = None) -> int:
        """Send what is worth sending at most once, only the newest on each topic."""
        due = self._outbox.due_notes(most)
        for topic, payload in due:
            sent = _Sent("fleeting", topic, len(payload), pings=session.link.pings)
            self._publish(session, sent, payload, qos=0, retain=False)
        return len(due)

    def _send_live(self, session: Session, most: int | None = None) -> None:
        if not session.link.clear(session.now()):
            session.ping()
            return
        for message in self._outbox.take_live(most):
            payload = message.encode()
            sent = _Sent("fleeting", message.topic, len(payload), pings=session.link.pings)
            self._publish(session, sent, payload, qos=0, retain=False)
        if session.link.slow:
            session.ping()  # ahead of the next message: waiting for it there would halve the rate

    def _publish(  # noqa: PLR0913 - each belongs to the message
        self,
        session: Session,
        sent: _Sent,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        correlation: bytes = b"",
    ) -> bool:
        """Send one message; False if it can't be sent and won't be."""
        size = session.packet_size(sent.topic, payload, correlation)
        if size > session.max_packet:
            if self._limit_told != session.max_packet:
                self._limit_told = session.max_packet
                log.warning(
                    "%s takes no packet above %d bytes: what is larger isn't sent (now: %d bytes "
                    "on %s): raise the broker's limit (mosquitto: max_packet_size)",
                    *(self._address, session.max_packet, size, sent.topic),
                )
            return False
        try:
            mid = session.publish(
                sent.topic, payload, qos=qos, retain=retain, correlation=correlation
            )
        except ValueError as error:
            # Something the client library won't send must not end the connection each time.
            self._quiet.warning("unsendable", f"{sent.topic[:80]!r} can't be sent ({error})")
            return False
        if qos:
            self._acknowledgeable[mid] = sent
        else:
            self._fleeting.append(sent)
        return True

    def _confirm_fleeting(self, answers: int) -> None:
        if self._fleeting:
            for sent in [one for one in self._fleeting if one.pings < answers]:
                self._confirm(sent)
                self._fleeting.remove(sent)

    def _confirm(self, sent: _Sent) -> None:
        self._blamed.pop(sent.key, None)
        self._suspects.discard(sent.key)
        if sent.kind != "subscription" and len(self._proved) < _REMEMBERED:
            self._proved.add(sent.topic)

    def _blame(self, sent: _Sent) -> bool:
        """Record that a connection ended with only this in flight; drop it if that repeats.

        Returns:
            Whether it was dropped.
        """
        count = self._blamed.pop(sent.key, 0) + 1
        if count < TRIES:
            self._blamed[sent.key] = count
            if len(self._blamed) > _REMEMBERED:
                self._blamed.popitem(last=False)
            return False
        self._suspects.discard(sent.key)
        # A muted topic that is tried again gets one attempt.
        self._blamed[sent.key] = count - 1
        if sent.kind == "subscription":
            self._given_up.add(tuple(sent.topic.split(", ")))
            log.warning(
                "%s closes the connection when %s is subscribed to: left out until the next start",
                *(self._address, sent.topic),
            )
            return True
        mute = sent.kind != "event" or sent.topic not in self._proved
        if sent.kind == "event":
            self._outbox.drop_event(sent.number)
        if mute:
            self._outbox.mute(sent.topic, MUTE_S)
        self._quiet.warning(
            "closes",
            f"{self._address} closes the connection when {sent.topic[:200]} is sent "
            f"({sent.size} bytes): "
            + (f"nothing is sent there for {MUTE_S:.0f} s" if mute else "the message is dropped"),
        )
        return True
