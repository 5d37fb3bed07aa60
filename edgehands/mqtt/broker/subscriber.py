"""Subscribing to a broker: a thread that connects, subscribes, and never gives up."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgehands.mqtt.broker import reasons
from edgehands.mqtt.broker.attempt import attempt
from edgehands.mqtt.broker.pauses import LASTING_S, Pauses
from edgehands.mqtt.broker.session import Session
from edgehands.mqtt.broker.versions import VersionChoice
from edgehands.mqtt.broker.wake import Wake
from edgehands.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    import paho.mqtt.client as paho

    from edgehands.config import MqttConfig

log = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 65_536
"""Larger messages can't be ours and are skipped unread."""

IDLE_S = 1.0
"""How often an idle connection is serviced."""


_MAX_OUTGOING = 32
"""Most messages queued for sending; a person doesn't send faster."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as received.

    Attributes:
        topic: where it was published.
        payload: at most :data:`MAX_PAYLOAD_BYTES`.
        t: when it arrived, seconds since 1970.
    """

    topic: str
    payload: bytes
    t: float


@dataclass(frozen=True, slots=True)
class BrokerState:
    """The state of the connection to the broker.

    Attributes:
        address: without a password.
        connected: whether messages can arrive now.
        protocol: MQTT version of the connection, ``5`` or ``3.1.1``; empty if there is none.
        trouble: why there is no connection, in one line; empty if there is nothing to report.
        connections: how many connections so far.
        since: when ``connected`` last changed, seconds since 1970.
    """

    address: str
    connected: bool = False
    protocol: str = ""
    trouble: str = ""
    connections: int = 0
    since: float = 0.0


def broker_line(broker: BrokerState) -> str:
    """The state of the connection to the broker, in one line."""
    if broker.connected:
        return f"connected to {broker.address} (MQTT {broker.protocol})"
    return printable(broker.trouble, 1000)


class Subscriber:
    """Passes every message under ``prefix`` to a callback. A context manager.

    Both callbacks run in the subscriber's own thread, one at a time.

    Args:
        config: the broker and its credentials.
        node: subscribe to this node only; empty = all of them.
        purpose: part of the client id, so that the broker's log shows who subscribes.
        on_message: called for each message.
        on_broker: called when :class:`BrokerState` changed.
    """

    def __init__(
        self,
        config: MqttConfig,
        *,
        node: str = "",
        purpose: str,
        on_message: Callable[[Received], object],
        on_broker: Callable[[BrokerState], None] | None = None,
    ) -> None:
        self._config = config
        self._address = config.address
        self._filter = f"{config.prefix}/{node or '+'}/#"
        # Several subscribers may run at once: the broker would disconnect the older of two equal
        # ids.
        self._client_id = f"edgehands-{purpose}-{secrets.token_hex(3)}"
        self._on_message = on_message
        self._on_broker = on_broker
        self._versions = VersionChoice(config.protocol)
        self._stop = threading.Event()
        self._failed: set[str] = set()
        self._wake = Wake()
        self._outgoing: deque[tuple[str, bytes]] = deque(maxlen=_MAX_OUTGOING)
        self.broker = BrokerState(str(config.address), since=time.time())
        self._thread = threading.Thread(target=self._run, name="edgehands-listen", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(3.0)
        # A thread stuck in a name lookup is left alone: it is a daemon, and owns the pipe.
        if not self._thread.is_alive():
            self._wake.close()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message (QoS 1) if there is a connection; from any thread, without waiting."""
        if self.broker.connected:
            self._outgoing.append((topic, payload))
            self._wake.set()

    # The rest runs in the thread.

    def _run(self) -> None:
        pauses = Pauses()
        while not self._stop.is_set():
            session = Session(
                self._config,
                client_id=self._client_id,
                will=None,
                protocol=self._versions.version,
                acknowledged=lambda _number, _refusal: None,
                received=self._received,
            )
            begin = time.monotonic()
            ending, trouble = attempt(session, self._address, self._listen)
            # Another version is tried at once; an unsupported version isn't reported.
            if not trouble and not self._versions.after(session):
                trouble = reasons.of_session(self._address, session)
            if self._stop.is_set() or not trouble:
                continue
            if session.ready and time.monotonic() - begin > LASTING_S:
                pauses.reset()
            self._set_broker_state(connected=False, trouble=trouble)
            self._stop.wait(pauses.next(ending))

    def _listen(self, session: Session) -> None:
        greeted = False
        while not session.ended and not self._stop.is_set():
            if session.ready and not greeted:
                greeted = True
                session.subscribe([self._filter])
                self._set_broker_state(connected=True, trouble="")
            while session.ready and self._outgoing:
                topic, payload = self._outgoing.popleft()
                session.publish(topic, payload, qos=1, retain=False)
            session.work(IDLE_S, self._wake.drain, self._wake.fileno())
        if self._stop.is_set() and greeted:
            session.disconnect()

    def _received(self, message: paho.MQTTMessage) -> None:
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            return
        try:
            self._on_message(Received(message.topic, bytes(message.payload), time.time()))
        except Exception as error:
            # A malformed message may be lost, but not the connection.
            if repr(error) not in self._failed and len(self._failed) < 100:
                self._failed.add(repr(error))
                log.exception("a message on %s was left out", message.topic)

    def _set_broker_state(self, *, connected: bool, trouble: str) -> None:
        before = self.broker
        self.broker = replace(
            before,
            connected=connected,
            trouble=trouble,
            protocol=self._versions.name if connected else "",
            connections=before.connections + connected,
            since=time.time() if connected != before.connected else before.since,
        )
        if self._on_broker is not None and self.broker != before:
            self._on_broker(self.broker)
