"""paho-mqtt's client as we use it: quiet, without a thread, and with limits it lacks."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

if TYPE_CHECKING:
    from edgehands.config import BrokerUrl

MAX_INCOMING_BYTES = 65_536
"""The largest packet we accept. An MQTT 5 broker is told so and never sends more; with another one,
a larger packet ends the connection before any of it is kept."""

TOO_LARGE = f"a packet above {MAX_INCOMING_BYTES} bytes came in"

CONNECT_TIMEOUT_S = 5.0
"""For the TCP connection and for the TLS handshake, each."""

UPGRADE_TIMEOUT_S = 10.0
"""For the TLS and WebSocket handshakes together. paho reads an HTTP server's answer byte by byte,
as long as one comes every five seconds."""


class LastError(logging.Handler):
    """Keeps the text of paho's last error, the only hint why a socket broke."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""
        # Not from getLogger(): that would keep one forever for every connection.
        self.logger = logging.Logger("paho", logging.ERROR)  # noqa: LOG001
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.text = record.getMessage().removeprefix("failed to receive on socket: ")


def make_client(
    address: BrokerUrl, client_id: str, protocol: int, errors: LastError
) -> paho.Client:
    """Make a client for one connection.

    Args:
        address: of the broker.
        client_id: ours.
        protocol: ``paho.MQTTv5`` or ``paho.MQTTv311``.
        errors: receives the reason why a socket broke.
    """
    client = _Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=protocol,  # type: ignore[arg-type]  # paho's constants are plain numbers
        transport="websockets" if address.websocket else "tcp",
        reconnect_on_failure=False,
    )
    client.suppress_exceptions = True  # an exception in a callback must not end the thread
    client.enable_logger(errors.logger)
    client.connect_timeout = CONNECT_TIMEOUT_S
    if address.websocket:
        # paho omits the brackets around an IPv6 address.
        host = f"[{address.host}]" if ":" in address.host else address.host
        origin = f"{'https' if address.tls else 'http'}://{host}:{address.port}"
        own = {"Host": f"{host}:{address.port}", "Origin": origin}
        client.ws_set_options(path=address.path, headers=lambda headers: headers | own)
    return client


def raw_socket(connection: Any) -> Any:
    """The socket inside paho's WebSocket wrapper, or the connection itself."""
    return getattr(connection, "_socket", connection)


def readable(poll: select.poll, connection: Any) -> bool:
    """Whether a connection has more to read, now."""
    if getattr(connection, "pending", int)():
        return True
    return any(fd == connection.fileno() and what & select.POLLIN for fd, what in poll.poll(0))


class _Client(paho.Client):
    def _create_socket(self) -> Any:
        if self._transport != "websockets":
            return super()._create_socket()
        timer = threading.Timer(UPGRADE_TIMEOUT_S, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            return super()._create_socket()
        finally:
            timer.cancel()

    def _create_socket_connection(self) -> socket.socket:
        self._opening = super()._create_socket_connection()
        return self._opening

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MAX_INCOMING_BYTES:  # the rest of the packet
            raise OSError(TOO_LARGE)
        return super()._sock_recv(bufsize)

    def _give_up(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._opening.shutdown(socket.SHUT_RDWR)
