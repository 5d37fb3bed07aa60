"""What a release page holds beside the packages: notes, and a list of what is inside."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import edgehands

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def release() -> Any:
    """scripts/release as a module."""
    loader = importlib.machinery.SourceFileLoader("release", str(ROOT / "scripts" / "release"))
    spec = importlib.util.spec_from_loader("release", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_notes_are_the_changelog_s(release: Any) -> None:
    """Readers of the release page must see what is new."""
    notes = release.notes(edgehands.__version__)
    assert notes.startswith(f"# edgehands {edgehands.__version__}\n")
    assert "### Tracking" in notes


def test_the_bill_of_materials_names_every_wheel_and_model(release: Any) -> None:
    """Who has to know whether a faulty library is inside looks there."""
    bill = release.bill_of_materials("1.0")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    names = {c["name"] for c in bill["components"]}
    assert {"numpy", "av", "paho-mqtt", "starlette", "segno"} <= names
    models = json.loads((ROOT / "models" / "manifest.json").read_text())["models"]
    assert {model["file"] for model in models} <= names
    assert all(c["hashes"] for c in bill["components"])


def test_half_a_package_is_not_listed(release: Any, tmp_path: Path) -> None:
    """A build that was broken off left a file that the next release's sums called good."""
    for name in ("edgehands_1_arm64.deb", "edgehands_1_amd64.part", "SHA256SUMS", "NOTES.md"):
        (tmp_path / name).touch()
    names = [file.name for file in release.published(tmp_path)]
    assert names == ["NOTES.md", "edgehands_1_arm64.deb"]
