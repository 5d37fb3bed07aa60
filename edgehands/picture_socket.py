"""How pictures go from the service to the page's server on the same machine.

A Unix socket of the service. Who connects is told first whose pictures these are; then each byte
asks for one picture, so that none is made while nobody looks, and a slow page gets fewer instead of
old ones. Every answer is a packet: the lengths of two parts (two unsigned 32-bit numbers,
little-endian), a JSON text, and a JPEG. Nothing of this is ever stored or sent over MQTT.
"""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec

from edgehands.mqtt.contract.messages import HandsMessage  # noqa: TC001 - read at run time

LENGTHS = struct.Struct("<II")

MAX_TEXT_BYTES = 65_536
MAX_JPEG_BYTES = 1_000_000
"""A packet with longer parts is none of ours."""

SOCKET_NAME = "pictures.sock"

SERVICE_SOCKET = Path("/run/edgehands") / SOCKET_NAME
"""Where the service of the package has it: in its ``RuntimeDirectory``."""


class PictureOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """Whose pictures they are: the first packet.

    Attributes:
        node: the device.
        camera: its camera.
        film: the demo's own film; else it is somebody's camera or file.
        source: the camera or file, without secrets.
    """

    node: str
    camera: str
    film: bool
    source: str


class PictureText(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to a picture; the packet has no JPEG where no frame came in time.

    Attributes:
        message: the hands that are seen in it, as in ``hands``.
    """

    message: HandsMessage | None = None


def pack(text: bytes, jpeg: bytes = b"") -> bytes:
    """Make a packet."""
    return LENGTHS.pack(len(text), len(jpeg)) + text + jpeg
