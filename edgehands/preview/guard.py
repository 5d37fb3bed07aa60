"""Access to the page: accepted host names, origins of scripts, and the token.

A web page can make a visitor's browser call ``127.0.0.1``, or point its own name at our address
("DNS rebinding"). So a request's host must be an address or one of our names, and a WebSocket, or a
request that changes something, must come from our own page.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from edgehands.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping
    from typing import Any

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

LEAST_TOKEN = 12
"""Least length of a token: it is the only protection of the page in a network."""

_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-cache"),
)


def is_loopback(host: str) -> bool:
    """Whether a server listening on ``host`` is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_token(host: str, token: str) -> None:
    """Raise :class:`UsageError` unless this token is sufficient for a server on ``host``."""
    if not token and not is_loopback(host):
        raise UsageError(
            f"--host {host} lets the whole network see the page: give --token as well"
            f" ({LEAST_TOKEN} characters or more)"
        )
    if token and len(token) < LEAST_TOKEN:
        raise UsageError(
            f"--token has {len(token)} characters, {LEAST_TOKEN} are the least: give a longer one"
        )


def same_token(given: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(), right.encode())


class Guard:
    """Answers only requests meant for us; adds strict headers to every response.

    Args:
        app: the guarded application.
        names: further host names of the page, such as that of a reverse proxy.
    """

    def __init__(self, app: App, names: Iterable[str] = ()) -> None:
        self._app = app
        own = socket.gethostname().lower()
        self._names = {"localhost", own, f"{own.split('.')[0]}.local", *map(str.lower, names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request (ASGI)."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        own_only = scope["type"] == "websocket" or scope["method"] not in {"GET", "HEAD"}
        trouble = self._trouble(headers, own_only=own_only)
        if trouble and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if trouble:
            await _refuse(send, trouble)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _trouble(self, headers: dict[bytes, str], *, own_only: bool) -> str:
        host = headers.get(b"host", "")
        if not self._ours(host):
            return "this server isn't called that: use its address, or give --name"
        origin = headers.get(b"origin")
        if own_only and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "only our own page may do that"
        return ""

    def _ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        if not name:
            return False
        try:
            # DNS rebinding needs a name: an address is always accepted.
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True


async def _refuse(send: Send, why: str) -> None:
    body = f"{why}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
