"""A broker that discards everything, to measure the cost of publishing where none is installed.

It accepts any number of clients, acknowledges what they send, answers pings, and delivers nothing.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CONNECT, _PUBLISH, _SUBSCRIBE, _PINGREQ, _DISCONNECT = 1, 3, 8, 12, 14
_PINGRESP = b"\xd0\x00"
_VERSION_5 = 5


@contextlib.contextmanager
def null_broker() -> Iterator[str]:
    """Run one in a process of its own; returns its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edgehands.simulate.null_broker"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it's a pipe
        port = int(process.stdout.readline())
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def serve(listener: socket.socket) -> None:
    """Serve clients until the listener is closed."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve_client, args=(client,), daemon=True).start()


def _serve_client(client: socket.socket) -> None:
    with client, client.makefile("rb") as stream, contextlib.suppress(OSError, IndexError):
        new = False
        while head := stream.read(1):
            body = stream.read(_length(stream.read))
            kind = head[0] >> 4
            if kind == _CONNECT:
                new = body[6] == _VERSION_5
                client.sendall(b"\x20\x03\0\0\0" if new else b"\x20\x02\0\0")
            elif kind == _PUBLISH and head[0] & 0x06:
                at = 2 + int.from_bytes(body[:2], "big")
                client.sendall(b"\x40\x02" + body[at : at + 2])
            elif kind == _SUBSCRIBE:
                # One filter is what our own clients ask for at least; its QoS 1 is granted.
                answer = body[:2] + (b"\0" if new else b"") + b"\x01"
                client.sendall(b"\x90" + bytes((len(answer),)) + answer)
            elif kind == _PINGREQ:
                client.sendall(_PINGRESP)
            elif kind == _DISCONNECT:
                return


def _length(read: Callable[[int], bytes]) -> int:
    """A remaining length: seven bits per byte, low ones first."""
    value = shift = 0
    while True:
        byte = read(1)[0]
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value
        shift += 7


def main() -> None:
    """Send the port, and serve until terminated."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        serve(listener)


if __name__ == "__main__":
    main()
