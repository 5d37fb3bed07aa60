"""A simulated node's messages, frame by frame: recorded hands, through the real publisher.

The recording holds frames of one hand and frames of two, as compact payloads; see
``tools/record_tracks.py``. Interpreted and published into a list once, they become templates, and
each simulated message is a template with another number, time and hand id.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edgehands.config import GesturesConfig, PoseConfig, PublishConfig
from edgehands.gestures import HandInterpreter
from edgehands.hand import Frame, FrameHands, Hand, Handedness, Roi
from edgehands.mqtt.contract.compact import decode_compact
from edgehands.mqtt.contract.messages import EventMessage, HandsMessage, encode
from edgehands.mqtt.fake import FakePublisher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edgehands.gestures.events import GestureEvent
    from edgehands.mqtt.contract.messages import HandMessage
    from edgehands.mqtt.contract.topics import Topics
    from edgehands.mqtt.fake import Sent

FILE = "tracks.bin"
FPS = 30.0
NOBODY_FRAMES = 15
"""Time without hands at the end of each round, so that hands appear and are lost."""

IDS_A_ROUND = 10
"""Hand ids of a round start at a multiple of this, so none is used twice."""

_BIN_SEQ, _BIN_TIMES, _BIN_FIRST_HAND = 8, 16, 32
_BIN_HAND_BYTES, _BIN_NAME_LENGTH = 262, 8


@dataclass(frozen=True, slots=True)
class HandsTemplate:
    """A ``hands`` message in both forms.

    Attributes:
        parts: of the JSON text, between the variable values.
        ids: of its hands; they stand between the parts, behind seq and the two times.
        compact: the binary form.
        id_places: the positions of the ids in it.
    """

    parts: tuple[bytes, ...]
    ids: tuple[int, ...]
    compact: bytes
    id_places: tuple[int, ...]

    def text(self, seq: int, t: float, t_mono: float, first_id: int) -> bytes:
        """Return the JSON payload."""
        values = [b"%d" % seq, b"%.4f" % t, b"%.4f" % t_mono]
        values += [b"%d" % (number + first_id) for number in self.ids]
        out = [self.parts[0]]
        for value, part in zip(values, self.parts[1:], strict=True):
            out += (value, part)
        return b"".join(out)

    def binary(self, seq: int, t: float, t_mono: float, first_id: int) -> bytes:
        """Return the compact payload."""
        out = bytearray(self.compact)
        struct.pack_into("<I", out, _BIN_SEQ, seq % 2**32)
        struct.pack_into("<dd", out, _BIN_TIMES, t, t_mono)
        for place, number in zip(self.id_places, self.ids, strict=True):
            struct.pack_into("<I", out, place, (number + first_id) % 2**32)
        return bytes(out)


@dataclass(frozen=True, slots=True)
class FrameMessages:
    """The messages of one frame.

    Attributes:
        hands: the ``hands`` message; None = none.
        states: (topic, payload) of retained values that change.
        events: of the frame; ids and times are set when they are sent.
    """

    hands: HandsTemplate | None
    states: tuple[tuple[str, bytes], ...]
    events: tuple[EventMessage, ...]


def messages(hands: int, topics: Topics) -> tuple[FrameMessages, ...]:
    """One round of a node's messages with 1 or 2 hands in front of its camera."""
    rounds: list[FrameMessages] = []
    with FakePublisher(topics, publish=PublishConfig(compact=True)) as publisher:
        publisher.camera_status("online")
        # The second round starts where a round ends: without hands, all states published.
        for number in range(2):
            rounds.clear()
            for tracked, events in interpreted_frames(hands, number * 60.0):
                already = len(publisher.sent)
                publisher.publish(tracked, events)
                rounds.append(_messages(publisher.sent[already:], topics))
    return tuple(rounds)


