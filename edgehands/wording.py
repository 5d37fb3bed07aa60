"""Numbers in sentences for people."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 frame``, ``2 frames``; a plural that isn't made with an s is given."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
