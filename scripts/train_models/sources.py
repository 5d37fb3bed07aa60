"""Photographs to learn from and to be judged on, split by where they come from.

A folder of photographs is mostly one person in one room, so a picture says little about its
neighbour: whole sources are held out, never single pictures. The photographs lie beside the
checkout; none of them is committed. ``docs/models.md`` lists repositories and licences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HELD_OUT = frozenset({"cvcar", "aslt", "cansik", "codere"})
"""Sources of ``hands/`` that no model learns from: other people, other rooms."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True)
class Photograph:
    """One picture, and the name of the collection that it belongs to."""

    path: Path
    source: str

    @property
    def held_out(self) -> bool:
        """Whether it is only for judging."""
        return is_held_out(self.source)


def is_held_out(source: str) -> bool:
    """Whether a source is only for judging; sources beyond the known ones by their first letter."""
    return source in HELD_OUT


def find(data: Path, more: Path | None = None) -> list[Photograph]:
    """All licensed photographs of hands, in a fixed order; raises FileNotFoundError without any.

    Args:
        data: the folder with ``hands/<source>/`` and ``digits/<0-9>/``.
        more: a folder of further licensed photographs, ``hands/<source>/``.
    """
    found = [
        *_folders(data / "hands"),
        *(Photograph(path, "digits") for path in _pictures(data / "digits")),
    ]
    if more is not None:
        found += _folders(more / "hands")
    if not found:
        raise FileNotFoundError(f"no photographs in {data}: name their folder with --data")
    return found


def _folders(parent: Path) -> list[Photograph]:
    folders = sorted(parent.glob("*/")) if parent.is_dir() else []
    return [Photograph(path, folder.name) for folder in folders for path in _pictures(folder)]


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
