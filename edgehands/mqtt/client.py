"""The way to the broker: a thread that connects, sends what waits, and never gives up."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import ssl
import threading
import time
from typing import TYPE_CHECKING, Protocol

import paho.mqtt.client as paho

from edgehands.errors import BrokerError
from edgehands.mqtt import reasons
from edgehands.mqtt.outbox import Live, Outbox
from edgehands.mqtt.requests import Received
from edgehands.mqtt.session import Session
from edgehands.mqtt.topics import OFFLINE, ONLINE, matches

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from paho.mqtt.properties import Properties

    from edgehands.config import MqttConfig
    from edgehands.mqtt.topics import Topics

log = logging.getLogger(__name__)

IDLE_S = 1.0
"""How often a quiet connection is looked after."""

RETRY_S = (0.2, 2.0)
"""First and longest pause between attempts where the broker is away: it is back within 3 s."""

REFUSED_RETRY_S = (1.0, 30.0)
"""The same where the broker or we said no: neither will think otherwise soon."""

GOODBYE_S = 2.0
"""How long the last states may take to reach the broker at the end."""


class Listening(Protocol):
    """Somebody whom messages are for."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topic filters to subscribe to."""

    def receive(self, message: Received) -> None:
        """Take a message in; called by the network's thread, so it must return at once."""


