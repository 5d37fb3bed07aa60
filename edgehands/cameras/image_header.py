"""Size and completeness of an image file, read from its header without decoding a pixel.

OpenCV decodes first and asks later: a 40 kB PNG may unpack to 10 GB, and releases before 5.0 give
the readable part of a cut-off JPEG as if nothing were missing (measured with 4.8.1: 2 % of the file
gives a full-size picture). So both are looked up here first. Sources: ITU-T T.81 (JPEG), the PNG
and WebP container specifications, Microsoft's BITMAPINFOHEADER, TIFF 6.0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a file says about itself.

    Attributes:
        format: ``JPEG``, ``PNG``, ``WebP``, ``BMP`` or ``TIFF``.
        width, height: pixels as stored (before EXIF orientation).
        complete: false when the file ends before its own end mark or stated length. TIFF states
            neither: its decoder notices.
    """

    format: str
    width: int
    height: int
    complete: bool


class HeaderCutOff(ValueError):
    """The file ends, or makes no sense, inside its own header."""


def read_image_header(data: bytes) -> ImageHeader | None:
    """Read the header of a whole image file.

    Returns:
        The header, or None when the bytes aren't an image of a known format.

    Raises:
        HeaderCutOff: The format is known, but the size of the picture can't be read.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _jpeg(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
        if data[:2] == b"BM":
            return _bmp(data)
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(data)
    except (struct.error, IndexError) as error:
        raise HeaderCutOff(str(error)) from None
    return None


# Start-of-frame markers; C4, C8 and CC in the same range mean other things.
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def _jpeg(data: bytes) -> ImageHeader:
    at = 2
    while True:
        if data[at] != 0xFF:
            raise HeaderCutOff("no marker where one should be")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _NO_LENGTH:
            at += 2
        elif marker in _SOF:
            height, width = struct.unpack_from(">HH", data, at + 5)
            # FF D9 can't occur inside coded data (T.81 B.1.1.5 stuffs a zero after FF), and a
            # thumbnail's own end mark lies before this point.
            return ImageHeader("JPEG", width, height, data.find(b"\xff\xd9", at) >= 0)
        elif marker in (0xD9, 0xDA):
            raise HeaderCutOff("picture data before its size")
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _png(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II", data, 16)
    at, complete = 8, False
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"IEND":
            complete = True
            break
        at += 12 + length
    return ImageHeader("PNG", width, height, complete)


def _webp(data: bytes) -> ImageHeader:
    (length,) = struct.unpack_from("<I", data, 4)
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(_exactly(data, 24, 3), "little") + 1
        height = int.from_bytes(_exactly(data, 27, 3), "little") + 1
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise HeaderCutOff("no picture chunk")
    return ImageHeader("WebP", width, height, len(data) >= 8 + length)


def _bmp(data: bytes) -> ImageHeader:
    (pixels_at,) = struct.unpack_from("<I", data, 10)
    (info_size,) = struct.unpack_from("<I", data, 14)
    if info_size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    else:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)  # negative = stored from the top
    need = pixels_at
    if compression in (0, 3):  # RLE says nothing of its length
        need += (width * bits + 31) // 32 * 4 * height
    return ImageHeader("BMP", width, height, len(data) >= need)


def _tiff(data: bytes) -> ImageHeader:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, at)
    size = {256: 0, 257: 0}  # the tags ImageWidth and ImageLength
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in size:
            (size[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)
    return ImageHeader("TIFF", size[256], size[257], complete=True)


def _exactly(data: bytes, at: int, count: int) -> bytes:
    piece = data[at : at + count]
    if len(piece) != count:
        raise HeaderCutOff("cut off")
    return piece
