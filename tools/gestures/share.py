"""A share as text."""

from __future__ import annotations


def rate(good: int, of: int) -> str:
    """A share as text."""
    return f"{good:4}/{of:<4} {100 * good / of:5.1f} %" if of else "   -"