class MqttClient:
    """Everything that waits to be sent, and the thread that sends it. Implements ``Outgoing``.

    A context manager: entering it starts the thread (it doesn't wait for the broker), leaving it
    sends what still waits and says goodbye. No call ever waits for the network.
    """

    def __init__(self, config: MqttConfig, topics: Topics) -> None:
        self._config = config
        self._address = config.address
        self._topics = topics
        self._listeners: list[Listening] = []
        self._client_id = "-".join(topics.node.split("/"))
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.outbox = Outbox(self._wake)
        self.connected = False
        self.connections = 0
        self._protocol = paho.MQTTv311 if config.protocol == "3.1.1" else paho.MQTTv5
        self._settled = config.protocol != "auto"
        self._stopping = False
        self._stop_by = float("inf")
        self._sent: dict[int, tuple[str, int | None]] = {}
        self._told: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="edgehands-mqtt", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the thread. ``status`` becomes ``online`` with the connection."""
        address = self._address
        if not (address.tls or address.loopback) and (self._config.username):
            log.warning(
                "%s: user name and password travel readable over the network: use mqtts://",
                address,
            )
        self.state(self._topics.status, ONLINE)
        self._thread.start()

    def close(self) -> None:
        """Make ``status`` ``offline``, send what still waits, say goodbye; at most 3 seconds."""
        if self._stopping:
            return
        self.state(self._topics.status, OFFLINE)
        self._stop_by = time.monotonic() + GOODBYE_S
        self._stopping = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(GOODBYE_S + 1.0)
        # A thread that hangs in a name look-up is left alone: it is a daemon, and the pipe its own.
        if not self._thread.is_alive():
            os.close(self._wake_read)
            os.close(self._wake_write)

    def listen(self, listener: Listening) -> None:
        """Subscribe for a listener with every connection; call it before :meth:`start`."""
        self._listeners.append(listener)

    def repeat(self, topic: str) -> None:
        """Send the retained value of ``topic`` once more."""
        self.outbox.repeat(topic)

    def state(self, topic: str, payload: bytes) -> None:
        """Make ``payload`` the retained value of ``topic``."""
        self.outbox.state(topic, payload)

    def event(self, topic: str, payload: bytes, correlation: bytes = b"") -> None:
        """Send once (QoS 1), in order with other events; ``correlation`` goes along (MQTT 5)."""
        self.outbox.event(topic, payload, correlation)

    def live(self, message: Live) -> None:
        """Send now or never (QoS 0); replaces one that still waits."""
        self.outbox.live(message)

    def note(self, topic: str, payload: bytes) -> None:
        """Send when there is a connection (QoS 0); replaces one that still waits."""
        self.outbox.note(topic, payload)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._wake_write, b"\0")

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)

    # What follows runs in the thread.

    def _run(self) -> None:
        pause = _Pause()
        while not self._stopping:
            begin = time.monotonic()
            distrusted = False
            session = Session(
                self._config,
                client_id=self._client_id,
                will=(self._topics.status, OFFLINE),
                protocol=self._protocol,
                acknowledged=self._acknowledged,
                received=self._receive,
                ignore_retained=True,
            )
            try:
                session.open()
                self._serve(session)
                trouble = self._trouble(session)
            except BrokerError as error:
                trouble = str(error)
            except (OSError, ValueError) as error:
                trouble = reasons.unreachable(self._address, error)
                distrusted = isinstance(error, ssl.SSLCertVerificationError)
            except Exception as error:
                # A broker's broken bytes, or our own mistake: neither may end the thread.
                trouble = f"{self._address}: the connection failed ({error!r}): made anew"
                log.debug("%s", trouble, exc_info=True)
            finally:
                session.abandon()
                self.connected = False
            if session.ready:
                pause.reset()
            if self._stopping or not trouble:
                continue  # at once
            self._tell(trouble)
            # Time that an attempt took has been waited already.
            spent = 0.0 if session.ready else time.monotonic() - begin
            self._wait(pause.next(refused=distrusted or bool(session.refusal)) - spent)

    def _serve(self, session: Session) -> None:
        """Send and receive until the connection ends or we stop."""
        greeted = False
        while not session.ended:
            if session.ready and not greeted:
                greeted = True
                self._welcome()
                for listener in self._listeners:
                    session.subscribe(listener.subscriptions)
            if greeted:
                self._send(session)
            if self._stopping and (
                not greeted or self.outbox.drained() or time.monotonic() > self._stop_by
            ):
                if greeted:
                    session.disconnect()
                return
            timeout = IDLE_S if not self._stopping else 0.05
            session.work(timeout, self._drain_wake, self._wake_read)

    def _welcome(self) -> None:
        protocol = "5" if self._protocol == paho.MQTTv5 else "3.1.1"
        log.info("connected to %s (MQTT %s)", self._address, protocol)
        self._settled = True
        self._told.clear()
        self._sent.clear()
        self.outbox.connected()
        self.connected = True
        self.connections += 1

    def _send(self, session: Session) -> None:
        """Send what is due, as far as the link takes it without a queue."""
        if session.backlog:
            return
        for topic, payload in self.outbox.due_states():
            self._sent[session.publish(topic, payload, qos=1, retain=True)] = (topic, None)
        for event in self.outbox.due_events():
            mid = session.publish(
                event.topic, event.payload, qos=1, retain=False, correlation=event.correlation
            )
            self._sent[mid] = (event.topic, event.number)
        for topic, payload in self.outbox.due_notes():
            session.publish(topic, payload, qos=0, retain=False)
        if not self.outbox.has_live():
            return
        if not session.link.clear(time.monotonic()):
            session.ping()
            return
        for message in self.outbox.take_live():
            session.publish(message.topic, message.encode(), qos=0, retain=False)
        if session.link.slow:
            session.ping()  # ahead of the next message: waiting for it there would halve the rate

    def _acknowledged(self, mid: int, refusal: str) -> None:
        topic, number = self._sent.pop(mid, ("", None))
        if not topic:
            return
        # What the broker refuses for good isn't sent again and again.
        if number is None:
            self.outbox.state_acknowledged(topic)
        else:
            self.outbox.event_acknowledged(number)
        if refusal:
            self._tell(
                f"{self._address} refuses to let {self._client_id} write {topic} ({refusal}): "
                "allow it in the broker's ACL"
            )

    def _receive(self, topic: str, payload: bytes, properties: Properties | None) -> None:
        message = Received(
            topic,
            payload,
            getattr(properties, "ResponseTopic", ""),
            getattr(properties, "CorrelationData", b""),
        )
        for listener in self._listeners:
            if any(matches(wanted, topic) for wanted in listener.subscriptions):
                listener.receive(message)

    def _trouble(self, session: Session) -> str:
        """Say why a session ended; empty when the next attempt should follow at once."""
        if session.refusal and session.refusal not in reasons.UNSUPPORTED_PROTOCOL:
            self._settled = True  # it understood us
            return reasons.refused(self._address, session.refusal)
        if not self._settled:
            # It doesn't know this version, or says nothing to it. Both ways are tried in turn.
            first_time = self._protocol == paho.MQTTv5
            self._protocol = paho.MQTTv311 if first_time else paho.MQTTv5
            if first_time:
                return ""
        if session.refusal:
            return reasons.refused(self._address, session.refusal)
        return reasons.ended(self._address, session.end_reason, accepted=session.ready)

    def _tell(self, trouble: str) -> None:
        """Log a trouble once; it stays quiet until there was a connection again."""
        if trouble in self._told:
            log.debug("%s", trouble)
            return
        self._told.add(trouble)
        log.warning("%s", trouble)

    def _wait(self, seconds: float) -> None:
        """Wait, but not when we are asked to stop."""
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


class _Pause:
    """Pauses between attempts: doubling up to a limit, and by chance so that a fleet spreads."""

    def __init__(self) -> None:
        self._attempts = 0

    def reset(self) -> None:
        self._attempts = 0

    def next(self, *, refused: bool) -> float:
        first, longest = REFUSED_RETRY_S if refused else RETRY_S
        seconds = min(first * 2.0 ** min(self._attempts, 20), longest)
        self._attempts += 1
        return seconds * random.uniform(0.5, 1.0)  # noqa: S311
