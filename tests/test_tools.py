"""The tools that develop the project: they are listed, they help, and they run from any shell."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tools import ROOT
from tools.__main__ import PROGRAM, main, overview, summary, tools

if TYPE_CHECKING:
    from pathlib import Path

WRAPPED = (
    *("benchmark-mediapipe", "compare-mediapipe", "eval-gestures", "eval-models", "eval-stills"),
    "eval-tracking",
)
"""Those that also have a script of the same name: so older notes name them."""


@pytest.fixture
def _with_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")


def run(*command: str, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell that knows no environment."""
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=where,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")},
    )


def test_the_list_says_what_each_tool_does() -> None:
    """Without it: nobody would find the tool that made a figure."""
    known = tools()
    assert len(known) >= 25
    for name, file in known.items():
        assert summary(file), name
        assert f"  {name} " in overview()


@pytest.mark.usefixtures("_with_scripts")
@pytest.mark.parametrize("name", sorted(tools()))
def test_every_tool_has_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked for help, a tool would begin to measure for half an hour, or end in a traceback."""
    monkeypatch.setattr("sys.argv", [f"{PROGRAM} {name}", "--help"])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"tools.{name.replace('-', '_')}").main()
    assert not ended.value.code
    assert capsys.readouterr().out.startswith("usage: ")


def test_a_wrong_name_gives_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it: a mistyped name would end in a traceback."""
    monkeypatch.setattr("sys.argv", ["tools", "eval-trakcing"])
    assert main() == 2
    assert "no tool eval-trakcing: there is bake-demo-clip, " in capsys.readouterr().err


def test_the_list_loads_no_tool() -> None:
    """Without it: the list would need every library that any tool needs."""
    program = "import sys, tools.__main__ as t; t.overview(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = {name for name in done.stdout.split() if name.startswith(("tools", "edgehands"))}
    assert loaded == {"tools", "tools.__main__", "tools._own_python"}


@pytest.mark.skipif(
    not (ROOT / ".venv" / "bin" / "python").exists(),
    reason="no .venv in the checkout: ./scripts/test makes it",
)
@pytest.mark.parametrize("name", ["check-edgetpu", "faults", "record-tracks"])
def test_a_tool_runs_from_a_shell_without_the_environment(name: str) -> None:
    """Who repeats a figure with the command beside it would get a traceback."""
    done = run("python3", "-m", "tools", name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {PROGRAM} {name}")


@pytest.mark.skipif(
    not (ROOT / ".venv" / "bin" / "python").exists(),
    reason="no .venv in the checkout: ./scripts/test makes it",
)
@pytest.mark.parametrize("name", WRAPPED)
def test_the_old_names_still_run_from_anywhere(name: str, tmp_path: Path) -> None:
    """Without it: commands in older notes would be gone."""
    script = ROOT / "scripts" / name.replace("-", "_")
    done = run(str(script), "--help", where=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
