"""The connection to the broker: a thread that connects, sends the queue, and never gives up."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

from edgehands.closing import Closing
from edgehands.mqtt.broker import reasons
from edgehands.mqtt.broker.attempt import attempt
from edgehands.mqtt.broker.pauses import LASTING_S, Ending, Pauses
from edgehands.mqtt.broker.session import Session
from edgehands.mqtt.broker.versions import VersionChoice
from edgehands.mqtt.broker.wake import Wake
from edgehands.mqtt.connection import Connection
from edgehands.mqtt.contract.topics import OFFLINE, ONLINE, matches
from edgehands.mqtt.delivery import Delivery
from edgehands.mqtt.outbox import Live, Outbox
from edgehands.mqtt.peers import Peers
from edgehands.mqtt.requests import Received
from edgehands.mqtt.stand_by import stand_by

if TYPE_CHECKING:
    from typing import Self

    import paho.mqtt.client as paho

    from edgehands.config import MqttConfig
    from edgehands.mqtt.contract.topics import Topics

log = logging.getLogger(__name__)

IDLE_S = 1.0
"""How often an idle connection is serviced."""

BUSY_S = 0.05
"""The same while an answer is expected."""

GOODBYE_S = 2.0
"""How long sending the last states may take at shutdown."""


MAX_TOLD = 100
"""Problems logged before there is a good connection again."""


class Listening(Protocol):
    """A receiver of messages."""

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Topic filters to subscribe to."""

    def receive(self, message: Received) -> None:
        """Process a message; called by the network thread, so it must return at once."""


