"""Socket options of a connection: send at once, buffer little, deliver nothing late."""

from __future__ import annotations

import os
import select
import socket
import struct
import time

from edgehands.closing import Closing

SEND_BUFFER_BYTES = 16_384
"""What the kernel may buffer: all of it is delivered, old, when a stalled link recovers."""

GOODBYE_TIMEOUT_S = 0.8
"""For the broker to read our DISCONNECT. Closing a socket with unread data resets the connection:
the broker may then see the reset before the DISCONNECT, and publish the last will."""

_CHUNK_BYTES = 65_536


def send_at_once(raw: socket.socket) -> None:
    """Make the kernel buffer little, and delay nothing on purpose."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    # A ping and the message after it are small writes: Nagle's algorithm would delay the second.
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def drop_unsent(raw: socket.socket) -> None:
    """Make closing reset the connection: the kernel would go on delivering buffered data."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Goodbye(Closing):
    """Keeps a connection open until the broker has read everything. A context manager.

    paho closes its socket after the last byte of the DISCONNECT; this keeps a duplicate.

    Args:
        raw: the connection's socket.
    """

    def __init__(self, raw: socket.socket) -> None:
        self._kept = socket.socket(fileno=os.dup(raw.fileno()))
        self._until = time.monotonic() + GOODBYE_TIMEOUT_S

    def close(self) -> None:
        """Close the duplicate."""
        self._kept.close()

    def can_write(self) -> bool:
        """Wait until the connection accepts more bytes; False if it doesn't in time."""
        return self._becomes(select.POLLOUT)

    def wait_until_taken(self) -> None:
        """Signal the end of data, and wait until the broker has closed its side too."""
        self._kept.shutdown(socket.SHUT_WR)
        while self._becomes(select.POLLIN) and self._kept.recv(_CHUNK_BYTES):
            pass

    def _becomes(self, what: int) -> bool:
        poll = select.poll()
        poll.register(self._kept, what)
        return bool(poll.poll(max(self._until - time.monotonic(), 0.0) * 1000.0))
