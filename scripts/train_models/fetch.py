"""Fetch the photographs that models learn from: ``python -m train_models.fetch FOLDER``.

``photographs.tsv`` beside this file names repository, commit, path and licence of each. What is
already in the folder isn't fetched again; what can't be had is named, and the rest goes on.
"""

from __future__ import annotations

import argparse
import csv
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).with_name("photographs.tsv")
ADDRESS: Final = "https://raw.githubusercontent.com"
MOST_BYTES: Final = 20_000_000
PATIENCE_S: Final = 20


@dataclass(frozen=True)
class Listed:
    """One photograph: where it goes, and where it is."""

    file: str
    repository: str
    commit: str
    path: str
    licence: str

    def url(self, address: str) -> str:
        """Its address."""
        parts = (self.repository, self.commit, self.path)
        return f"{address}/" + "/".join(urllib.parse.quote(part) for part in parts)


def listed() -> list[Listed]:
    """All photographs of the list."""
    with LIST.open(encoding="utf-8", newline="") as lines:
        return [Listed(**row) for row in csv.DictReader(lines, delimiter="\t", quotechar=None,
                                                        quoting=csv.QUOTE_NONE)]  # fmt: skip


def fetch(folder: Path, photographs: list[Listed], address: str = ADDRESS) -> list[str]:
    """Bring what is missing; a line for each that couldn't be had."""
    problems: list[str] = []
    for photograph in photographs:
        target = folder / photograph.file
        if target.exists():
            continue
        url = photograph.url(address)
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310 - https
                content = answer.read(MOST_BYTES + 1)
        except (urllib.error.URLError, OSError) as error:
            problems.append(f"{photograph.file}: {url}: {error}")
            continue
        if len(content) > MOST_BYTES:
            problems.append(f"{photograph.file}: {url}: more than {MOST_BYTES} bytes")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(target.suffix + ".part")
        part.write_bytes(content)
        part.replace(target)
    return problems


def main() -> None:
    """Parse the command line and fetch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the photographs go")
    folder = parser.parse_args().folder
    problems = fetch(folder, listed())
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise SystemExit(f"{len(problems)} of {len(listed())} photographs could not be fetched")


if __name__ == "__main__":
    main()
