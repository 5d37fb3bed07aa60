"""Numbers in human-readable sentences."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """``1 frame``, ``2 frames``; an irregular plural is passed in."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
