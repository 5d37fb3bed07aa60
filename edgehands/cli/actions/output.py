"""Where the verbs write: results on stdout, everything for people on stderr."""

from __future__ import annotations

from rich.console import Console

people = Console(stderr=True, highlight=False)
"""Progress, warnings and summaries; a pipe on stdout gets results only."""

tables = Console(highlight=False)
"""Tables for people on stdout, where no ``--json`` was asked for."""
