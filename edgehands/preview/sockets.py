"""The page's two WebSockets: one for state and requests, one for pictures."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import segno
from starlette.websockets import WebSocket, WebSocketDisconnect

from edgehands.preview.guard import same_token
from edgehands.preview.page_messages import AnswerNews, FromPage, Locked, QrNews

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from edgehands.preview.hub import Hub, Page
    from edgehands.preview.page_messages import Ask

MAX_PAGES = 32
TOKEN_TIMEOUT_S = 10.0
WRONG_TOKEN_PAUSE_S = 1.0
"""Delay for each wrong token; with few allowed at a time, tokens can't be guessed by trial."""

MAX_FROM_PAGE = 4096

MAX_WAITING = 8
"""Connections from one address that haven't sent their token; beyond that, the oldest is closed. A
page opens two."""

MAX_WAITING_ALL = 64
"""The same for all addresses."""

_MAX_QUESTIONS = 4
"""Pending requests of one page at a time."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(FromPage)


class Door:
    """Admits pages that send the token; all, where there is none.

    Args:
        token: empty = none is required.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._waiting: dict[asyncio.Timeout, str] = {}  # whose patience, and the address
        self._wrong: Counter[str] = Counter()  # wrong tokens being delayed, by address

    async def let_in(self, socket_: WebSocket) -> bool:
        """Request the token; if it is missing or wrong, say so and close."""
        if not self._token:
            return True
        host = socket_.client.host if socket_.client else ""
        # Silent connections must not lock out those with the token: the older one is closed.
        self._make_room(host)
        try:
            said = await self._first_words(socket_, host)
        except TimeoutError:
            await socket_.close(1008)
            return False
        if self._wrong[host] >= MAX_WAITING:
            await socket_.close(1013)
            return False
        if said is not None and same_token(said.token, self._token):
            return True
        self._wrong[host] += 1
        try:
            await asyncio.sleep(WRONG_TOKEN_PAUSE_S)
        finally:
            self._wrong -= Counter({host: 1})
        await socket_.send_text(_encoder.encode(Locked(refused=True)).decode())
        await socket_.close(1008)
        return False

    async def _first_words(self, socket_: WebSocket, host: str) -> FromPage | None:
        """A page's token message; :class:`TimeoutError` if it doesn't come in time."""
        async with asyncio.timeout(TOKEN_TIMEOUT_S) as patience:
            self._waiting[patience] = host
            try:
                await socket_.send_text(_encoder.encode(Locked()).decode())
                return await heard(socket_)
            finally:
                self._waiting.pop(patience, None)

    def _make_room(self, host: str) -> None:
        """End the wait of the connection that has been silent longest, where there are too many."""
        of_host = [patience for patience, other in self._waiting.items() if other == host]
        if len(of_host) >= MAX_WAITING:
            oldest = of_host[0]
        elif len(self._waiting) >= MAX_WAITING_ALL:
            oldest = next(iter(self._waiting))
        else:
            return
        del self._waiting[oldest]
        if not oldest.expired():
            oldest.reschedule(0.0)  # long ago


async def heard(socket_: WebSocket) -> FromPage | None:
    """Return a page's message; None if it can't be one of our pages."""
    message = await socket_.receive()
    if message["type"] != "websocket.receive":
        raise WebSocketDisconnect
    try:
        return _decoder.decode(message.get("text") or message.get("bytes") or b"")
    except (msgspec.DecodeError, UnicodeError):
        return None


@contextlib.asynccontextmanager
async def _feeding(feed: Awaitable[None]) -> AsyncIterator[None]:
    """Run a page's sender while its receiver runs."""
    task = asyncio.ensure_future(feed)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class LiveSocket:
    """State for pages, their choice of camera, and their requests to nodes."""

    def __init__(self, hub: Hub, door: Door) -> None:
        self._hub = hub
        self._door = door

    async def serve(self, socket_: WebSocket) -> None:
        """Serve one page until it disconnects."""
        await socket_.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            if not await self._door.let_in(socket_):
                return
            if self._hub.pages >= MAX_PAGES:
                await socket_.close(1013)
                return
            with self._hub.page() as page:
                async with _feeding(self._hub.feed(page, socket_.send_text)):
                    await self._listen(socket_, page)

    async def _listen(self, socket_: WebSocket, page: Page) -> None:
        questions: set[asyncio.Task[None]] = set()
        try:
            while (said := await heard(socket_)) is not None:
                if said.show is not None:
                    page.choose(said.show)
                if said.source:
                    self._hub.choose_source(said.source)
                if said.qr:
                    await socket_.send_text(_encoder.encode(QrNews(qr_code(said.qr))).decode())
                if said.ask is not None and len(questions) < _MAX_QUESTIONS:
                    task = asyncio.create_task(self._answer(socket_, said.ask))
                    questions.add(task)
                    task.add_done_callback(questions.discard)
            await socket_.close(1008)
        finally:
            for task in questions:
                task.cancel()

    async def _answer(self, socket_: WebSocket, ask: Ask) -> None:
        answer = AnswerNews(
            ask.id, error="this page may only look: it was started with --read-only"
        )
        if self._hub.asker is not None:
            answer = await self._hub.asker.ask(ask)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            await socket_.send_text(_encoder.encode(answer).decode())


def qr_code(text: str) -> list[str]:
    """Return a text as a QR code: rows of ``1`` (dark) and ``0``, with the required border."""
    code = segno.make(text, error="m", micro=False)
    return ["".join("1" if dark else "0" for dark in row) for row in code.matrix_iter(border=4)]


class PictureSocket:
    """Pictures for pages, where a service on this machine provides them."""

    def __init__(self, hub: Hub, door: Door) -> None:
        self._hub = hub
        self._door = door
        self._open = 0

    async def serve(self, socket_: WebSocket) -> None:
        """Send pictures to one page until it disconnects."""
        await socket_.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            if not await self._door.let_in(socket_):
                return
            if self._open >= MAX_PAGES:
                await socket_.close(1013)
                return
            self._open += 1
            try:
                async with _feeding(self._hub.pictures.feed(socket_.send_bytes)):
                    while await heard(socket_) is not None:
                        pass
            finally:
                self._open -= 1
