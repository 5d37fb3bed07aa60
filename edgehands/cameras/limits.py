"""Limits on the size of pictures, for all decoders, and on files to be read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from edgehands.errors import SourceError, SourceNotFound
from edgehands.geometry.constants import LONGEST_SIDE

MAX_IMAGE_PIXELS = 120_000_000
"""Larger pictures are refused before decoding: 120 million pixels are 360 MB of RGB."""
MAX_IMAGE_BYTES = 512 * 1024 * 1024
"""Larger image files are refused unread."""


def check_size(path: str | os.PathLike[str], width: int, height: int) -> None:
    """Refuse pictures of invalid or excessive size.

    Raises:
        SourceError: No pixels, more than :data:`MAX_IMAGE_PIXELS`, or a side longer than
            :data:`LONGEST_SIDE`, which OpenCV can't sample.
    """
    size = f"{shown(path)}: {width}x{height} pixels"
    if width < 1 or height < 1:
        raise SourceError(f"{size}: damaged header")
    if width * height > MAX_IMAGE_PIXELS:
        raise SourceError(
            f"{size}, the limit is {MAX_IMAGE_PIXELS // 1_000_000} million: scale it down"
        )
    if max(width, height) > LONGEST_SIDE:
        raise SourceError(f"{size}, the limit is {LONGEST_SIDE} a side: scale it down")


def check_file(path: str | os.PathLike[str], limit: int | None = None) -> None:
    """Check a file without reading it.

    Raises:
        SourceNotFound: There is no such file.
        SourceError: It is empty, not a regular file, above the limit in bytes, or inaccessible.
    """
    name = shown(path)
    try:
        status = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFound(f"{name}: no such file or folder: check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise SourceError(f"{name}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{name}: not a regular file: give an image, a video or a folder")
    if status.st_size == 0:
        raise SourceError(f"{name}: empty file (0 bytes): copy it again")
    if limit is not None and status.st_size > limit:
        raise SourceError(
            f"{name}: {status.st_size / 2**20:.0f} MB, the limit for an image is "
            f"{limit / 2**20:.0f} MB: scale it down"
        )


def shown(path: str | os.PathLike[str]) -> str:
    r"""A path as one line of text that every Unicode encoding accepts: ``h\xff.jpg``."""
    name = os.fspath(path)
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else _escaped(c) for c in name)


def _escaped(char: str) -> str:
    # Python decodes bytes that aren't UTF-8 as U+DC80 to U+DCFF (PEP 383).
    byte = ord(char) - 0xDC00
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else repr(char)[1:-1]
