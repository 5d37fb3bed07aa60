"""Selects a format by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.dataset.convert.coco import read_coco
from edgehands.dataset.convert.importing import write_folder
from edgehands.dataset.convert.public import (
    read_freihand,
    read_hagrid,
    read_interhand,
    read_rhd,
)

if TYPE_CHECKING:
    from pathlib import Path

    from edgehands.dataset.convert.importing import ImportSummary


def convert_set(
    name: str, source: Path, images: Path | None, out: Path, annotator: str
) -> ImportSummary:
    """Convert a public set into a folder.

    Args:
        name: ``coco`` (also ``wholebody``, ``onehand10k``), ``freihand``, ``rhd``, ``interhand``
            or ``hagrid``.
        source: its JSON file or folder.
        images: where the pictures of a JSON file are; None = next to it.
        out: the folder to create.
        annotator: name under which the set's annotations are stored.

    Raises:
        DatasetError: the set isn't in that format, or the folder can't be used.
    """
    if name == "freihand":
        pictures = read_freihand(source)
    elif name == "rhd":
        pictures = read_rhd(source)
    elif name == "interhand":
        pictures = read_interhand(source)
    elif name == "hagrid":
        pictures = read_hagrid(source, images or source.parent)
    else:
        pictures = read_coco(source, images or source.parent)
    return write_folder(pictures, out, f"{name}: {source.name}", annotator)
