"""A short connection to the broker, to publish or read retained messages."""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING

from edgehands.errors import BrokerError
from edgehands.mqtt.broker import reasons
from edgehands.mqtt.broker.session import Session
from edgehands.mqtt.broker.versions import refused_for_good, versions
from edgehands.mqtt.broker.wake import Wake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import paho.mqtt.client as paho

    from edgehands.config import MqttConfig
    from edgehands.mqtt.contract.topics import Topics

TIMEOUT_S = 10.0

MAX_RETAINED = 100
"""Most retained messages that are read."""


def publish_once(config: MqttConfig, messages: Sequence[tuple[str, bytes]]) -> None:
    """Make each payload the retained value of its topic; an empty one removes it.

    Raises:
        BrokerError: The broker can't be reached or refuses a message.
    """
    refused: list[str] = []
    open_: set[int] = set()

    def acknowledged(mid: int, refusal: str) -> None:
        open_.discard(mid)
        if refusal:
            refused.append(refusal)

    with _visit(config, acknowledged) as session:
        for topic, payload in messages:
            open_.add(session.publish(topic, payload, qos=1, retain=True))
        until = time.monotonic() + TIMEOUT_S
        while open_ and not session.ended and time.monotonic() < until:
            _work(session)
    if refused or open_:
        why = refused[0] if refused else "no acknowledgement"
        raise BrokerError(f"{config.address} didn't take the message ({why}): see its ACL and log")


def remove_discovery(config: MqttConfig, topics: Topics, prefix: str) -> None:
    """Remove a node, with all its cameras, from Home Assistant.

    Raises:
        BrokerError: The broker can't be reached or refuses it.
    """
    others = retained(config, [topics.any_discovery(prefix)])
    publish_once(config, [(topic, b"") for topic in (topics.discovery(prefix), *others)])


def retained(config: MqttConfig, filters: Sequence[str]) -> dict[str, bytes]:
    """The retained messages on these topics; nothing if we may not read them.

    Raises:
        BrokerError: The broker can't be reached.
    """
    found: dict[str, bytes] = {}
    answered: list[int] = []

    def received(message: paho.MQTTMessage) -> None:
        if message.retain and len(found) < MAX_RETAINED:
            found[message.topic] = bytes(message.payload)

    with _visit(config, lambda mid, _refusal: answered.append(mid), received) as session:
        session.subscribe(filters)
        until = time.monotonic() + TIMEOUT_S
        while not session.ended and time.monotonic() < until:
            if answered:
                # Retained messages follow the acknowledgement; the ping's answer follows them.
                if session.link.answers:
                    break
                session.ping()
            _work(session)
    return found


@contextlib.contextmanager
def _visit(
    config: MqttConfig,
    acknowledged: Callable[[int, str], None],
    received: Callable[[paho.MQTTMessage], None] | None = None,
) -> Iterator[Session]:
    trouble = ""
    for protocol in versions(config.protocol):
        session = Session(
            config,
            client_id=f"edgehands-visit-{secrets.token_hex(4)}",
            will=None,
            protocol=protocol,
            acknowledged=acknowledged,
            received=received,
        )
        try:
            try:
                session.open()
            except BrokerError:
                raise
            except (OSError, ValueError) as error:
                raise BrokerError(reasons.unreachable(config.address, error)) from None
            while not session.ready and not session.ended:
                _work(session)
            if session.ready:
                yield session
                session.disconnect()
                return
            if refused_for_good(session):
                raise BrokerError(reasons.refused(config.address, session.refusal))
            trouble = reasons.ended(config.address, session.end_reason, accepted=False)
        finally:
            session.abandon()
    raise BrokerError(trouble)


def _work(session: Session) -> None:
    with contextlib.closing(Wake()) as nobody:  # wakes this thread
        session.work(0.2, nobody.drain, nobody.fileno())
