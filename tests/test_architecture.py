"""The architecture page: what it names is there, and the ways that it shows are short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
NAMED = re.findall(r"`((?:edgehands|scripts|tests)/[\w/.]+)`(?: `(\w+)`)?", PAGE)


def section(title: str) -> str:
    """The page's part below a heading of the second level, up to the next heading."""
    return re.split(r"\n#+ ", PAGE.partition(f"\n## {title}\n")[2])[0]


@pytest.mark.parametrize(("name", "what"), sorted(set(NAMED)))
def test_what_the_page_names_is_there(name: str, what: str) -> None:
    """Without it: a newcomer would be sent to a file or function that moved away."""
    path = ROOT / name
    assert path.exists(), f"{name} isn't there"
    if what:
        pattern = rf"^\s*(?:class |def )?{what}\b"
        assert re.search(pattern, path.read_text(), re.MULTILINE), f"{name} has no {what}"


@pytest.mark.parametrize(
    ("title", "most"),
    [
        ("A frame, from the camera to the broker", 10),
        ("A request, from the broker to the frame loop", 6),
    ],
)
def test_a_way_leads_through_few_files(title: str, most: int) -> None:
    """Without it: nobody could follow a frame or a request by reading."""
    steps = re.findall(r"^\d+\. `([\w/.]+)`", section(title), re.MULTILINE)
    assert 3 <= len(steps) <= most
    assert len(set(steps)) == len(steps)


def test_the_page_names_every_package() -> None:
    """Without it: a new package would be on no map."""
    packages = {path.parent.name for path in (ROOT / "edgehands").glob("*/__init__.py")}
    assert packages <= set(re.findall(r"`edgehands/(\w+)/`", PAGE))
