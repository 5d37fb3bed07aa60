"""The protocol for pictures from the service to the page server on the same machine.

A Unix socket of the service. A client first receives the pictures' origin; then each byte it sends
requests one picture, so that none is made while nobody watches, and a slow page gets fewer instead
of old ones. Every answer is a packet: the lengths of two parts (two unsigned 32-bit numbers,
little-endian), a JSON text, and a JPEG. None of this is ever stored or sent over MQTT.
"""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec

from edgehands.mqtt.contract.messages import HandsMessage  # noqa: TC001 - read at run time

LENGTHS = struct.Struct("<II")

MAX_TEXT_BYTES = 65_536
MAX_JPEG_BYTES = 1_000_000
"""A packet with longer parts can't be ours."""

SOCKET_NAME = "pictures.sock"

SERVICE_SOCKET = Path("/run/edgehands") / SOCKET_NAME
"""Its path in the packaged service: in its ``RuntimeDirectory``."""


class PictureOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """The pictures' origin: the first packet.

    Attributes:
        node: the device.
        camera: its camera.
        film: whether it is the demo's own film, not a user's camera or file.
        source: the camera or file, without secrets.
    """

    node: str
    camera: str
    film: bool
    source: str


class PictureText(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a picture; the packet has no JPEG if no frame came in time.

    Attributes:
        message: the hands seen in it, as in ``hands``.
    """

    message: HandsMessage | None = None


def pack(text: bytes, jpeg: bytes = b"") -> bytes:
    """Make a packet."""
    return LENGTHS.pack(len(text), len(jpeg)) + text + jpeg
