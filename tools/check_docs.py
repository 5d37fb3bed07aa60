"""Report unwanted words, and files, headings, tests and tools that are named but don't exist."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from tools import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TEST = re.compile(r"`(test_\w+)`")
PROGRAM = re.compile(r"(?<![\w/.-])((?:scripts|tools)/\w[\w/.]*\w)")
TOOL = re.compile(r"-m tools ([a-z][a-z-]*\w)")


def anchors(path: Path) -> set[str]:
    """The anchors of a Markdown file's headings."""
    found = set()
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            words = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(words.replace(" ", "-"))
    return found


def broken(path: Path) -> list[str]:
    """The links of a Markdown file that lead nowhere in this tree."""
    out = []
    for link in LINK.findall(path.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            out.append(f"{path.relative_to(ROOT)}: no such file: {link}")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            out.append(f"{path.relative_to(ROOT)}: no such heading: {link}")
    return out


def missing_tests(path: Path, there: set[str]) -> list[str]:
    """The missing tests that a Markdown file names."""
    named = TEST.findall(path.read_text())
    return [
        f"{path.relative_to(ROOT)}: no such test: {name}" for name in named if name not in there
    ]


def missing_programs(name: str, text: str) -> list[str]:
    """The missing scripts and tools that a file names."""
    files = [named for named in PROGRAM.findall(text) if not (ROOT / named).exists()]
    tools = [
        named
        for named in TOOL.findall(text)
        if not (ROOT / "tools" / f"{named.replace('-', '_')}.py").exists()
    ]
    return [
        *(f"{name}: no such file: {named}" for named in files),
        *(f"{name}: no such tool: {named}" for named in tools),
    ]


def unwanted_words() -> list[re.Pattern[str]]:
    """The right column of the table of words in ``docs/contributing.md``."""
    table = (ROOT / "docs" / "contributing.md").read_text().partition("| write | not |")[2]
    cells = [line.rsplit("|", 2)[1] for line in table.splitlines() if line.startswith("| ")]
    words = [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]
    return [re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE) for word in words]


def unwanted(name: str, text: str, words: list[re.Pattern[str]]) -> list[str]:
    """The lines of a file that use a word of the right column."""
    return [
        f"{name}:{number}: write it as docs/contributing.md says: {found[0]!r}"
        for number, line in enumerate(text.splitlines(), 1)
        for word in words
        if (found := word.search(line))
    ]


def main() -> int:
    """Print what is broken; 1 if anything is."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    tests = {
        name
        for file in (ROOT / "tests").rglob("*.py")
        for name in [file.stem, *re.findall(r"def (test_\w+)\(", file.read_text())]
    }
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "models").glob("*.md")]
    faults = [
        fault for page in sorted(pages) for fault in [*broken(page), *missing_tests(page, tests)]
    ]
    words = unwanted_words()
    programs = [
        file
        for folder in ("edgehands", "scripts", "tests", "tools")
        for file in (ROOT / folder).rglob("*")
        if file.is_file()
        and (file.suffix == ".py" or (not file.suffix and file.parent.name == "scripts"))
    ]
    faults += [
        fault
        for file in sorted([*pages, *programs])
        if file.name != "contributing.md"
        for fault in unwanted(str(file.relative_to(ROOT)), file.read_text(), words)
    ]
    faults += [
        fault
        for file in sorted([*pages, *programs])
        if file.name != "CHANGELOG.md"  # it may name what existed once
        for fault in missing_programs(str(file.relative_to(ROOT)), file.read_text())
    ]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0