def interpreted_frames(
    hands: int, begin: float = 0.0
) -> Iterator[tuple[FrameHands, tuple[GestureEvent, ...]]]:
    """One round of frames with so many hands, their gestures and poses, and what they did."""
    interpreter = HandInterpreter(GesturesConfig(), PoseConfig())
    for tracked in _frames(hands, begin):
        meaning = interpreter.interpret(tracked)
        yield meaning.frame_hands, meaning.events


def _messages(sent: Sequence[Sent], topics: Topics) -> FrameMessages:
    text = binary = b""
    states, events = [], []
    for message in sent:
        topic, payload = message.topic, message.payload
        if topic == topics.hands:
            text = payload
        elif topic == topics.hands_bin:
            binary = payload
        elif topic == topics.event:
            events.append(msgspec.json.decode(payload, type=EventMessage))
        else:
            states.append((topic, payload))
    template = _template(text, binary) if text else None
    return FrameMessages(template, tuple(states), tuple(events))


_SEQ, _T, _T_MONO = 900_001, 900_002.5, 900_003.5
_FIRST_ID = 900_010


def _template(text: bytes, binary: bytes) -> HandsTemplate:
    message = msgspec.json.decode(text, type=HandsMessage)
    marked = encode(
        msgspec.structs.replace(
            message,
            seq=_SEQ,
            t=_T,
            t_mono=_T_MONO,
            latency_ms=0.0,
            hands=[
                msgspec.structs.replace(hand, id=_FIRST_ID + number)
                for number, hand in enumerate(message.hands)
            ],
        )
    )
    marks = [f'"seq":{_SEQ}', f'"t":{_T}', f'"t_mono":{_T_MONO}']
    marks += [f'"id":{_FIRST_ID + number}' for number in range(len(message.hands))]
    parts, rest = [], marked
    for mark in marks:
        before, _, rest = rest.partition(mark.encode())
        parts.append(before + mark.encode().partition(b":")[0] + b":")
    at, places = _BIN_FIRST_HAND, []
    for _ in message.hands:
        places.append(at)
        at += _BIN_HAND_BYTES + binary[at + _BIN_NAME_LENGTH]
    ids = tuple(hand.id for hand in message.hands)
    return HandsTemplate((*parts, rest), ids, binary, tuple(places))


def _frames(hands: int, begin: float) -> Iterator[FrameHands]:
    """The recorded frames with this many hands, then some with none, 30 a second from ``begin``."""
    wanted = [message for message in recording() if len(message.hands) == hands]
    nobody = msgspec.structs.replace(wanted[0], hands=[])
    for number, message in enumerate((*wanted, *(nobody,) * NOBODY_FRAMES)):
        t = begin + number / FPS
        # Only its picture size matters.
        image = np.broadcast_to(np.uint8(0), (message.height, message.width, 3))
        yield FrameHands(
            Frame(image, number, t, t),
            tuple(_hand(hand, message.width, message.height) for hand in message.hands),
        )


def _hand(message: HandMessage, width: int, height: int) -> Hand:
    landmarks = np.array(message.landmarks, np.float32) * (width, height, width)
    return Hand(
        id=message.id,
        handedness=Handedness(message.handedness),
        handedness_score=message.handedness_score,
        presence=message.presence,
        landmarks=landmarks.astype(np.float32),
        world_landmarks=np.array(message.world, np.float32),
        roi=Roi(width / 2, height / 2, width / 2, 0.0),
    )


def recording() -> tuple[HandsMessage, ...]:
    """The recorded frames."""
    packed = resources.files("edgehands.data").joinpath(FILE).read_bytes()
    raw = zlib.decompress(packed)
    found, at = [], 0
    while at < len(raw):
        (size,) = struct.unpack_from("<H", raw, at)
        found.append(decode_compact(raw[at + 2 : at + 2 + size]))
        at += 2 + size
    return tuple(found)


def pack_recording(payloads: Iterable[bytes]) -> bytes:
    """Make the file that :func:`recording` reads from compact payloads."""
    raw = b"".join(struct.pack("<H", len(payload)) + payload for payload in payloads)
    return zlib.compress(raw, 9)
