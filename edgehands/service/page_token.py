"""The token of the package's live page: created once per device, shown only to its owner."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

TOKEN_FILE = Path("/etc/edgehands/page-token")
"""Only root may read it; systemd passes it to the page's service."""

_BYTES = 9
"""12 characters: short enough to be typed from a screen, 72 bits."""


def ensure_token(file: Path = TOKEN_FILE) -> str:
    """The token of this device; created if there is none yet.

    Raises:
        OSError: it can't be read, or written.
    """
    with contextlib.suppress(FileNotFoundError):
        if found := read_token(file):
            return found
    token = secrets.token_urlsafe(_BYTES)
    part = file.with_name(f".{file.name}.new")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"{token}\n")
    part.replace(file)
    return token


def read_token(file: Path = TOKEN_FILE) -> str:
    """The token; empty if the file is empty.

    Raises:
        OSError: there is no file, or it may not be read.
    """
    return file.read_text(encoding="ascii", errors="replace").split("\n", 1)[0]


def page_with_token(url: str, token: str) -> str:
    """The address to open: browsers send nobody the part after #."""
    return f"{url}/#token={token}"


def info_text(url: str, token: str) -> str:
    """The page's part of ``edgehands-info.txt`` on the card."""
    return (
        "The live page of this device, with its token:\n\n"
        f"    {page_with_token(url, token)}\n\n"
        "Whoever has this address sees what the device sees of hands. For a new token, delete\n"
        "/etc/edgehands/page-token on the device and restart it.\n"
    )


def qr_code(address: str) -> str:
    """A QR code for a text console; empty if the library isn't installed."""
    try:
        import segno  # noqa: PLC0415
    except ImportError:
        return ""
    # Two characters per module, drawn as coloured spaces: Linux's console has no half blocks.
    rows = segno.make(address, error="l", micro=False).matrix_iter(border=2)
    light, dark, end = "\x1b[47m  ", "\x1b[40m  ", "\x1b[0m"
    return "\n".join("".join(dark if bit else light for bit in row) + end for row in rows)
