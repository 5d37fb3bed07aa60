"""Model execution: one protocol, one file for each implementation."""

from __future__ import annotations

from edgehands.backends.choose import choose_backend

__all__ = ["choose_backend"]
