"""MQTT 3.1.1 for asyncio, the subset that hundreds of simulated clients need.

The service itself uses paho-mqtt. Here one thread handles hundreds of connections and thousands of
messages a second, and a publish with a single ``write`` costs a tenth of paho's.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, NamedTuple

from edgehands.errors import BrokerError
from edgehands.mqtt.broker import reasons
from edgehands.mqtt.broker.credentials import password_of, tls_context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgehands.config import MqttConfig

CONNECT_S = 15.0
"""Timeout for a connection and for the broker's responses: many come at once."""

KEEPALIVE_S = 60

_CONNACK, _PUBLISH, _PUBACK, _SUBACK = 2, 3, 4, 9
_PINGREQ = b"\xc0\x00"
_DISCONNECT = b"\xe0\x00"
_REFUSALS = {
    1: "Unsupported protocol version",
    2: "Client identifier not valid",
    3: "Server unavailable",
    4: "Bad user name or password",
    5: "Not authorized",
}


class Will(NamedTuple):
    """The will that the broker publishes when a client vanishes; retained, QoS 1."""

    topic: str
    payload: bytes


class Connection(asyncio.Protocol):
    """One client. All methods are called in the loop's thread.

    Attributes:
        acknowledged: QoS 1 messages acknowledged by the broker.
        lost: the connection ended unexpectedly.
    """

    def __init__(self, received: Callable[[bytes, bytes, int], None] | None = None) -> None:
        self.acknowledged = 0
        self.lost = False
        self._received = received
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[int] | None = None
        self._mid = 0
        self._closing = False

    async def connect(self, config: MqttConfig, client_id: str, will: Will | None = None) -> None:
        """Connect and log in.

        Raises:
            BrokerError: The connection failed, or the broker refuses it.
        """
        loop = asyncio.get_running_loop()
        address = config.address
        if address.websocket:
            raise BrokerError(f"{address}: simulated nodes speak no WebSocket: use mqtt://")
        self._answer = loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(
                    lambda: self,
                    address.host,
                    address.port,
                    ssl=tls_context(config) if address.tls else None,
                )
                self._write(_connect_packet(config, client_id, will))
                code = await self._answer
        except BrokerError:
            raise
        except (OSError, ValueError) as error:
            raise BrokerError(reasons.unreachable(address, error)) from None
        if code:
            raise BrokerError(reasons.refused(address, _REFUSALS.get(code, f"code {code}")))

    async def subscribe(self, topics: Sequence[str], qos: int) -> None:
        """Subscribe, and wait for the broker's acknowledgement."""
        self._answer = asyncio.get_running_loop().create_future()
        filters = b"".join(_text(topic.encode()) + bytes((qos,)) for topic in topics)
        body = struct.pack(">H", self._next_mid()) + filters
        self._write(b"\x82" + _length(len(body)) + body)
        async with asyncio.timeout(CONNECT_S):
            if await self._answer & 0x80:
                raise BrokerError(f"a subscription to {topics[0]} was refused: allow it")

    def publish(self, topic: bytes, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send a message; with QoS 1 its acknowledgement is counted in ``acknowledged``."""
        mid = struct.pack(">H", self._next_mid()) if qos else b""
        size = _length(2 + len(topic) + len(mid) + len(payload))
        head = bytes((0x30 | qos << 1 | retain,))
        self._write(b"".join((head, size, struct.pack(">H", len(topic)), topic, mid, payload)))

    @property
    def backlog(self) -> int:
        """Bytes not yet taken by the kernel: the broker reads more slowly than we write."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def ping(self) -> None:
        """Send a ping."""
        self._write(_PINGREQ)

    def say_goodbye(self) -> None:
        """Disconnect cleanly: the broker then doesn't publish the will."""
        self._closing = True
        self._write(_DISCONNECT)

    def close(self) -> None:
        """Close the connection."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's promise
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Note it."""
        self.lost = not self._closing
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("the broker hung up"))

    def data_received(self, data: bytes) -> None:
        """Parse incoming packets."""
        buffer = self._buffer
        buffer += data
        at = 0
        while (packet := _packet_at(buffer, at)) is not None:
            begin, end = packet
            self._take(buffer[at], buffer, begin, end)
            at = end
        del buffer[:at]

    def _take(self, head: int, buffer: bytearray, begin: int, end: int) -> None:
        kind = head >> 4
        if kind == _PUBLISH:
            body = begin + 2 + int.from_bytes(buffer[begin : begin + 2], "big")
            topic, qos = bytes(buffer[begin + 2 : body]), head >> 1 & 3
            if qos:
                self._write(b"\x40\x02" + buffer[body : body + 2])
                body += 2
            if self._received is not None:
                self._received(topic, bytes(buffer[body:end]), qos)
        elif kind == _PUBACK:
            self.acknowledged += 1
        elif kind in {_CONNACK, _SUBACK} and self._answer is not None and not self._answer.done():
            self._answer.set_result(buffer[end - 1])

    def _write(self, data: bytes | bytearray) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _next_mid(self) -> int:
        self._mid = self._mid % 65_535 + 1
        return self._mid


def _connect_packet(config: MqttConfig, client_id: str, will: Will | None) -> bytes:
    password = password_of(config)
    flags = 0x02
    parts = [_text(client_id.encode())]
    if will is not None:
        flags |= 0x04 | 1 << 3 | 0x20
        parts += [_text(will.topic.encode()), _text(will.payload)]
    if config.username:
        flags |= 0x80
        parts.append(_text(config.username.encode()))
    if password is not None:
        flags |= 0x40
        parts.append(_text(password.reveal().encode()))
    body = _text(b"MQTT") + struct.pack(">BBH", 4, flags, KEEPALIVE_S) + b"".join(parts)
    return b"\x10" + _length(len(body)) + body


def _text(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def _length(value: int) -> bytes:
    """A remaining length: seven bits per byte, low ones first."""
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _packet_at(buffer: bytearray, at: int) -> tuple[int, int] | None:
    """Where the body of the packet at ``at`` begins and ends; None while it is incomplete."""
    length, shift = 0, 0
    for number in range(at + 1, min(at + 5, len(buffer))):
        length |= (buffer[number] & 0x7F) << shift
        if not buffer[number] & 0x80:
            end = number + 1 + length
            return (number + 1, end) if end <= len(buffer) else None
        shift += 7
    return None
