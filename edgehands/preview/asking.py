"""Sends a page's requests to a node over MQTT, and the node's responses back to that page."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import msgspec

from edgehands.config import check_topic_level
from edgehands.errors import ConfigError
from edgehands.mqtt.contract.request_messages import ResponseMessage
from edgehands.mqtt.contract.topics import Topics
from edgehands.preview.page_messages import AnswerNews

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from edgehands.mqtt.broker.subscriber import Received
    from edgehands.preview.page_messages import Ask

PATIENCE_S = {"gestures": 70.0}
"""How long to wait for a response; teaching takes as long as the hand needs."""

PATIENCE_ELSE_S = 15.0
"""The same for other requests: a camera or models may have to be opened."""

_reader = msgspec.json.Decoder(ResponseMessage)


class Asker:
    """Sends requests to nodes on behalf of pages.

    Args:
        prefix: first level of the topics.
        publish: sends a message; called in the pages' event loop. loop: the pages' event loop.
    """

    def __init__(
        self,
        prefix: str,
        publish: Callable[[str, bytes], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._prefix = prefix
        self._publish = publish
        self._loop = loop
        # Others query the same nodes, and everyone receives every response: ours carry our name.
        self._name = secrets.token_hex(4)
        self._number = 0
        self._open: dict[str, asyncio.Future[ResponseMessage]] = {}

    async def ask(self, ask: Ask) -> AnswerNews:
        """Send a request to a node, and wait for its response."""
        try:
            check_topic_level("node", ask.node)
        except ConfigError as error:
            return AnswerNews(ask.id, error=str(error))
        self._number += 1
        transaction = f"page-{self._name}-{self._number}"
        answer: asyncio.Future[ResponseMessage] = self._loop.create_future()
        self._open[transaction] = answer
        patience = PATIENCE_S.get(ask.verb, PATIENCE_ELSE_S)
        try:
            topic = Topics(prefix=self._prefix, node=ask.node).request(ask.verb)
            request: dict[str, Any] = {**ask.data, "transaction": transaction}
            self._publish(topic, msgspec.json.encode(request))
            async with asyncio.timeout(patience):
                response = await answer
        except TimeoutError:
            why = "no answer: it is away, or the broker doesn't let this page ask"
            return AnswerNews(ask.id, error=f"{ask.node} gave {why}")
        finally:
            del self._open[transaction]
        if response.status == "ok":
            return AnswerNews(ask.id, data=response.data)
        return AnswerNews(ask.id, error=str(response.error or "the node refused it"))

    def take(self, received: Received) -> bool:
        """Accept a response to one of our requests; false for other messages. Any thread."""
        if not self._open or "/response/" not in received.topic:
            return False
        try:
            response = _reader.decode(received.payload)
        except (msgspec.DecodeError, RecursionError):
            return False
        waiting = self._open.get(str(response.transaction))
        if waiting is None:
            return False
        self._loop.call_soon_threadsafe(_settle, waiting, response)
        return True


def _settle(waiting: asyncio.Future[ResponseMessage], response: ResponseMessage) -> None:
    if not waiting.done():
        waiting.set_result(response)
