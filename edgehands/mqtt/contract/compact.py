"""The compact form of a ``hands`` message: a quarter of the size, little-endian, no text but names.

A frame's header, 32 bytes:

| offset | type | meaning |
|---|---|---|
| 0 | u8 | version of this form, 1 |
| 1 | u8 | number of hands |
| 2 | u16 | width of the frame, pixels |
| 4 | u16 | height of the frame, pixels |
| 6 | u16 | latency in 0.1 ms; 65535 = that or more |
| 8 | u32 | seq, modulo 2^32 |
| 12 | u32 | 0 |
| 16 | f64 | t, seconds since 1970 |
| 24 | f64 | t_mono, seconds |

Then each hand, 262 bytes and the gesture's name, at most 294:

| offset | type | meaning |
|---|---|---|
| 0 | u32 | id, modulo 2^32 |
| 4 | u8 | 0 = left, 1 = right |
| 5 | u8 | handedness score times 255 |
| 6 | u8 | presence times 255 |
| 7 | u8 | score of the gesture times 255 |
| 8 | u8 | bytes of the gesture's name; 0 = there is no gesture |
| 9 | u8 | 0 |
| 10 | i16[63] | landmarks x, y, z as in ``hands``, times 8192 |
| 136 | i16[63] | world landmarks in metres, times 65536 |
| 262 | | the gesture's name, UTF-8 |
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edgehands.hand import Handedness
from edgehands.mqtt.contract.messages import GestureMessage, HandMessage, HandsMessage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.hand import FrameHands, Hand

VERSION = 1
LANDMARK_UNITS = 8192
"""Steps per frame width: 0.0001 of it, with room for hands four frame widths away."""
WORLD_UNITS = 65_536
"""Steps per metre: 0.015 mm, with room for half a metre."""

_HEADER = struct.Struct("<BBHHHIIdd")
_HAND = struct.Struct("<IBBBBBB")
_POINTS = 63 * 2
_SIDES = (Handedness.LEFT, Handedness.RIGHT)
_MAX_NAME = 32


def encode_compact(tracked: FrameHands, latency_ms: float) -> bytes:
    """The compact payload of a frame; a hand with a value that isn't finite is left out."""
    frame = tracked.frame
    height, width = frame.image.shape[:2]
    scale = np.array((1.0 / width, 1.0 / height, 1.0 / width)) * LANDMARK_UNITS
    hands = [part for hand in tracked.hands if (part := _encode_hand(hand, scale))]
    header = _HEADER.pack(
        VERSION,
        len(hands),
        min(width, 65_535),
        min(height, 65_535),
        min(round(latency_ms * 10), 65_535),
        frame.seq % 2**32,
        0,
        frame.t_wall,
        frame.t_mono,
    )
    return b"".join((header, *hands))


def decode_compact(payload: bytes) -> HandsMessage:
    """Decode a compact payload; poses aren't in it.

    Raises:
        ValueError: It is truncated, too long, or of another version.
    """
    if len(payload) < _HEADER.size:
        raise ValueError(f"{len(payload)} bytes are no frame: at least {_HEADER.size}")
    version, count, width, height, latency, seq, _, t, t_mono = _HEADER.unpack_from(payload)
    if version != VERSION:
        raise ValueError(f"version {version} of the compact form: {VERSION} can be read")
    if not (np.isfinite(t) and np.isfinite(t_mono)):
        raise ValueError("a time that isn't finite")
    hands, at = [], _HEADER.size
    for _ in range(count):
        hand, at = _decode_hand(payload, at)
        hands.append(hand)
    if at != len(payload):
        raise ValueError(f"{len(payload) - at} bytes behind the last hand")
    return HandsMessage(
        seq=seq,
        t=round(t, 4),
        t_mono=round(t_mono, 4),
        width=width,
        height=height,
        latency_ms=latency / 10,
        hands=hands,
    )


def _encode_hand(hand: Hand, scale: NDArray[np.float64]) -> bytes:
    landmarks = _fixed(hand.landmarks * scale)
    world = _fixed(hand.world_landmarks.astype(np.float64) * WORLD_UNITS)
    if landmarks is None or world is None:
        return b""
    gesture = hand.gesture
    name = gesture.name.encode()[:_MAX_NAME] if gesture is not None else b""
    head = _HAND.pack(
        hand.id % 2**32,
        _SIDES.index(hand.handedness),
        _byte(hand.handedness_score),
        _byte(hand.presence),
        _byte(gesture.score) if gesture is not None else 0,
        len(name),
        0,
    )
    return head + landmarks + world + name


def _decode_hand(payload: bytes, at: int) -> tuple[HandMessage, int]:
    points = at + _HAND.size
    name_at = points + 2 * _POINTS
    if name_at > len(payload):
        raise ValueError("cut off within a hand")
    number, side, handedness, presence, score, length, _ = _HAND.unpack_from(payload, at)
    if side >= len(_SIDES) or length > _MAX_NAME or name_at + length > len(payload):
        raise ValueError("a hand that makes no sense")
    name = payload[name_at : name_at + length].decode()
    hand = HandMessage(
        id=number,
        handedness=_SIDES[side].value,
        handedness_score=round(handedness / 255, 4),
        presence=round(presence / 255, 4),
        landmarks=_points(payload, points, LANDMARK_UNITS),
        world=_points(payload, points + _POINTS, WORLD_UNITS),
        gesture=GestureMessage(name=name, score=round(score / 255, 4)) if name else msgspec.UNSET,
    )
    return hand, name_at + length


def _fixed(values: NDArray[np.float64]) -> bytes | None:
    if not np.isfinite(values).all():
        return None
    return np.clip(np.rint(values), -32_768, 32_767).astype("<i2").tobytes()


def _points(payload: bytes, at: int, units: int) -> list[list[float]]:
    values = np.frombuffer(payload, "<i2", 63, at).reshape(21, 3) / units
    points: list[list[float]] = np.round(values, 6).tolist()
    return points


def _byte(value: float) -> int:
    return round(min(max(float(value), 0.0), 1.0) * 255) if value == value else 0  # noqa: PLR0124
