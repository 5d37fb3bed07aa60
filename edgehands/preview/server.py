"""The page's server: a few fixed files and one WebSocket, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from edgehands.preview.guard import Guard, check_token, same_token
from edgehands.preview.hub import Hub
from edgehands.preview.live import LiveState
from edgehands.preview.page_messages import FromPage, Locked
from edgehands.preview.serving import PageServer, fixed_file, listen, server_config, url_of
from edgehands.preview.subscriber import BrokerState, Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.config import MqttConfig
    from edgehands.preview.guard import App
    from edgehands.preview.serving import PageAddress

MAX_PAGES = 32
TOKEN_TIMEOUT_S = 10.0
WRONG_TOKEN_PAUSE_S = 1.0
"""Each wrong token costs so long, and only a few may be wrong at a time: nobody tries them all."""

_MAX_WAITING = 8
_MAX_FROM_PAGE = 4096

_FILES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "app.js": "text/javascript; charset=utf-8",
    "link.js": "text/javascript; charset=utf-8",
    "flat.js": "text/javascript; charset=utf-8",
    "space.js": "text/javascript; charset=utf-8",
    "panels.js": "text/javascript; charset=utf-8",
    "hands.js": "text/javascript; charset=utf-8",
}

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(FromPage)


def page_app(hub: Hub, address: PageAddress) -> App:
    """Build the ASGI application: files, WebSocket, and the guard in front of both."""
    live = _Live(hub, address.token)
    routes: list[Route | WebSocketRoute] = [WebSocketRoute("/live", live.serve)]
    folder = Path(__file__).parent / "page"
    for name, kind in _FILES.items():
        path = "/" if name == "index.html" else f"/{name}"
        routes.append(Route(path, fixed_file(folder / name, kind), methods=["GET"]))
    return Guard(Starlette(routes=routes), address.names)


class _Live:
    """The WebSocket's end: lets pages in, feeds them, listens to what they want to see."""

    def __init__(self, hub: Hub, token: str) -> None:
        self._hub = hub
        self._token = token
        self._waiting = 0

    async def serve(self, socket_: WebSocket) -> None:
        """Serve one page until it goes."""
        await socket_.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            if not await self._let_in(socket_):
                return
            if self._hub.pages >= MAX_PAGES:
                await socket_.close(1013)
                return
            with self._hub.page() as page:
                feed = asyncio.create_task(self._hub.feed(page, socket_.send_text))
                try:
                    while True:
                        said = await _heard(socket_)
                        if said is None:
                            await socket_.close(1008)
                            return
                        if said.show is not None:
                            page.wanted = said.show
                            page.hands_told = 0
                            page.state_due = 0.0
                            page.wake.set()
                finally:
                    feed.cancel()
                    await asyncio.gather(feed, return_exceptions=True)

    async def _let_in(self, socket_: WebSocket) -> bool:
        if not self._token:
            return True
        if self._waiting >= _MAX_WAITING:
            await socket_.close(1013)
            return False
        self._waiting += 1
        try:
            await socket_.send_text(_encoder.encode(Locked()).decode())
            async with asyncio.timeout(TOKEN_TIMEOUT_S):
                said = await _heard(socket_)
            if said is not None and same_token(said.token, self._token):
                return True
            await asyncio.sleep(WRONG_TOKEN_PAUSE_S)
            await socket_.send_text(_encoder.encode(Locked(refused=True)).decode())
            await socket_.close(1008)
        except TimeoutError:
            await socket_.close(1008)
        finally:
            self._waiting -= 1
        return False


async def _heard(socket_: WebSocket) -> FromPage | None:
    """Give what a page said; None when it can't be one of our pages."""
    message = await socket_.receive()
    if message["type"] != "websocket.receive":
        raise WebSocketDisconnect
    try:
        return _decoder.decode(message.get("text") or message.get("bytes") or b"")
    except (msgspec.DecodeError, UnicodeError):
        return None


def serve_page(
    settings: MqttConfig,
    address: PageAddress,
    *,
    node: str = "",
    ready: Callable[[str], None],
) -> None:
    """Serve the page until SIGINT or SIGTERM.

    Args:
        settings: the broker.
        address: where to listen.
        node: show this node only; empty = all.
        ready: called with the page's URL when it can be opened; the URL holds no token.

    Raises:
        UsageError: The address can't be listened on, or asks for a token.
    """
    check_token(address.host, address.token)
    listener = listen(address)
    state = LiveState(settings.prefix, BrokerState(str(settings.address)))
    hub = Hub(state)
    config = server_config(
        page_app(hub, address), ws_max_size=_MAX_FROM_PAGE, ws_ping_interval=10, ws_ping_timeout=10
    )

    async def run() -> None:
        hub.attach(asyncio.get_running_loop())
        subscriber = Subscriber(
            settings, node=node, purpose="page", on_message=hub.take, on_broker=hub.set_broker
        )
        with subscriber:
            ready(url_of(address.host, listener.getsockname()[1]))
            await PageServer(config).serve([listener])

    with contextlib.closing(listener):
        asyncio.run(run())
