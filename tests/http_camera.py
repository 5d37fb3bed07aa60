"""A cheap network camera on loopback: MJPEG over HTTP, as an ESP32-CAM sends it."""

from __future__ import annotations

import base64
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WIDTH, HEIGHT = 64, 48


def red_jpeg(number: int) -> bytes:
    """A red picture that gets brighter with its number."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 2] = 60 + number % 150
    return cv2.imencode(".jpg", image)[1].tobytes()


class HttpCamera:
    """Serves pictures until it is stopped.

    Attributes:
        picture: gives the bytes of the n-th picture.
        files: what other paths answer: content type and body.
        asked: the paths that were asked for.
        user: with a password, what every request must show.
        length: whether each picture's length stands before it.
        fps: pictures a second.
    """

    def __init__(self, user: str = "", *, length: bool = True) -> None:
        self.picture: Callable[[int], bytes] = red_jpeg
        self.files: Mapping[str, tuple[str, bytes]] = {}
        self.asked: list[str] = []
        self.user = user
        self.length = length
        self.fps = 50.0
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/stream"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            """Answers one request."""

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

            def do_GET(self) -> None:
                """Check the password, then send pictures or a file."""
                camera.asked.append(self.path)
                wanted = f"Basic {base64.b64encode(camera.user.encode()).decode()}"
                if camera.user and self.headers.get("Authorization") != wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                elif self.path == "/stream":
                    self._stream()
                elif self.path in camera.files:
                    kind, body = camera.files[self.path]
                    self.send_response(200)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                else:
                    self.send_error(404)

            def _stream(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
                self.end_headers()
                number = 0
                try:
                    while not camera._stopped.is_set():
                        body = camera.picture(number)
                        head = b"--frame\r\nContent-Type: image/jpeg\r\n"
                        if camera.length:
                            head += b"Content-Length: %d\r\n" % len(body)
                        self.wfile.write(head + b"\r\n" + body + b"\r\n")
                        number += 1
                        time.sleep(1 / camera.fps)
                except OSError:
                    return

        return Handler
