"""The command line's first answers: help, version, completion, wrong words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import edgehands
import edgehands.cli
from edgehands.calibration.board import FORMATS, PAPERS
from edgehands.calibration.views import MIN_VIEWS
from edgehands.cli import VERBS
from edgehands.service.options import RunOptions
from edgehands.wording import counted
from tests.hands import frame
from tests.test_cli import one_line, run, save

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = {
    "cameras": ("checkerboard", "calibrate"),
    "gestures": ("teach", "list", "remove", "test", "export", "import"),
    "homeassistant": ("remove",),
    "models": ("compile",),
}
COMMANDS = [(verb,) for verb in VERBS] + [(v, sub) for v, subs in GROUPS.items() for sub in subs]

HEAVY = ("cv2", "numpy", "msgspec", "ai_edge_litert", "paho", "rich", "starlette", "amqtt")
"""What only the work of a verb needs; loading it costs from 0.05 to 0.4 s of CPU on a PC."""


def loaded_by(*words: str) -> tuple[str, list[str]]:
    """What a command line prints, and which of :data:`HEAVY` it has loaded at the end."""
    code = (
        "import sys, edgehands.cli\n"
        "try: edgehands.cli.main()\n"
        f"finally: print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "80"},
    )
    return done.stdout, json.loads(done.stderr.strip().splitlines()[-1].replace("'", '"'))


@pytest.mark.parametrize(
    "words", [("--version",), ("--help",), *((*c, "--help") for c in COMMANDS)]
)
def test_help_loads_nothing_heavy_and_is_whole(words: tuple[str, ...]) -> None:
    """Help took 1.2 s of CPU on a PC: every verb, OpenCV and numpy were loaded for it."""
    shown, heavy = loaded_by(*words)
    assert heavy == []
    assert shown
    _, _, commands = shown.partition("Commands:")
    assert "...\n" not in commands
    for odd in ("<int", "<str", "<path", "<float", "<list", "INTEGER", "TEXT RANGE"):
        assert odd not in shown, shown


def test_the_list_of_commands_has_a_whole_line_for_each() -> None:
    """Summaries that end in three dots say nothing."""
    shown, _ = loaded_by("--help")
    for name, verb in VERBS.items():
        assert f"{name:<13}  {verb.summary}\n" in shown


def test_help_names_the_limits_that_are_in_force() -> None:
    """Formats and limits stand in the help as text, because looking them up would load numpy."""
    checkerboard, _ = loaded_by("cameras", "checkerboard", "--help")
    for word in (*FORMATS, *PAPERS):
        assert word in checkerboard
    calibrate, _ = loaded_by("cameras", "calibrate", "--help")
    assert f"{MIN_VIEWS}<=x" in calibrate


def test_python_dash_m_is_the_same_command() -> None:
    """In an environment that isn't on the path, python -m edgehands is what people type."""
    words = [sys.executable, "-m", "edgehands", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"edgehands {edgehands.__version__}"


@pytest.mark.parametrize(
    ("line", "offered"), [("edgehands tr", "track"), ("edgehands run --mo", "--model")]
)
def test_a_shell_completes_commands_and_options(line: str, offered: str) -> None:
    """The package installs completion for bash, zsh and fish; all ask the command itself."""
    done = run(
        env={
            "_EDGEHANDS_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
        }
    )
    assert offered in done.stdout.split()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("track", "x", "--max-hands", "0"), "'--max-hands': 0 is not in the range 1<=x<=8"),
        (("run", "--model", "big"), "'big' is not one of 'lite', 'full'"),
        (("run", "--source", "nothing.mp4", "--mqtt", "ftp://x"), "mqtt.url"),
        (("nonsense",), "no such command 'nonsense'"),
        (("check", "--config", "/"), "/ is a folder: give the path of a configuration file"),
        (("synth", "x.txt", "--clip", "slow"), "x.txt: --clip makes a video"),
        (("synth", "x.txt"), "x.txt looks like a file: give a folder"),
        (("synth", "x.mp4", "--clip", "none"), "clip 'none': unknown"),
    ],
)
def test_wrong_words_get_one_line_and_exit_2(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """A mistake gets value, limit and remedy in one line, and leaves nothing behind."""
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in one_line(done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_an_address_without_a_camera(tmp_path: Path) -> None:
    """A camera that doesn't respond is reported, without its password; other inputs go on."""
    done = run("track", "http://me:secret@127.0.0.1:9/video", cwd=tmp_path)
    assert done.returncode == 1
    assert "127.0.0.1:9/video: can't be opened (Connection refused)" in one_line(done.stderr)
    assert "secret" not in done.stderr
    assert "1 input failed" in done.stderr


def test_a_wrong_source_is_told_before_models_are_loaded(tmp_path: Path) -> None:
    """On a Pi the models take seconds; a typing error in --source doesn't need them."""
    env = {"EDGEHANDS_MODELS": str(tmp_path)}  # no models there: loading them would be the error
    done = run("run", "--source", "bogus", env=env)
    assert done.returncode == 1
    assert one_line(done.stderr) == "edgehands: bogus: no such file or folder: check the path"


def test_track_says_the_gesture_and_nothing_else_on_stderr(tmp_path: Path) -> None:
    """The line for people names the gesture; the runtime's greeting isn't ours to print."""
    picture = tmp_path / "stills"
    assert run("synth", picture, "--count", 1, "--gesture", "victory", "--seed", 3).returncode == 0
    done = run("track", picture / "000000.png")
    assert ", victory, wrist at " in done.stdout
    assert done.stderr.splitlines() == ["1 frame, 1 hand"]


def test_gestures_can_be_tried_before_any_is_taught(tmp_path: Path) -> None:
    """A newcomer's first question is what the camera makes of a hand."""
    taught = tmp_path / "taught.json"
    stills = tmp_path / "stills"
    run("synth", stills, "--count", 1, "--gesture", "victory", "--seed", 3)
    done = run("gestures", "test", stills / "000000.png", "--file", taught, "--json")
    row = json.loads(done.stdout)
    assert row["gesture"] == "victory"
    assert (row["nearest"], row["distance"]) == ("", None)


def test_a_gesture_name_is_checked_before_the_poses(tmp_path: Path) -> None:
    """Nobody wants to hold five poses to learn that the name has a space in it."""
    picture = save(tmp_path / "a.png", frame())  # no hand: reading it would be another error
    done = run("gestures", "teach", "Bad Name", picture, "--file", tmp_path / "taught.json")
    assert "use 1 to 32 of" in one_line(done.stderr)


def test_the_options_of_run_reach_the_service(tmp_path: Path) -> None:
    """--model and --max-hands must win over the file, and a password must not show in ps."""
    options = RunOptions(
        config=str(tmp_path / "x.toml"), settings={"tracking.max_hands": 1}, verbose=True
    )
    environment = options.to_environment()
    assert RunOptions.take(environment) == options
    assert environment == {}
    settings = tmp_path / "edgehands.toml"
    settings.write_text('[tracking]\nmodel = "full"\n')
    code = (
        "import edgehands.service.serve as s, edgehands.service.__main__ as m\n"
        "s.serve = lambda config: print(config.tracking.model, config.tracking.max_hands)\n"
        "m.main()"
    )
    options = RunOptions(
        config=str(settings), settings={"tracking.model": "lite", "tracking.max_hands": 1}
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **options.to_environment()},
    )
    assert done.stdout.split() == ["lite", "1"]


def test_run_hands_its_options_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that runs for years is started with all that was asked for."""
    handed: list[tuple[list[str], dict[str, str]]] = []

    def execve(_path: str, words: list[str], environment: dict[str, str]) -> None:
        handed.append((words, environment))

    monkeypatch.setattr(os, "execve", execve)
    words = ["run", "--mqtt", "mqtt://u:secret@h", "--model", "lite", "--max-hands", "1", "--debug"]
    with pytest.raises(SystemExit):
        edgehands.cli.main(words)
    ((started, environment),) = handed
    assert started[-2:] == ["-m", "edgehands.service"]
    assert RunOptions.take(environment) == RunOptions(
        settings={
            "camera.source": None,
            "mqtt.url": "mqtt://u:secret@h",
            "tracking.model": "lite",
            "tracking.max_hands": 1,
        },
        debug=True,
    )


def test_one_is_singular() -> None:
    """The line "1 frames" would look careless."""
    assert [counted(n, "frame") for n in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
    assert counted(2, "entry", "entries") == "2 entries"
