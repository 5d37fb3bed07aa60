"""A small RTSP camera on loopback: JPEG over RTP (RFC 2435) interleaved in the RTSP connection.

Enough for FFmpeg to open it: OPTIONS, DESCRIBE, SETUP, PLAY, basic authentication. It can vanish,
come back on the same port, hang, and refuse.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import socket
import struct
import threading
import time
from typing import Self

import cv2
import numpy as np

WIDTH, HEIGHT = 64, 48
_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=edgehands test\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 26\r\na=control:track0\r\na=framerate:50\r\n"
)


def _jpeg_parts(data: bytes) -> tuple[bytes, bytes, int]:
    """Split a baseline JPEG into quantisation tables, scan data and RFC 2435's type."""
    tables, kind, at = b"", 1, 2
    while data[at + 1] != 0xDA:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        body = data[at + 4 : at + 2 + length]
        if marker == 0xDB:
            while body:
                tables += body[1:65]
                body = body[65:]
        elif marker == 0xC0:
            kind = 1 if body[7] == 0x22 else 0  # 4:2:0 or 4:2:2
        at += 2 + length
    (length,) = struct.unpack_from(">H", data, at + 2)
    return tables, data[at + 2 + length : -2], kind


class RtspServer:
    """Serves a red picture that gets brighter, 50 frames a second, to whoever connects.

    Attributes:
        stalled: while set, frames stop coming though the connection stays.
        port: where it listens; stays the same through ``stop`` and ``start``.
    """

    def __init__(self, user: str = "", password: str = "") -> None:
        self.stalled = threading.Event()
        self.port = 0
        self.url = ""
        self._auth = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self._listener: socket.socket | None = None
        self._clients: list[socket.socket] = []

    def start(self) -> Self:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/cam"
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Vanish: every connection ends, new ones are refused."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for client in self._clients:
            # Other threads are inside calls on it: only shutdown reaches those.
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()
        self._clients.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    got = client.recv(4096)
                    if not got:
                        return
                    buffer += got
                request, _, buffer = buffer.partition(b"\r\n\r\n")
                self._answer(client, request.decode())
        except OSError:
            return

    def _answer(self, client: socket.socket, request: str) -> None:
        verb = request.split(maxsplit=1)[0]
        headers = dict(line.split(": ", 1) for line in request.split("\r\n")[1:] if ": " in line)
        reply, body = [f"CSeq: {headers.get('CSeq', '0')}"], ""
        status = "200 OK"
        if self._auth and headers.get("Authorization") != f"Basic {self._auth}":
            status = "401 Unauthorized"
            reply.append('WWW-Authenticate: Basic realm="camera"')
        elif verb == "OPTIONS":
            reply.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif verb == "DESCRIBE":
            body = _SDP
            reply += ["Content-Type: application/sdp", f"Content-Base: {self.url}/"]
        elif verb == "SETUP":
            if "TCP" not in headers["Transport"]:
                status = "461 Unsupported Transport"
            reply += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
        else:
            reply.append("Session: 1")
        reply.append(f"Content-Length: {len(body)}")
        client.sendall(f"RTSP/1.0 {status}\r\n".encode())
        client.sendall(("\r\n".join(reply) + "\r\n\r\n" + body).encode())
        if verb == "PLAY" and status == "200 OK":
            threading.Thread(target=self._stream, args=(client,), daemon=True).start()

    def _stream(self, client: socket.socket) -> None:
        number = itertools.count()
        start = time.monotonic()
        try:
            for frame in itertools.count():
                image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
                image[..., 2] = 60 + frame % 150
                tables, scan, kind = _jpeg_parts(cv2.imencode(".jpg", image)[1].tobytes())
                stamp = int((time.monotonic() - start) * 90000)
                pieces = range(0, len(scan), 1000)
                for at in pieces:
                    marker = 0x80 if at == pieces[-1] else 0
                    rtp = struct.pack(">BBHII", 0x80, marker | 26, next(number) & 0xFFFF, stamp, 7)
                    rtp += struct.pack(">I", at) + bytes((kind, 255, WIDTH // 8, HEIGHT // 8))
                    if at == 0:
                        rtp += struct.pack(">BBH", 0, 0, len(tables)) + tables
                    rtp += scan[at : at + 1000]
                    client.sendall(b"$\0" + struct.pack(">H", len(rtp)) + rtp)
                time.sleep(0.02)
                while self.stalled.is_set():
                    time.sleep(0.01)
        except OSError:
            return
