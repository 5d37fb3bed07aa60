"""The whole way in a short form: record, annotate, evaluate, propose, evaluate again."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from edgehands.cli import main
from edgehands.dataset import read
from edgehands.dataset.files import read_frames
from tools.common.annotator import Annotator
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import free_port

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright isn't installed: pip install playwright"
)
pytest.importorskip("uvicorn", reason="the page's server isn't installed: edgehands[preview]")

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PICTURES = 20
STRICT = 0.97
"""A palm score that loses hands: what a camera's owner may have set by mistake."""


def run(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints."""
    monkeypatch.setattr("sys.argv", ["edgehands", *line.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert not ended.value.code, said.err
    return said.out


def annotate(folder: Path, log: Path) -> None:
    """A person who agrees with all guesses but one."""
    port = free_port()
    command = ["annotate", str(folder), "--annotator", "anna", "--port", str(port)]
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with Command(command, log) as server, playwright.sync_playwright() as runtime:
        server.wait_for("http://")
        browser = runtime.chromium.launch(executable_path=CHROMIUM, args=arguments)
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.goto(f"http://127.0.0.1:{port}/")
        annotator = Annotator(tab, BOOT_S * 1000)
        for number, frame in enumerate(read_frames(folder)):
            annotator.shown(number)
            if frame.hands:
                annotator.press("2")
                annotator.press("ArrowUp")
            annotator.press("Enter")
        annotator.saved()
        browser.close()


@pytest.mark.slow("five commands and a browser, one after the other")
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
def test_the_whole_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it: each step would work alone, and nobody could walk from one to the next."""
    folder, config, page = tmp_path / "set", tmp_path / "edgehands.toml", tmp_path / "page.html"
    record = f"record --source demo: --model lite --every 12 --count {PICTURES} --out {folder}"
    run(record, monkeypatch, capsys)
    assert len(read_frames(folder)) == PICTURES
    annotate(folder, tmp_path / "page.log")
    assert len(list(read(folder, "anna"))) == PICTURES

    config.write_text(f"[tracking]\npalm_score = {STRICT}\n")
    measure = (
        f"eval --data {folder} --models lite --json --report {page} --propose --write {config}"
    )
    before: Any = json.loads(run(measure, monkeypatch, capsys))
    lost = before["models"]["lite"]["missed"]
    assert lost > 0
    assert before["proposal"]["outcome_after"]["f1"] > before["proposal"]["outcome_before"]["f1"]
    assert before["after"]["missed"] < lost
    written = tomllib.loads(config.read_text())["tracking"]["palm_score"]
    assert written < STRICT
    assert f"palm_score = {written}" in page.read_text()

    after: Any = json.loads(run(measure, monkeypatch, capsys))
    assert after["palm_score"] == written
    assert after["models"]["lite"]["missed"] == before["after"]["missed"]
    assert after["models"]["lite"]["nme"] < 0.05
