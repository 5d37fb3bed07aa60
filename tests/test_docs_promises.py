"""What documents promise is there, and the check of their words works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import check_docs

ROOT = Path(__file__).resolve().parents[1]
LONGEST_DECISION = 120
"""Words."""


@pytest.mark.parametrize("page", ["security.md", "reliability.md"])
def test_every_test_that_a_promise_names_exists(page: str) -> None:
    """A promise would stand there long after what showed it was renamed or dropped."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text()))
    there: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        there.update(re.findall(r"def (test_\w+)\(", file.read_text()))
    assert len(named) > 20
    assert named <= there


def test_a_decision_is_a_short_paragraph() -> None:
    """Without it: who looks for a reason would read a report each time."""
    page = (ROOT / "docs" / "decisions.md").read_text()
    long = {}
    for decision in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        title, date, *text = decision.partition("\n## ")[0].strip().split("\n\n")
        assert re.fullmatch(r"\*\d{4}-\d\d-\d\d\*", date), title
        words = sum(len(paragraph.split()) for paragraph in text)
        if not 10 < words <= LONGEST_DECISION:
            long[title] = words
    assert not long


def test_words_that_nobody_would_write_are_found() -> None:
    """Without it: the table of words in docs/contributing.md would be a wish, and not a check."""
    words = check_docs.unwanted_words()
    assert len(words) >= 8
    bad = "It is started " + "an" + "ew."  # in two parts: this file is checked too
    assert check_docs.unwanted("page.md", f"Fine.\n{bad}", words)[0].startswith("page.md:2: ")
    assert check_docs.unwanted("page.md", "It is restarted.", words) == []


def test_a_command_that_is_gone_is_found() -> None:
    """Without it: documents would name tools and scripts that were renamed or dropped."""
    text = "Run `scripts/test`, `python3 -m tools check-docs`, see tools/check_docs.py.\n"
    assert check_docs.missing_programs("page.md", text) == []
    gone = "Run `scripts/" + "never`, `python3 -m tools " + "never-was`: `tools/" + "never.py`."
    assert check_docs.missing_programs("page.md", gone) == [
        "page.md: no such file: scripts/" + "never",
        "page.md: no such file: tools/" + "never.py",
        "page.md: no such tool: never-was",
    ]
