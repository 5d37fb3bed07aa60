"""Common parts of the pages' servers: address, static files, signals.

The live page and the annotation page are each served by their own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from edgehands.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.requests import Request

    from edgehands.preview.guard import App


REQUEST_S = 20.0
"""Time from a connection, or the previous response, to the end of a request's response."""

MAX_CONNECTIONS = 256
"""Connections that aren't WebSockets; beyond that, the one silent longest is closed."""


@dataclass(frozen=True, slots=True)
class PageAddress:
    """The address of the page.

    Attributes:
        host: address to listen on.
        port: 0 = a free one.
        token: required from pages; empty = none, on loopback only.
        names: further host names of the page.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    names: tuple[str, ...] = ()


def fixed_file(path: Path, kind: str) -> Callable[[Request], Response]:
    """Respond with a file that was read once."""
    content = path.read_bytes()

    def give(_request: Request) -> Response:
        return Response(content, headers={"content-type": kind})

    return give


class _ImpatientHttp(H11Protocol):
    """HTTP with timeouts: half a request would keep its connection open indefinitely."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start counting; make room where there are too many."""
        super().connection_made(transport)
        self._count()
        others = [other for other in self.connections if isinstance(other, _ImpatientHttp)]
        if len(others) > MAX_CONNECTIONS:
            min(others, key=_ImpatientHttp.due).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Restart counting."""
        self._count()
        super().on_response_complete()

    def due(self) -> float:
        """When the connection times out, by the loop's clock."""
        return self._timer.when() if self._timer is not None else 0.0

    def _count(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(REQUEST_S, self._end)

    def _end(self) -> None:
        if self in self.connections:  # otherwise it is a WebSocket by now
            self.transport.abort()


class PageServer(uvicorn.Server):
    """uvicorn that SIGINT and SIGTERM stop without ending the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle both signals while the server runs."""
        loop = asyncio.get_running_loop()
        stop = functools.partial(setattr, self, "should_exit", True)  # noqa: FBT003
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def server_config(app: App, **settings: int) -> uvicorn.Config:
    """Settings for serving a page: quiet, without a server header, stopping within a second."""
    return uvicorn.Config(
        app,
        http=_ImpatientHttp,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        **settings,  # type: ignore[arg-type]
    )


def url_of(host: str, port: int) -> str:
    """Return the address to type into a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"


def listen(address: PageAddress) -> socket.socket:
    """Open the socket of a page.

    Raises:
        UsageError: the address can't be listened on.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"can't listen on {address.host} port {address.port} ({error.strerror}):"
            " give another --host or --port"
        ) from None
    except OverflowError:
        listener.close()
        raise UsageError(f"--port {address.port} is none: give one from 0 to 65535") from None
    return listener
