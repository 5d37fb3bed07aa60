"""Two ways to subscribe: an asynchronous iterator, and a callback in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgehands.config import MqttConfig, check_topic_level
from edgehands.mqtt.broker.subscriber import BrokerState, Received, Subscriber, broker_line
from edgehands.mqtt.contract.messages import HandsMessage
from edgehands.mqtt.contract.reading import MessageError, check_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

log = logging.getLogger(__name__)

QUEUE = 1000
"""Most messages queued for a slow reader; then the oldest are dropped."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message published by a node.

    Attributes:
        node: the device.
        camera: its camera; empty for messages about the device itself.
        kind: the channel's name in the contract: ``hands``, ``event``, ``presence``, ``nodeStatus``
            and so on.
        content: a typed message (``HandsMessage``, ``EventMessage`` ...), or the payload's text or
            number.
        topic: where it was published.
        t: when it arrived, seconds since 1970.
    """

    node: str
    camera: str
    kind: str
    content: Any
    topic: str
    t: float


async def subscribe(
    url: str,
    *,
    node: str = "",
    prefix: str = "edgehands",
    max_age: float | None = None,
    on_broker: Callable[[str], object] | None = None,
    **settings: Any,
) -> AsyncIterator[Message]:
    """Iterate over all messages, starting with the retained ones; reconnects automatically.

    Args:
        url: ``mqtt://hub``, ``mqtts://user:password@hub`` ...
        node: this device only; empty = all of them.
        prefix: first level of the topics.
        max_age: skip ``hands`` older by this many seconds than the freshest ones of their node
            (clocks need not agree); None = none.
        on_broker: called from another thread with a human-readable line when the broker is
            connected, or can't be, with the reason.
        settings: more settings of ``[mqtt]``, such as ``tls_ca``.

    Raises:
        ConfigError: The URL, a name or a setting is invalid.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[Message] = asyncio.Queue(QUEUE)

    def put(message: Message) -> None:
        if waiting.full():
            waiting.get_nowait()
        waiting.put_nowait(message)

    def hand_over(message: Message) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(put, message)

    listening = listen(
        url,
        hand_over,
        node=node,
        prefix=prefix,
        max_age=max_age,
        on_broker=on_broker,
        **settings,
    )
    listening.__enter__()
    try:
        while True:
            yield await waiting.get()
    finally:
        # Closing waits for a thread, which must not block the caller's loop.
        await asyncio.to_thread(listening.__exit__, None, None, None)


@contextlib.contextmanager
def listen(  # noqa: PLR0913 - all but two by name
    url: str,
    callback: Callable[[Message], object],
    *,
    node: str = "",
    prefix: str = "edgehands",
    max_age: float | None = None,
    on_broker: Callable[[str], object] | None = None,
    **settings: Any,
) -> Iterator[None]:
    """Call a function for each message, in a separate thread; see :func:`subscribe`.

    Exceptions in the callback are logged, and the next message is delivered all the same. Messages
    that violate the contract are skipped.
    """
    config = MqttConfig(url=url, prefix=prefix, **settings)
    with listen_with(config, callback, node=node, max_age=max_age, on_broker=on_broker):
        yield


@contextlib.contextmanager
def listen_with(
    config: MqttConfig,
    callback: Callable[[Message], object],
    *,
    node: str = "",
    max_age: float | None = None,
    on_broker: Callable[[str], object] | None = None,
) -> Iterator[None]:
    """As :func:`listen`, with the settings of ``[mqtt]`` as read from a configuration."""
    if node:
        check_topic_level("node", node)
    read = _Reader(config.prefix, max_age)

    def on_message(received: Received) -> None:
        message = read(received)
        if message is None:
            return
        try:
            callback(message)
        except Exception:
            log.exception("the callback failed for %s", received.topic)

    def broker_changed(broker: BrokerState) -> None:
        if on_broker is not None:
            on_broker(broker_line(broker))

    with Subscriber(
        config, node=node, purpose="client", on_message=on_message, on_broker=broker_changed
    ):
        yield


class _Reader:
    """Turns what a broker delivered into a message; None if it is to be skipped."""

    def __init__(self, prefix: str, max_age: float | None) -> None:
        self._prefix = prefix
        self._fresh = _Freshness(max_age)

    def __call__(self, received: Received) -> Message | None:
        try:
            checked = check_message(received.topic, received.payload, self._prefix)
        except MessageError as error:
            log.debug("left out: %s", error)
            return None
        content = checked.content
        if isinstance(content, HandsMessage) and not self._fresh(checked.node, content, received.t):
            return None
        return Message(
            checked.node,
            checked.camera,
            checked.channel.name,
            content,
            received.topic,
            received.t,
        )


class _Freshness:
    """Whether a message is about as fresh as the freshest of its node."""

    def __init__(self, max_age: float | None) -> None:
        self._max_age = max_age
        self._least: dict[str, float] = {}

    def __call__(self, node: str, message: HandsMessage, t: float) -> bool:
        if self._max_age is None:
            return True
        # Includes the offset between the two clocks, which the smallest difference cancels.
        age = t - message.t
        least = min(age, self._least.get(node, age))
        # Rises slowly, so that clocks may drift or be adjusted.
        self._least[node] = least + 0.001 * (age - least)
        return age - least <= self._max_age or not message.hands
