"""The page's server: a few static files and two WebSockets, in its own process."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from edgehands.mqtt.broker.subscriber import BrokerState, Subscriber
from edgehands.preview.asking import Asker
from edgehands.preview.guard import Guard, check_token
from edgehands.preview.hub import Hub, PageOptions
from edgehands.preview.live import LiveState
from edgehands.preview.pictures import Pictures
from edgehands.preview.serving import PageServer, fixed_file, listen, server_config, url_of
from edgehands.preview.sockets import MAX_FROM_PAGE, Door, LiveSocket, PictureSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.config import MqttConfig
    from edgehands.mqtt.broker.subscriber import Received
    from edgehands.preview.guard import App
    from edgehands.preview.serving import PageAddress

_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".js": "text/javascript; charset=utf-8",
}


def page_app(hub: Hub, address: PageAddress) -> App:
    """Build the ASGI application: files, WebSockets, and the guard in front of them."""
    door = Door(address.token)
    routes: list[Route | WebSocketRoute] = [
        WebSocketRoute("/live", LiveSocket(hub, door).serve),
        WebSocketRoute("/pictures", PictureSocket(hub, door).serve),
    ]
    for file in sorted((Path(__file__).parent / "page").iterdir()):
        if file.suffix in _KINDS:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            routes.append(Route(path, fixed_file(file, _KINDS[file.suffix]), methods=["GET"]))
    return Guard(Starlette(routes=routes), address.names)


def serve_page(
    settings: MqttConfig,
    address: PageAddress,
    options: PageOptions | None = None,
    *,
    ready: Callable[[str], None],
) -> None:
    """Serve the page until SIGINT or SIGTERM.

    Args:
        settings: the broker.
        address: where to listen.
        options: of the page; None = it shows what all nodes publish.
        ready: called with the page's URL when it can be opened; the URL contains no token.

    Raises:
        UsageError: The address can't be listened on, or requires a token.
    """
    options = options or PageOptions()
    check_token(address.host, address.token)
    listener = listen(address)
    state = LiveState(settings.prefix, BrokerState(str(settings.address)))

    async def run() -> None:
        hub = Hub(state, asyncio.get_running_loop(), Pictures(options.pictures), options)
        config = server_config(
            page_app(hub, address),
            ws_max_size=MAX_FROM_PAGE,
            ws_ping_interval=10,
            ws_ping_timeout=10,
        )

        def on_message(received: Received) -> None:
            if hub.asker is None or not hub.asker.take(received):
                hub.take(received)

        subscriber = Subscriber(
            settings,
            node=options.node,
            purpose="page",
            on_message=on_message,
            on_broker=hub.set_broker,
        )
        if not options.read_only:
            hub.asker = Asker(settings.prefix, subscriber.publish, asyncio.get_running_loop())
        pictures = asyncio.create_task(hub.pictures.run())
        try:
            with subscriber:
                ready(url_of(address.host, listener.getsockname()[1]))
                await PageServer(config).serve([listener])
        finally:
            pictures.cancel()
            await asyncio.gather(pictures, return_exceptions=True)

    with contextlib.closing(listener):
        asyncio.run(run())
