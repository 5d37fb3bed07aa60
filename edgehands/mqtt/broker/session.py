"""One connection to the broker, from opening to closing its socket, based on paho-mqtt's client.

All calls come from one thread. paho's own network thread isn't used: it would need a second thread
to feed it, and an exception in a callback kills it while it still reports being connected.
"""

from __future__ import annotations

import contextlib
import logging
import select
import time
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edgehands.mqtt.broker.credentials import password_of, tls_context
from edgehands.mqtt.broker.flood_detector import FloodDetector
from edgehands.mqtt.broker.link import Link
from edgehands.mqtt.broker.paho_client import (
    MAX_INCOMING_BYTES,
    TOO_LARGE,
    LastError,
    make_client,
    raw_socket,
    readable,
)
from edgehands.mqtt.broker.socket_options import Goodbye, drop_unsent, send_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.reasoncodes import ReasonCode

    from edgehands.config import MqttConfig

log = logging.getLogger(__name__)

MAX_PACKET_BYTES = 268_435_455 + 5
"""The largest packet possible; an MQTT 5 broker may set a lower limit."""

GREETING_TIMEOUT_S = 2.0
"""For the broker's CONNACK. amqtt sends none to an MQTT 5 CONNECT with a will."""

ANSWER_TIMEOUT_S = 4.0
"""For the answer to a ping, or any other packet. After a cut, TCP retries less and less often:
after 30 s it may be silent for as long again, so we reconnect."""

FLOOD_PAUSE_S = 0.03
"""A flood is read in batches, with pauses: waking for each message costs the loop twice as much."""

_CLOSED = ("reset by peer", "Broken pipe", "EOF occurred", "closed")
"""In errors about a connection closed by the other side; other errors are the network's."""

_KEEPALIVE = "Keep alive timeout"

BATCH = 64
"""Packets read before anything is sent again."""


