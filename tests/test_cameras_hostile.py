"""Cameras in the network that reset, stall or send garbage: one line, in bounded time."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest

from edgehands.cameras import open_source, stream
from edgehands.errors import SourceError
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "hunter2SECRET"  # noqa: S105 - of these tests only
_RANDOM = random.Random(7)  # noqa: S311


@contextlib.contextmanager
def camera(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a camera that says this to everybody who connects."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def meet(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            talk(connection)

    def accept() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                connection = listener.accept()[0]
                threading.Thread(target=meet, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"rtsp://admin:{SECRET}@127.0.0.1:{listener.getsockname()[1]}/live?token={SECRET}"
    finally:
        ended.set()
        listener.close()


def resets(connection: socket.socket) -> None:
    """End the connection as a rebooting camera does."""
    connection.recv(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def sends_garbage(connection: socket.socket) -> None:
    """No RTSP at all."""
    connection.recv(1000)
    connection.sendall(_RANDOM.randbytes(100_000))


def leads_to_a_file(connection: socket.socket) -> None:
    """Ask us to read a file of our own and show it."""
    connection.recv(1000)
    connection.sendall(
        b"RTSP/1.0 301 Moved\r\nCSeq: 1\r\nLocation: file:///etc/passwd\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def floods(connection: socket.socket) -> None:
    """Headers without end."""
    connection.recv(1000)
    connection.sendall(b"RTSP/1.0 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"b" * 4000 + b"\r\n")


def promises_too_much(connection: socket.socket) -> None:
    """A body of 2 GB, of which little comes."""
    connection.recv(1000)
    connection.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2000000000\r\n\r\nxxx")
    time.sleep(20)


def plays_noise(connection: socket.socket) -> None:
    """A proper beginning, then packets that are no picture, then bytes that are no packet."""
    while request := connection.recv(4096).decode():
        number = next(line for line in request.split("\r\n") if line.lower().startswith("cseq"))
        head, body = f"RTSP/1.0 200 OK\r\n{number}\r\nSession: 1\r\n", ""
        if request.startswith("DESCRIBE"):
            body = "v=0\r\no=- 0 0 IN IP4 1\r\ns=x\r\nm=video 0 RTP/AVP 96\r\n"
            body += f"a=rtpmap:96 H264/90000\r\na=control:{'/' * 3000}\r\n"
            body += f"a=fmtp:96 sprop-parameter-sets={'A' * 5000}\r\n"
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        if request.startswith("SETUP"):
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        connection.sendall(f"{head}\r\n{body}".encode())
        if request.startswith("PLAY"):
            for _ in range(500):
                packet = _RANDOM.randbytes(_RANDOM.randrange(1, 1400))
                connection.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)
            connection.sendall(_RANDOM.randbytes(50_000))
            return


@pytest.mark.parametrize(
    "talk", [resets, sends_garbage, leads_to_a_file, floods, promises_too_much, plays_noise]
)
def test_a_hostile_camera_is_given_up_in_one_line(
    talk: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera's firmware, or whoever stands in its place, must not hang or crash a device."""
    monkeypatch.setattr(stream, "OPEN_TIMEOUT_S", 2.0)
    with camera(talk) as url:
        try:
            with open_source(url, realtime=False) as source:
                # What plays noise may count as open: then it says that nothing comes.
                assert source.read(1.0) is None
                assert wait_for(lambda: source.problem or source.finished, 20)
                said = source.problem
        except SourceError as error:
            said = str(error)
    assert "127.0.0.1" in said
    assert SECRET not in said
    assert said.isprintable()
    assert "root:" not in said


def test_a_hostile_camera_is_tried_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    """A camera that reboots resets its connections: it must be found when it is well again."""
    met: list[float] = []

    def talk(connection: socket.socket) -> None:
        met.append(time.monotonic())
        resets(connection)

    with camera(talk) as url, open_source(url, realtime=True) as source:
        assert wait_for(lambda: len(met) >= 3, 20)
        assert not source.online
        assert not source.finished
        assert source.failures >= 2
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1  # once for the whole outage
    assert SECRET not in caplog.text
