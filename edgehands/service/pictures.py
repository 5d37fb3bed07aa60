"""Pictures for a page on this machine: made only while somebody watches, in a separate thread."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from typing import TYPE_CHECKING

import cv2
import msgspec

from edgehands.errors import UsageError
from edgehands.mqtt.contract.messages import hands_message
from edgehands.picture_socket import PictureOrigin, PictureText, pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from edgehands.hand import FrameHands

log = logging.getLogger(__name__)

BETWEEN_S = 0.1
"""Least time between two pictures for one page server: ten a second are enough to see oneself."""

WIDEST = 640
"""Pixels; a larger frame is scaled down."""

QUALITY = 75
MAX_SERVERS = 4
"""Most page servers at a time; more are refused."""

WAIT_S = 1.0
"""How long to wait for a frame before reporting that none came."""

SEND_S = 5.0
"""A page server that reads nothing for this long is gone."""


class PictureServer:
    """Listens on a Unix socket, readable by this service's user and group. A context manager.

    Args:
        path: of the socket; one left by an earlier run is replaced.
        origin: where the pictures come from.
        next_frame: waits for the next processed frame, at most the given seconds.

    Raises:
        UsageError: On entering: there can't be a socket.
    """

    def __init__(
        self,
        path: Path,
        origin: Callable[[], PictureOrigin],
        next_frame: Callable[[float], FrameHands | None],
    ) -> None:
        self._path = path
        self._origin = origin
        self._next_frame = next_frame
        self._stop = threading.Event()
        self._places = threading.BoundedSemaphore(MAX_SERVERS)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self) -> Self:
        try:
            self._path.unlink(missing_ok=True)
            self._listener.bind(os.fspath(self._path))
            self._path.chmod(0o660)
            self._listener.listen(MAX_SERVERS)
        except OSError as error:
            self._listener.close()
            raise UsageError(
                f"preview.picture_socket = {str(self._path)!r}: no socket can be there "
                f"({error.strerror or error}): name a file in a folder that we may write to"
            ) from None
        threading.Thread(target=self._accept, name="edgehands-pictures", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._places.acquire(blocking=False):
                client.close()
                continue
            threading.Thread(
                target=self._serve, args=(client,), name="edgehands-picture", daemon=True
            ).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, contextlib.suppress(OSError):
                client.settimeout(SEND_S)
                client.sendall(pack(msgspec.json.encode(self._origin())))
                due = 0.0
                while self._asked(client):
                    if self._stop.wait(max(due - time.monotonic(), 0.0)):
                        return
                    due = time.monotonic() + BETWEEN_S
                    tracked = self._next_frame(WAIT_S)
                    client.sendall(picture_packet(tracked))
        except Exception:
            log.exception("no more pictures for this page")
        finally:
            self._places.release()

    def _asked(self, client: socket.socket) -> bool:
        """Wait for the next request; False at the end."""
        while not self._stop.is_set():
            if select.select([client], [], [], 1.0)[0]:
                return client.recv(1) != b""
        return False


def picture_packet(tracked: FrameHands | None) -> bytes:
    """The packet of a frame: its hands, and its picture as a JPEG of limited size."""
    if tracked is None:
        return pack(msgspec.json.encode(PictureText()))
    bgr = cv2.cvtColor(tracked.frame.image, cv2.COLOR_RGB2BGR)
    height, width = bgr.shape[:2]
    if width > WIDEST:
        size = (WIDEST, max(1, round(height * WIDEST / width)))
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    latency_ms = max(time.monotonic() - tracked.frame.t_mono, 0.0) * 1000.0
    text = PictureText(message=hands_message(tracked, latency_ms))
    return pack(msgspec.json.encode(text), jpeg.tobytes())
