"""Connects the subscriber's thread with the pages: each page gets the newest, never a backlog."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from edgehands.mqtt.contract.messages import HandsMessage
from edgehands.preview.page_messages import Choice, HandsNews, choose, state_news

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from edgehands.mqtt.broker.subscriber import BrokerState, Received
    from edgehands.preview.asking import Asker
    from edgehands.preview.live import LiveState
    from edgehands.preview.page_messages import SourceChoice
    from edgehands.preview.pictures import Pictures

STATE_EVERY_S = 0.25
"""How often a page is sent everything but landmarks."""

HANDS_EVERY_S = 1.0 / 62.0
"""Landmarks are sent to a page at most this often: a screen shows no more."""

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Options of a page's server.

    Attributes:
        node: show this node only; empty = all.
        read_only: send no requests to nodes: no settings, no teaching.
        pictures: the Unix socket of a service on this machine; None = no pictures.
        sources: what the user may choose as the camera, in the demo.
        on_source: called with the ``uri`` of the chosen one.
    """

    node: str = ""
    read_only: bool = False
    pictures: Path | None = None
    sources: tuple[SourceChoice, ...] = ()
    on_source: Callable[[str], None] | None = None


class Page:
    """One open page: which camera it shows, and what it was sent."""

    def __init__(self) -> None:
        self.wanted = Choice()
        self.wake = asyncio.Event()
        self.hands_told = 0
        self.events_told = ("", 0)  # of which node, and how many so far
        self.state_due = 0.0

    def choose(self, wanted: Choice) -> None:
        """Show this camera from now on."""
        self.wanted = wanted
        self.hands_told = 0
        self.state_due = 0.0
        self.wake.set()


class Hub:
    """Keeps the newest of everything for the pages.

    Args:
        state: the state of all nodes, updated by this class.
        loop: the pages' event loop.
        pictures: those of a service on this machine.
        options: what the pages may do.

    Attributes:
        asker: sends requests to nodes; None where pages are read-only.
    """

    def __init__(
        self,
        state: LiveState,
        loop: asyncio.AbstractEventLoop,
        pictures: Pictures,
        options: PageOptions,
    ) -> None:
        self.pictures = pictures
        self.asker: Asker | None = None
        self._state = state
        self._loop = loop
        self._options = options
        self._hands: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._number = 0
        self._woken = False
        self._pages: set[Page] = set()

    @property
    def pages(self) -> int:
        """The number of open pages."""
        return len(self._pages)

    # Called in the subscriber's thread.

    def take(self, received: Received) -> None:
        """Process a message."""
        message = self._state.take(received)
        if message is None:
            return
        if isinstance(message.value, HandsMessage):
            self._number += 1
            news = HandsNews(message.node, message.camera, msgspec.Raw(received.payload))
            self._hands[message.node, message.camera] = (self._number, _encoder.encode(news))
            self._wake()

    def set_broker(self, broker: BrokerState) -> None:
        """Take the new state of the broker connection."""
        self._state.set_broker(broker)
        self._wake()

    def _wake(self) -> None:
        # One call for all messages that come before the loop handles it.
        if self._woken:
            return
        self._woken = True
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._wake_pages)

    # Called in the loop.

    def _wake_pages(self) -> None:
        self._woken = False
        for page in self._pages:
            page.wake.set()

    @contextlib.contextmanager
    def page(self) -> Iterator[Page]:
        """Register a page while it is open."""
        page = Page()
        self._pages.add(page)
        try:
            yield page
        finally:
            self._pages.discard(page)

    def choose_source(self, uri: str) -> None:
        """Switch to another camera or film, if it is one of those offered."""
        offered = any(choice.uri == uri for choice in self._options.sources)
        if offered and self._options.on_source is not None:
            self._options.on_source(uri)

    async def feed(self, page: Page, send: Callable[[str], Awaitable[None]]) -> None:
        """Send a page all news, indefinitely; ``send`` blocks while the page is slow."""
        while True:
            page.wake.clear()
            now = time.monotonic()
            if now >= page.state_due:
                page.state_due = now + STATE_EVERY_S
                await send(self._state_text(page))
            hands = self._news_for(page)
            if hands is not None:
                await send(hands)
                await asyncio.sleep(HANDS_EVERY_S)
            with contextlib.suppress(TimeoutError):
                left = page.state_due - time.monotonic()
                await asyncio.wait_for(page.wake.wait(), max(left, 0.01))

    def _state_text(self, page: Page) -> str:
        with self._state.lock:
            shown = choose(self._state, page.wanted).node
            node = self._state.nodes.get(shown)
            told = page.events_told[1] if page.events_told[0] == shown else 0
            page.events_told = (shown, node.events_ever if node else 0)
            news = state_news(
                self._state,
                page.wanted,
                time.time(),
                pictures=self.pictures.origin,
                sources=self._options.sources,
                read_only=self._options.read_only,
                events_told=told,
            )
            return _encoder.encode(news).decode()

    def _news_for(self, page: Page) -> str | None:
        with self._state.lock:
            shown = choose(self._state, page.wanted)
        number, text = self._hands.get((shown.node, shown.camera), (0, b""))
        if number <= page.hands_told:
            return None
        page.hands_told = number
        return text.decode()
