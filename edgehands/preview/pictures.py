"""Forwards pictures from the service's socket on this machine to pages that request them.

Only the newest picture is kept, in memory, and none is requested while no page shows them.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from edgehands.picture_socket import (
    LENGTHS,
    MAX_JPEG_BYTES,
    MAX_TEXT_BYTES,
    PictureOrigin,
    pack,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

RETRY_S = 1.0
"""Time between two attempts to reach the service."""

ANSWER_S = 5.0
"""After this time without a picture, the service is asked again."""


class Pictures:
    """Pictures of one service, for any number of pages. Runs in the pages' event loop.

    Args:
        path: the service's socket; None = no pictures.

    Attributes:
        origin: whose pictures they are; None while the service can't be reached.
    """

    def __init__(self, path: Path | None) -> None:
        self.origin: PictureOrigin | None = None
        self._path = path
        self._watchers = 0
        self._packet = b""
        self._number = 0
        self._change = asyncio.Condition()
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Stay connected to the service, indefinitely; request pictures while pages show them."""
        while self._path is not None:
            with contextlib.suppress(OSError, TimeoutError, EOFError, ValueError):
                await self._talk(self._path)
            self.origin = None
            await asyncio.sleep(RETRY_S)

    async def feed(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send each new picture to a page, indefinitely; to a slow page, only the newest."""
        told = self._number
        with self._watching():
            while True:
                async with self._change:
                    while self._number == told:
                        await self._change.wait()
                    told, packet = self._number, self._packet
                await send(packet)

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        self._watchers += 1
        self._wanted.set()
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._wanted.clear()
                self._packet = b""

    async def _talk(self, path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            text, _ = await _packet(reader)
            self.origin = msgspec.json.decode(text, type=PictureOrigin)
            while True:
                if not await self._somebody_looks(reader):
                    raise EOFError
                writer.write(b"\n")
                text, jpeg = await _packet(reader)
                if jpeg:
                    async with self._change:
                        self._packet = pack(text, jpeg)
                        self._number += 1
                        self._change.notify_all()
        finally:
            writer.close()

    async def _somebody_looks(self, reader: asyncio.StreamReader) -> bool:
        """Wait until a page shows pictures; false if the service has disconnected meanwhile."""
        while not self._wanted.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), RETRY_S)
            if reader.at_eof():
                return False
        return True


async def _packet(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read a packet: its text and its JPEG.

    Raises:
        EOFError: The service disconnected; asyncio's IncompleteReadError is one. ValueError: It
            isn't one of our packets. TimeoutError: None came in time.
    """
    async with asyncio.timeout(ANSWER_S):
        text, jpeg = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
        if text > MAX_TEXT_BYTES or jpeg > MAX_JPEG_BYTES:
            raise ValueError("too large to be a picture of ours")
        return await reader.readexactly(text), await reader.readexactly(jpeg)
