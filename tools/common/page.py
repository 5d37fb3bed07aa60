"""Parts of documents that are written by scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def between_markers(page: Path, name: str, text: str) -> None:
    """Put text between a page's ``<!-- name -->`` and ``<!-- /name -->``."""
    before, rest = page.read_text().split(f"<!-- {name} -->\n")
    _, after = rest.split(f"<!-- /{name} -->")
    page.write_text(f"{before}<!-- {name} -->\n{text}<!-- /{name} -->{after}")
