"""A broker that closes connections: a proxy that inspects the traffic of a real mosquitto."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ = 1, 2, 3, 4, 8, 12


@dataclass(frozen=True, slots=True)
class Packet:
    """An MQTT packet on its way from or to a client.

    Attributes:
        kind: as in the standard: 1 = CONNECT and so on.
        size: of the whole packet, bytes.
        topic: of a PUBLISH; empty for others.
        body: after the fixed header.
        connection: number of its connection, from 1.
        age: seconds since that connection began.
    """

    kind: int
    size: int
    topic: str
    body: bytes
    connection: int
    age: float


@dataclass(slots=True)
class ClosingBroker:
    """Closes a connection as soon as a packet matches a rule. A context manager.

    Attributes:
        port_behind: of the real broker.
        closes: the rule, for packets of both directions; may be replaced at any time.
        accepts: whether connections are accepted; otherwise they are closed at once.
        connections: when each connection came, monotonic seconds.
        closed: the packets that ended a connection.
    """

    port_behind: int
    closes: Callable[[Packet], bool] = lambda _packet: False
    accepts: bool = True
    connections: list[float] = field(default_factory=list)
    closed: list[Packet] = field(default_factory=list)
    _listener: socket.socket | None = None
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._listener is not None
        return f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._listener is not None
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def drop(self) -> None:
        """Close all open connections, silently."""
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self) -> None:
        assert self._listener is not None
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(time.monotonic())
            if not self.accepts:
                client.close()
                continue
            try:
                behind = socket.create_connection(("127.0.0.1", self.port_behind))
            except OSError:
                client.close()
                continue
            for sock in (client, behind):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open = [*self._open[-10:], client, behind]
            number = len(self.connections)
            for ends in ((client, behind), (behind, client)):
                threading.Thread(target=self._carry, args=(*ends, number), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, number: int) -> None:
        begin = time.monotonic()
        with contextlib.suppress(OSError), source.makefile("rb") as stream:
            for head, body in _packets(stream.read):
                kind = head[0] >> 4
                topic = ""
                if kind == PUBLISH:
                    length = int.from_bytes(body[:2], "big")
                    topic = body[2 : 2 + length].decode(errors="replace")
                size = len(head) + len(body)
                age = time.monotonic() - begin
                packet = Packet(kind, size, topic, body, number, age)
                if self.closes(packet):
                    self.closed.append(packet)
                    if kind == CONNACK:
                        target.sendall(head + body)
                    break
                target.sendall(head + body)
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _packets(read: Callable[[int], bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Split a stream into fixed headers and bodies."""
    while first := read(1):
        head, length, shift = bytearray(first), 0, 0
        while True:
            byte = read(1)
            if not byte:
                return
            head += byte
            length |= (byte[0] & 0x7F) << shift
            shift += 7
            if not byte[0] & 0x80:
                break
        body = read(length)
        if len(body) < length:
            return
        yield bytes(head), body
