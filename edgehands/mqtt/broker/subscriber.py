"""Listening to a broker: a thread that connects, subscribes, and never gives up."""

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
"""Larger messages are none of ours: they are left out before anything reads them."""

IDLE_S = 1.0
"""How often a quiet connection is looked after."""


_MAX_OUTGOING = 32
"""Messages that may wait to be sent; a person doesn't ask faster."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came.

    Attributes:
        topic: where it was published.
        payload: at most :data:`MAX_PAYLOAD_BYTES`.
        t: when it came, seconds since 1970.
    """

    topic: str
    payload: bytes
    t: float


@dataclass(frozen=True, slots=True)
class BrokerState:
    """How it stands with the broker.

    Attributes:
        address: without a password.
        connected: whether messages can come now.
        protocol: MQTT version of the connection, ``5`` or ``3.1.1``; empty while there is none.
        trouble: why there is no connection, in one line; empty while there is nothing to say.
        connections: how many there were so far.
        since: when ``connected`` last changed, seconds since 1970.
    """

    address: str
    connected: bool = False
    protocol: str = ""
    trouble: str = ""
    connections: int = 0
    since: float = 0.0


def broker_line(broker: BrokerState) -> str:
    """Say how it stands with the broker."""
    if broker.connected:
        return f"connected to {broker.address} (MQTT {broker.protocol})"
    return printable(broker.trouble, 1000)


class Subscriber:
    """Hands every message under ``prefix`` to a callback. A context manager.

    Both callbacks run in the subscriber's own thread, one at a time.

    Args:
        config: the broker, and how to be let in.
        node: listen to this node only; empty = all of them.
        purpose: stands in the client id, so that the broker's log says who listens.
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
        # Several may listen at once: the broker would throw out the older of two equal names.
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
        # A thread that hangs in a name look-up is left alone: it is a daemon, and the pipe its own.
        if not self._thread.is_alive():
            self._wake.close()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message (QoS 1) if there is a connection; from any thread, never waiting."""
        if self.broker.connected:
            self._outgoing.append((topic, payload))
            self._wake.set()

    # What follows runs in the thread.

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
            # Another version follows at once; a version that isn't understood is no news.
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
            # One odd message may cost itself, not the connection.
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
