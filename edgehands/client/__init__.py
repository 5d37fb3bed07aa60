"""For programs that use the hands: typed messages from a broker, as they arrive.

async for message in subscribe("mqtt://hub", node="kitchen"):
    if isinstance(message.content, HandsMessage):
        print([hand.landmarks[8] for hand in message.content.hands])
"""

from __future__ import annotations

from edgehands.client.subscribe import Message, listen, listen_with, subscribe
from edgehands.mqtt.contract.compact import decode_compact, encode_compact
from edgehands.mqtt.contract.messages import (
    EventMessage,
    GestureMessage,
    HandMessage,
    HandsMessage,
    InfoMessage,
    PoseMessage,
    StatsMessage,
)

__all__ = [
    "EventMessage",
    "GestureMessage",
    "HandMessage",
    "HandsMessage",
    "InfoMessage",
    "Message",
    "PoseMessage",
    "StatsMessage",
    "decode_compact",
    "encode_compact",
    "listen",
    "listen_with",
    "subscribe",
]
