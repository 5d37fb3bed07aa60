"""The package's live page: its token, its address, and how its owner learns of both."""

from __future__ import annotations

import gzip
import importlib
import importlib.machinery
import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgehands.config import Config, PreviewConfig
from edgehands.doctor.page import check_page
from edgehands.errors import ConfigError
from edgehands.service.page_token import ensure_token, info_text, page_with_token, qr_code
from edgehands.service.page_url import PAGE_PORT, page_url
from tests.doctor_machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]


def test_a_token_is_made_once_and_is_for_root_only(tmp_path: Path) -> None:
    """Cards of one image must not share a token, and not everybody on a Pi may read it."""
    file = tmp_path / "page-token"
    token = ensure_token(file)
    assert re.fullmatch(r"[A-Za-z0-9_-]{12}", token)
    assert file.stat().st_mode & 0o777 == 0o600
    assert ensure_token(file) == token
    assert ensure_token(tmp_path / "other") != token
    assert page_with_token("http://pi.local:8765", token) in info_text(
        "http://pi.local:8765", token
    )


def test_the_address_is_that_of_the_settings_or_of_the_packages_page(tmp_path: Path) -> None:
    """Home Assistant links to it: a wrong one leads nowhere, a missing one is no link."""
    unit = tmp_path / "edgehands-page.service"
    assert page_url(Config(), unit) == ""
    unit.touch()
    assert page_url(Config(), unit).endswith(f".local:{PAGE_PORT}")
    named = Config(preview=PreviewConfig(url="https://hands.example/"))
    assert page_url(named, unit) == "https://hands.example/"
    with pytest.raises(ConfigError, match="is no page's address"):
        PreviewConfig(url="kitchen.local")


def test_the_qr_code_is_wide_enough_for_a_camera() -> None:
    """It is scanned from a screen: each module is two characters wide, light around it."""
    pytest.importorskip("segno", reason="segno isn't installed: edgehands[preview]")
    lines = qr_code("http://kitchen.local:8765/#token=abcdefghijkl").splitlines()
    modules = [re.findall(r"\x1b\[4([07])m  ", line) for line in lines]
    assert {len(row) for row in modules} == {len(modules)}
    assert set(modules[0]) == set(modules[-1]) == {"7"}


def test_doctor_says_where_the_page_is_and_not_the_token(tmp_path: Path) -> None:
    """Its output is shown to whoever helps."""
    machine = Machine(tmp_path)
    assert check_page(machine.system(), Config()) == ()
    machine.file("/usr/lib/systemd/system/edgehands-page.service")
    (finding,) = check_page(machine.system(), Config())
    assert finding.level == "WARN"
    machine.file("/etc/edgehands/page-token", "geheim123456\n")
    (finding,) = check_page(machine.system(), Config())
    assert finding.level == "PASS"
    assert ".local:8765" in finding.message
    assert "geheim" not in finding.message


@pytest.fixture
def deb() -> Iterator[Any]:
    """The parts of scripts/deb."""
    sys.path.insert(0, str(ROOT / "scripts"))
    yield importlib.import_module
    sys.path.remove(str(ROOT / "scripts"))


def test_a_slimmed_wheel_still_installs(deb: Any, tmp_path: Path) -> None:
    """What is left out must be left out of the list too, or pip refuses the wheel."""
    slim = deb("deb.slim")
    wheel = tmp_path / "numpy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("numpy/__init__.py", "kept = True\n")
        archive.writestr("numpy/core/tests/test_x.py", "left out\n")
        archive.writestr(
            "numpy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\n"
        )
        archive.writestr(
            "numpy-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("numpy-1.0.dist-info/RECORD", "")
    (tmp_path / "slim").mkdir()
    made = slim.slimmed(wheel, tmp_path / "slim")
    place = tmp_path / "place"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target",
         str(place), str(made)],
        check=True,
    )  # fmt: skip
    assert (place / "numpy" / "__init__.py").read_text() == "kept = True\n"
    assert not (place / "numpy" / "core").exists()


def test_the_man_page_has_every_command_and_the_shells_have_completion(deb: Any) -> None:
    """Man edgehands is where users without a network look."""
    entries = {e.path: e.content for e in deb("deb.manual").manual_entries(ROOT, "1", "2026-01-01")}
    page = gzip.decompress(entries["usr/share/man/man1/edgehands.1.gz"]).decode()
    for verb in importlib.import_module("edgehands.cli").VERBS:
        assert f"\n.B {verb}\n" in page
        assert f"\n.SS edgehands {verb}\n" in page
    assert b"complete" in entries["usr/share/bash-completion/completions/edgehands"]
    assert b"#compdef edgehands" in entries["usr/share/zsh/vendor-completions/_edgehands"]
    assert b"edgehands" in entries["usr/share/fish/vendor_completions.d/edgehands.fish"]
