"""Write the files generated from the types: schemas, tables, an example."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from edgehands.config import schema
from edgehands.dataset.schema import dataset_schemas
from edgehands.mqtt.contract import asyncapi
from tools import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = "<!-- made by python3 -m tools write-schemas -->"
END = "<!-- end of what python3 -m tools write-schemas made -->"


def between(path: Path, text: str) -> str:
    """A Markdown file with the text between its two marks replaced."""
    head, _, rest = path.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{text}\n{END}{tail}"


def made() -> dict[Path, str]:
    """The files and their expected contents."""
    guide = ROOT / "docs" / "configuration.md"
    schemas = {
        ROOT / "docs" / "schemas" / f"{name}.schema.json": text
        for name, text in {**asyncapi.message_schemas(), **dataset_schemas()}.items()
    }
    return {
        **schemas,
        ROOT / "docs" / "asyncapi.yaml": asyncapi.asyncapi(),
        ROOT / "docs" / "edgehands.schema.json": schema.config_schema(),
        ROOT / "systemd" / "edgehands.toml": schema.example_toml(),
        guide: between(guide, schema.markdown_tables()),
    }


def main() -> int:
    """Write, or check; 1 if a file doesn't match the types."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is there")
    check = parser.parse_args().check
    wrong = 0
    for path, text in made().items():
        if path.exists() and path.read_text() == text:
            continue
        if check:
            name = path.relative_to(ROOT)
            print(f"{name} is not what the types say: run python3 -m tools write-schemas")
            wrong = 1
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return wrong
