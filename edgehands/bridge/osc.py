"""From MQTT to OSC over UDP: for TouchDesigner, Max, Pure Data, Unity and the like.

Every frame is one bundle, so that its messages arrive together. The addresses are in
``docs/osc.md``.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Any

from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from edgehands.closing import Closing
from edgehands.errors import UsageError
from edgehands.hand import Handedness
from edgehands.mqtt.contract.messages import EventMessage, HandsMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edgehands.client import Message
    from edgehands.mqtt.contract.messages import HandMessage

log = logging.getLogger(__name__)

Value = int | float | str

NO_GESTURE = "none"


def parse_target(text: str) -> tuple[str, int]:
    """Parse ``HOST:PORT``.

    Raises:
        UsageError: it has another form.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and 1 <= int(port) <= 65535):
        raise UsageError(f'--to "{text}" is no HOST:PORT: give for example 127.0.0.1:9000')
    return host.strip("[]"), int(port)


class OscSender(Closing):
    """Sends the messages of a broker's nodes to one OSC receiver. A context manager.

    Args:
        host, port: the receiver, UDP.
        world: send the landmarks in metres too.

    Raises:
        UsageError: there is no such host.
    """

    def __init__(self, host: str, port: int, *, world: bool = False) -> None:
        self._world = world
        self._shown: dict[str, set[str]] = {}
        try:
            (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
                host, port, type=socket.SOCK_DGRAM
            )
        except OSError as error:
            raise UsageError(f"--to {host}:{port}: {error.strerror}: check the name") from None
        self._address: Any = address
        self._socket = socket.socket(family, kind, protocol)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def take(self, message: Message) -> None:
        """Forward a message, if it has an OSC equivalent."""
        messages = list(self._messages(message))
        if not messages:
            return
        bundle = OscBundleBuilder(IMMEDIATELY)
        for address, values in messages:
            builder = OscMessageBuilder(address)
            for value in values:
                builder.add_arg(value)
            bundle.add_content(builder.build())
        # A missing receiver isn't an error: it may be started later.
        with contextlib.suppress(ConnectionRefusedError):
            self._socket.sendto(bundle.build().dgram, self._address)

    def _messages(self, message: Message) -> Iterable[tuple[str, Sequence[Value]]]:
        base = f"/edgehands/{message.node}/{message.camera}"
        content = message.content
        if isinstance(content, HandsMessage):
            yield from self._hands(base, content)
        elif isinstance(content, EventMessage):
            yield f"{base}/event", (content.event_type, content.hand_id)

    def _hands(self, base: str, message: HandsMessage) -> Iterable[tuple[str, Sequence[Value]]]:
        yield f"{base}/count", (len(message.hands),)
        shown: dict[str, HandMessage] = {}
        for hand in message.hands:
            shown.setdefault(hand.handedness, hand)  # of two left hands, the older one
        before = self._shown.get(base, set())
        self._shown[base] = set(shown)
        for side in (side.value for side in Handedness):
            if side in shown:
                yield from self._hand(f"{base}/{side}", shown[side])
            elif side in before:
                yield f"{base}/{side}/present", (0,)

    def _hand(self, base: str, hand: HandMessage) -> Iterable[tuple[str, Sequence[Value]]]:
        yield f"{base}/present", (1,)
        yield f"{base}/id", (hand.id,)
        yield f"{base}/landmarks", [float(v) for point in hand.landmarks for v in point]
        if self._world:
            yield f"{base}/world", [float(v) for point in hand.world for v in point]
        gesture = getattr(hand.gesture, "name", NO_GESTURE)
        yield f"{base}/gesture", (gesture, float(getattr(hand.gesture, "score", 0.0)))
        palm = getattr(hand.pose, "palm", None)
        if palm is not None:
            yield f"{base}/palm", [float(v) for v in palm]