class MqttClient(Closing):
    """The outgoing messages and the thread that sends them. Implements ``Outgoing``.

    A context manager: entering starts the thread without waiting for the broker, leaving sends what
    is still queued and disconnects. No call ever waits for the network.
    """

    def __init__(self, config: MqttConfig, topics: Topics) -> None:
        self._config = config
        self._address = config.address
        self._topics = topics
        self._listeners: list[Listening] = []
        self._wake = Wake()
        self.outbox = Outbox(self._wake.set)
        self.peers = Peers(topics, self.outbox)
        self.connected = False
        self.connections = 0
        self._delivery = Delivery(self.outbox, self._address, topics.camera_id, self._log_once)
        self._pauses = Pauses()
        self._versions = VersionChoice(config.protocol)
        self._under_other_id = False
        self._stopping = False
        self._stop_by = float("inf")
        self._told: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="edgehands-mqtt", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Start the thread. ``status`` becomes ``online`` once connected."""
        address = self._address
        if not (address.tls or address.loopback) and (self._config.username):
            log.warning(
                "%s: user name and password travel readable over the network: use mqtts://",
                address,
            )
        self.state(self._topics.status, ONLINE)
        self._thread.start()

    def close(self) -> None:
        """Send what is queued, make ``status`` ``offline`` and disconnect; at most 3 seconds.

        If another service of this node is running, ``status`` stays ``online``.
        """
        if self._stopping:
            return
        self._stop_by = time.monotonic() + GOODBYE_S
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(GOODBYE_S + 1.0)
        # A thread stuck in a name lookup is left alone: it is a daemon, and owns the pipe.
        if not self._thread.is_alive():
            self._wake.close()

    def listen(self, listener: Listening) -> None:
        """Subscribe for a listener on every connection; call before :meth:`start`."""
        self._listeners.append(listener)

    def repeat(self, topic: str) -> None:
        """Send the retained value of ``topic`` again."""
        self.outbox.repeat(topic)

    def state(self, topic: str, payload: bytes) -> None:
        """Make ``payload`` the retained value of ``topic``."""
        self.outbox.state(topic, payload)

    def event(self, topic: str, payload: bytes, correlation: bytes = b"") -> None:
        """Send once (QoS 1), in order with other events, with ``correlation`` data (MQTT 5)."""
        self.outbox.event(topic, payload, correlation)

    def live(self, message: Live) -> None:
        """Send now or never (QoS 0); replaces one still queued."""
        self.outbox.live(message)

    def note(self, topic: str, payload: bytes) -> None:
        """Send when there is a connection (QoS 0); replaces one still queued."""
        self.outbox.note(topic, payload)

    # The rest runs in the thread.

    def _run(self) -> None:
        while not self._stopping:
            if self.peers.yielded:
                self._stand_by()
                continue
            session = self._new_session()
            begin = time.monotonic()
            ending, trouble = self._attempt(session)
            lasted = time.monotonic() - begin
            if self._delivery.ended(closed=session.closed and session.ready):
                self._pauses.relieve()
            self._choose_client_id(session, ending)
            if session.ready and lasted > LASTING_S:
                self._pauses.reset()
            if self._stopping or self.peers.yielded or not trouble:
                continue  # at once
            self._log_once(trouble)
            # The time that the attempt took counts as waiting.
            spent = 0.0 if session.ready else lasted
            self._wait(self._pauses.next(ending) - spent)

    def _new_session(self) -> Session:
        own_id = self._topics.camera_id
        return Session(
            self._config,
            client_id=f"{own_id}:{self.peers.instance}" if self._under_other_id else own_id,
            will=(self._topics.status, OFFLINE),
            protocol=self._versions.version,
            acknowledged=self._delivery.acknowledged,
            received=self._receive,
        )

    def _attempt(self, session: Session) -> tuple[Ending, str]:
        """Connect and serve until the end; return how it ended, and what to log."""
        ending, error = attempt(session, self._address, self._serve)
        self.connected = False
        return ending, error or self._trouble(session)

    def _choose_client_id(self, session: Session, ending: Ending) -> None:
        """Don't take the connection back from a twin, if a twin took it.

        A broker that silently closes a connection and accepts the next one at once may have given
        it to another client with our client identifier; only :class:`Peers` can tell.
        """
        if ending is not Ending.CLOSED:
            self._under_other_id = self.peers.twin and not session.refusal
        elif session.ready:
            self._under_other_id = True

    def _serve(self, session: Session) -> None:
        """Send and receive until the connection ends or we stop."""
        connection: Connection | None = None
        while not session.ended:
            if session.ready and connection is None:
                connection = self._welcome(session)
            if connection is None:
                if self._stopping:
                    return
            elif connection.step(stop_by=self._stop_by if self._stopping else None):
                session.disconnect()
                return
            busy = connection is not None and connection.busy
            session.work(BUSY_S if busy else IDLE_S, self._wake.drain, self._wake.fileno())

    def _welcome(self, session: Session) -> Connection:
        self._versions.settle()
        self.connected = True
        self.connections += 1
        calm = self._pauses.calm
        if calm:
            self._good()
        return Connection(
            session,
            self.outbox,
            self._delivery,
            self.peers,
            self._topics,
            subscriptions=[listener.subscriptions for listener in self._listeners],
            lasted=self._pauses.reset if calm else self._good,
        )

    def _good(self) -> None:
        """Log that there is a connection; problems may be logged again."""
        self._pauses.reset()
        log.info("connected to %s (MQTT %s)", self._address, self._versions.name)
        self._told.clear()

    def _stand_by(self) -> None:
        """A twin was there first: publish nothing, and check now and then whether it is gone."""
        if stand_by(self._config, self._topics, self.peers, self._versions.version, self._wait):
            self.peers.resume()
            log.info("the other device that called itself %s is gone", self._topics.node_name)

    def _receive(self, message: paho.MQTTMessage) -> None:
        properties = message.properties
        received = Received(
            message.topic,
            bytes(message.payload),
            getattr(properties, "ResponseTopic", ""),
            getattr(properties, "CorrelationData", b""),
            bool(message.retain),
        )
        if _wanted(self.peers, received.topic):
            self.peers.receive(received)
        # Retained messages may be old: a request is carried out once.
        if not received.retained:
            for listener in self._listeners:
                if _wanted(listener, received.topic):
                    listener.receive(received)

    def _trouble(self, session: Session) -> str:
        """Why a session ended; empty if the next attempt should follow at once."""
        if self._versions.after(session) and self._pauses.calm:
            return ""
        return reasons.of_session(self._address, session)

    def _log_once(self, trouble: str) -> None:
        """Log a problem once; further ones are suppressed until there was a good connection."""
        if trouble in self._told or len(self._told) >= MAX_TOLD:
            log.debug("%s", trouble)
            return
        self._told.add(trouble)
        log.warning("%s", trouble)

    def _wait(self, seconds: float) -> bool:
        """Wait, unless asked to stop; True if asked to."""
        until = time.monotonic() + seconds
        while not self._stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        return self._stopping


def _wanted(listener: Listening, topic: str) -> bool:
    return any(matches(wanted, topic) for wanted in listener.subscriptions)
