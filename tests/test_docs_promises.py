"""What documents promise is there, and the check of their words works."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("page", ["security.md", "reliability.md"])
def test_every_test_that_a_promise_names_exists(page: str) -> None:
    """A promise would stand there long after what showed it was renamed or dropped."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / page).read_text()))
    there: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        there.update(re.findall(r"def (test_\w+)\(", file.read_text()))
    assert len(named) > 20
    assert named <= there


def test_words_that_nobody_would_write_are_found() -> None:
    """Without it: the table of words in docs/contributing.md would be a wish, and not a check."""
    loader = importlib.machinery.SourceFileLoader("check_docs", str(ROOT / "scripts/check_docs"))
    spec = importlib.util.spec_from_loader("check_docs", loader)
    assert spec is not None
    check_docs = importlib.util.module_from_spec(spec)
    loader.exec_module(check_docs)
    words = check_docs.unwanted_words()
    assert len(words) >= 8
    bad = "It is started " + "an" + "ew."  # in two parts: this file is checked too
    assert check_docs.unwanted("page.md", f"Fine.\n{bad}", words)[0].startswith("page.md:2: ")
    assert check_docs.unwanted("page.md", "It is restarted.", words) == []