class Session:
    """A connection and its state.

    Attributes:
        ready: the broker has accepted us.
        refusal: the broker's reason for not accepting us; empty if none.
        ended: the connection is over.
        end_reason: why, as far as known.
        closed: the broker ended it, with a packet or by closing the connection.
        silent: the network failed, or nothing was received for too long.
        taken_over: the broker said that another client connected with our client identifier.
        max_packet: the largest packet that the broker accepts, bytes.
        link: how quickly the broker answers.
    """

    def __init__(  # noqa: PLR0913 - each belongs to the connection
        self,
        config: MqttConfig,
        *,
        client_id: str,
        will: tuple[str, bytes] | None,
        protocol: int,
        acknowledged: Callable[[int, str], None],
        received: Callable[[paho.MQTTMessage], None] | None = None,
    ) -> None:
        self.ready = False
        self.refusal = ""
        self.ended = False
        self.end_reason = ""
        self.closed = False
        self.silent = False
        self.taken_over = False
        self.max_packet = MAX_PACKET_BYTES
        self.link = Link()
        self._clean = False
        self._address = config.address
        self._acknowledged = acknowledged
        self._received = received
        self._errors = LastError()
        self._config = config
        self._opened = self._heard = time.monotonic()
        self._flood = FloodDetector(self._opened)
        self._protocol = protocol
        client = make_client(self._address, client_id, protocol, self._errors)
        if will is not None:
            client.will_set(will[0], will[1], qos=1, retain=True)
        client.on_connect = self._guarded(self._on_connect)
        client.on_disconnect = self._guarded(self._on_disconnect)
        self._on_published = self._guarded(self._on_publish)
        client.on_subscribe = self._guarded(self._on_subscribe)
        client.on_message = self._guarded(self._on_message)
        client.on_socket_open = self._guarded(self._on_socket_open)
        client.on_socket_close = self._guarded(self._on_socket_close)
        client.on_publish = self._on_published
        self._client = client

    def open(self) -> None:
        """Connect; the answer comes later, see ``ready`` and ``refusal``.

        Raises:
            OSError: No connection; includes BrokerError for a missing file.
        """
        config = self._config
        password = password_of(config)
        if config.username or password is not None:
            self._client.username_pw_set(
                config.username or None, None if password is None else password.reveal()
            )
        if self._address.tls:
            self._client.tls_set_context(tls_context(config))
        properties = None
        if self._protocol == paho.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = MAX_INCOMING_BYTES
        self._client.connect(
            self._address.host, self._address.port, config.keepalive, properties=properties
        )
        self._opened = time.monotonic()

    @staticmethod
    def now() -> float:
        """Monotonic seconds: the clock of :attr:`link`."""
        return time.monotonic()

    def subscribe(self, topics: Sequence[str]) -> int:
        """Subscribe to these topics, QoS 1; returns the number of the acknowledgement."""
        return self._client.subscribe([(topic, 1) for topic in topics])[1] or 0

    def packet_size(self, topic: str, payload: bytes, correlation: bytes = b"") -> int:
        """Upper bound of a message's packet size, bytes."""
        # Type and length, topic, message id, length of the properties, correlation data.
        return 5 + 2 + len(topic.encode()) + 2 + 4 + 3 + len(correlation) + len(payload)

    def publish(
        self, topic: str, payload: bytes, *, qos: int, retain: bool, correlation: bytes = b""
    ) -> int:
        """Pass a message to the connection; returns the number of its acknowledgement."""
        properties = None
        if correlation and self._protocol == paho.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = correlation
        # paho builds two objects per message to report that a QoS 0 one was written; we don't need
        # that.
        self._client.on_publish = self._on_published if qos else None
        try:
            return self._client.publish(
                topic, payload, qos=qos, retain=retain, properties=properties
            ).mid
        finally:
            self._client.on_publish = self._on_published

    @property
    def backlog(self) -> bool:
        """Whether bytes are pending as the kernel takes no more: the link is stalled or slow."""
        return self._client.want_write()

    @property
    def local_address(self) -> str:
        """Our own address on this connection; empty if there is none."""
        with contextlib.suppress(OSError, AttributeError):
            connection: Any = self._client.socket()
            return str(raw_socket(connection).getsockname()[0])
        return ""

    def ping(self) -> None:
        """Ping the broker, unless a ping is pending."""
        if not self.link.waiting and not self.backlog:
            # paho itself pings only after the keepalive time without traffic.
            self._client._send_pingreq()  # noqa: SLF001
            self.link.asked(time.monotonic())

    def work(self, timeout: float, wake: Callable[[], None], wake_fd: int) -> None:
        """Wait for the network or for ``wake_fd``, and do what is due.

        Args:
            timeout: longest wait, seconds.
            wake: called when ``wake_fd`` was readable.
            wake_fd: ends the wait from another thread.

        Raises:
            Exception: Anything caused by a broken broker's bytes; the session is over then.
        """
        connection = self._client.socket()
        if connection is None:
            self._end("")
            return
        if self._flood.lasts(time.monotonic()):
            time.sleep(FLOOD_PAUSE_S)
        poll = select.poll()
        poll.register(wake_fd, select.POLLIN)
        poll.register(connection.fileno(), select.POLLIN | (select.POLLOUT if self.backlog else 0))
        # TLS and WebSockets read ahead: their buffered data is invisible to poll().
        pending = getattr(connection, "pending", int)()
        events = dict(poll.poll(0 if pending else timeout * 1000.0))
        if wake_fd in events:
            wake()
        happened = events.get(connection.fileno(), 0)
        rc: int = MQTTErrorCode.MQTT_ERR_SUCCESS
        if pending or happened & ~select.POLLOUT:
            rc = self._read(poll, connection)
        if rc == MQTTErrorCode.MQTT_ERR_SUCCESS and happened & select.POLLOUT:
            rc = self._client.loop_write()
        if rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            rc = self._client.loop_misc()
        if self.link.waiting and self._client._ping_t == 0:  # noqa: SLF001 - no callback tells
            self.link.answered(time.monotonic())
        self._judge(rc)

    def _read(self, poll: select.poll, connection: Any) -> int:
        """Read a packet; in a flood, all available ones, up to a limit."""
        self._heard = time.monotonic()
        for _ in range(BATCH):
            rc = self._client.loop_read()
            if rc or not self._flood.lasts(self._heard) or not readable(poll, connection):
                return rc
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _judge(self, rc: int) -> None:
        """Record whether the connection is over."""
        if self.ended:
            return
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS or self._client.socket() is None:
            self._lost(paho.error_string(rc))
        elif self._silence() > ANSWER_TIMEOUT_S:
            self.silent = True
            self._end(f"no answer for {ANSWER_TIMEOUT_S:.0f} s")
        elif not self.ready and time.monotonic() - self._opened > GREETING_TIMEOUT_S:
            self.silent = True
            self._end("no answer to our greeting")
            self.abandon()

    def _silence(self) -> float:
        """Seconds for which a ping is unanswered and nothing else was received.

        Behind a thousand requests an answer is late, which isn't silence.
        """
        now = time.monotonic()
        return min(self.link.unanswered(now), now - self._heard)

    def disconnect(self) -> None:
        """Send DISCONNECT, so that the broker doesn't publish the last will.

        Returns once the broker has closed the connection, or after ``GOODBYE_TIMEOUT_S`` of
        :mod:`~edgehands.mqtt.broker.socket_options`.
        """
        self._clean = True
        connection: Any = self._client.socket()
        if connection is None:
            return
        with contextlib.suppress(OSError), Goodbye(raw_socket(connection)) as goodbye:
            self._client.disconnect()
            while self._client.want_write() and goodbye.can_write():
                if self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return
            goodbye.wait_until_taken()

    def abandon(self) -> None:
        """Drop the connection and its buffered data. Never raises."""
        self._client.on_disconnect = None
        with contextlib.suppress(Exception):
            self._client._sock_close()  # noqa: SLF001 - paho closes in public only after goodbye
        self.ended = True

    def _lost(self, reason: str) -> None:
        """Record that the connection is lost: closed by the broker, or the network failed."""
        text = self._errors.text
        closed = any(words in text for words in _CLOSED) if text else reason != _KEEPALIVE
        if not self.ended:
            self.closed, self.silent = closed, not closed and text != TOO_LARGE
        self._end(text or reason)

    def _end(self, reason: str) -> None:
        if not self.ended:
            self.ended = True
            self.end_reason = self.end_reason or reason

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any) -> None:
            try:
                callback(*args[2:])  # paho's client and its user data are left out
            except Exception:
                log.exception("an MQTT callback failed: reconnecting")
                self._end("internal error")

        return call

    def _on_connect(self, _flags: object, reason: ReasonCode, properties: object) -> None:
        self.max_packet = getattr(properties, "MaximumPacketSize", MAX_PACKET_BYTES)
        if reason.is_failure:
            self.refusal = str(reason)
            self._end(self.refusal)
        else:
            self.ready = True

    def _on_disconnect(self, flags: Any, reason: ReasonCode, _properties: object) -> None:
        if flags.is_disconnect_packet_from_server:
            self.closed = True
            self.taken_over = str(reason) == "Session taken over"
            self._end(str(reason))
        elif self._clean:
            self._end("goodbye")
        else:
            self._lost(str(reason))

    def _on_publish(self, mid: int, reason: ReasonCode, _properties: object) -> None:
        self._acknowledged(mid, str(reason) if reason.is_failure else "")

    def _on_subscribe(self, mid: int, reasons: list[ReasonCode], _properties: object) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        self._acknowledged(mid, refused[0] if refused else "")

    def _on_message(self, message: paho.MQTTMessage) -> None:
        self._flood.heard(time.monotonic())
        if self._received is not None:
            self._received(message)

    def _on_socket_open(self, connection: Any) -> None:
        send_at_once(raw_socket(connection))

    def _on_socket_close(self, connection: Any) -> None:
        if not self._clean:
            drop_unsent(raw_socket(connection))
