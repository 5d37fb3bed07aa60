"""A newcomer's walk: every command and snippet of README and of the getting started pages.

Each is run here, or another test runs it, or it is named with the reason why nobody can run it
here. A command that is new in those pages fails the first test until it is one of these.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.config import load
from edgehands.mqtt.broker.oneshot import publish_once
from edgehands.mqtt.contract.messages import encode, hands_message
from edgehands.synthetic import write_random_stills
from tests.example_programs import publishing
from tests.mqtt_hands import config_for, make_frame, make_hand
from tests.named_tests import text_of
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from tools.common.mosquitto import Mosquitto

pytestmark = pytest.mark.broker

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "docs/raspberry-pi.md",
    "docs/python.md",
    "docs/home-assistant.md",
    "docs/osc.md",
    "examples/README.md",
)

HERE = "run here"
FRESH = "tests/emulated/test_fresh_machine.py"
ELSEWHERE = {
    r"\./scripts/demo\b": (f"{FRESH}::test_demo_sets_itself_up", "./scripts/demo"),
    r"\./scripts/test\b": (f"{FRESH}::test_tests_pass", "./scripts/test"),
    r"venv/bin/edgehands --help": (
        "tests/test_cli_help.py::test_help_loads_nothing_heavy_and_is_whole",
        "--help",
    ),
    r"edgehands run\b": (
        "tests/test_service_process.py::test_the_service_publishes_and_ends_cleanly_on_a_signal",
        '"run"',
    ),
    r"edgehands synth ": ("tests/test_synthetic_cli.py::test_stills_come_from_the_seed", '"synth"'),
    r"edgehands bench\b": ("tests/test_cli.py::test_bench_measures", '"bench"'),
    r"edgehands homeassistant remove": (
        "tests/test_mqtt_discovery.py::test_the_command_removes_a_node_and_says_so",
        '"remove"',
    ),
    r"edgehands bridge osc": (
        "tests/test_bridge_osc.py::test_the_command_passes_on_what_a_node_publishes",
        '"osc"',
    ),
    r"scripts/build_deb": (
        "tests/emulated/test_service_boot.py::test_becomes_active_and_publishes",
        "build_deb",
    ),
    r"scripts/prepare_sd": ("tests/test_sd_card.py::test_card_gets_everything", "prepare_sd"),
    r"scripts/build_image": ("tests/test_sd_card.py::test_image", "build_image"),
    r"sh presence\.sh": (
        "tests/test_examples.py::test_the_programs_say_what_is_seen",
        "presence.sh",
    ),
    r"python python_client\.py": (
        "tests/test_examples.py::test_the_programs_say_what_is_seen",
        "python_client.py",
    ),
    r"alias: Lamp on by a swipe": (
        "tests/test_home_assistant.py::test_automations_of_the_guide_run",
        "lamp_on_by_a_swipe",
    ),
}
"""Begin of a command or snippet, the test that runs it, and the word by which it does so."""

NOWHERE = {
    r"python3 -m venv venv": "downloads 200 MB; scripts/setup.sh does the same for every test",
    r"edgehands track v4l2:": "needs a camera",
    r"python scripts\\prepare_sd D:": "needs Windows",
    r"sudo dpkg -i /boot/firmware": "needs a Pi; tests/emulated installs the package",
    r"sudo (install|systemctl|mkdir|reboot)": "changes the machine that it runs on",
    r"printf '\[Manager\]": "changes the machine that it runs on",
    r"pip install 'edgehands": "edgehands isn't on the package index yet",
    r"import numpy as np\nimport supervision": "supervision brings another OpenCV: tried by hand",
}
"""Begin of a command or snippet, and why it can't be run in CI."""

RUN_HERE = (r"edgehands track photos/", r"mosquitto_sub ")


def snippets() -> list[tuple[str, str, str]]:
    """(page, language, text): each line of shell, each whole snippet of anything else."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text()
        for block in re.finditer(r"^( *)```(\w+)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
            indent, language, body = block.groups()
            body = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
            if language == "sh":
                lines = re.sub(r"\\\n\s*", " ", body).splitlines()
                found += [(page, language, cut) for line in lines if (cut := _command(line))]
            else:
                found.append((page, language, body))
    return found


def _command(line: str) -> str:
    """A shell's line without its comment."""
    return re.split(r"(?:^|\s)#\s", line, maxsplit=1)[0].strip()


def how(language: str, text: str) -> str:
    """Where a snippet is run, or why it isn't; empty where nobody has said."""
    tests = {start: test for start, (test, _) in ELSEWHERE.items()}
    places = tests | NOWHERE | dict.fromkeys(RUN_HERE, HERE)
    said = next((place for start, place in places.items() if re.match(start, text)), "")
    return said or (HERE if language in {"toml", "python"} else "")


def test_every_command_and_snippet_is_run_or_says_why_not() -> None:
    """A page for beginners whose first command fails loses them."""
    assert not [(page, text) for page, language, text in snippets() if not how(language, text)]
    texts = [text for _, _, text in snippets()]
    for start in (*ELSEWHERE, *NOWHERE, *RUN_HERE):
        assert [text for text in texts if re.match(start, text)], f"no page has {start} any more"


@pytest.mark.parametrize(("test", "word"), sorted(set(ELSEWHERE.values())))
def test_what_is_run_elsewhere_is_run_there(test: str, word: str) -> None:
    """A table that names a test which never runs the command would promise what nobody checks."""
    assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text_of(test)), (test, word)


def test_a_test_that_is_not_there_is_noticed() -> None:
    """The check above must be able to fail."""
    for named in ("tests/test_cli.py", "tests/test_cli.py::test_nothing", "tests/no.py::test_a"):
        with pytest.raises(LookupError):
            text_of(named)
    assert "osc" not in text_of("tests/test_cli.py::test_bench_measures")


def test_settings_that_are_shown_are_settings(tmp_path: Path) -> None:
    """What is copied into edgehands.toml must be accepted."""
    for page, language, text in snippets():
        if language == "toml":
            tomllib.loads(text)
            file = tmp_path / "edgehands.toml"
            file.write_text(text)
            assert load([file], env={}), page


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos/ and clip.mp4."""
    folder = tmp_path_factory.mktemp("newcomer")
    write_random_stills(folder / "photos", 2, seed=3)
    image = cv2.imread(str(folder / "photos" / "000000.png"))
    assert image is not None
    size = (image.shape[1], image.shape[0])
    clip = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, size)
    for _ in range(5):
        clip.write(image)
    clip.release()
    return folder


TRACK = sorted({t for _, _, t in snippets() if t.startswith("edgehands track photos/")})


@pytest.mark.parametrize("command", TRACK)
def test_photos_and_videos(command: str, pictures: Path) -> None:
    """The first thing users try with their own pictures."""
    words = [sys.executable, "-m", "edgehands", *command.split()[1:]]
    done = subprocess.run(
        words, cwd=pictures, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hand" in done.stdout + done.stderr
    if "--overlay drawn/" in command:
        assert list((pictures / "drawn").iterdir())


SUBSCRIBED = sorted({t for _, _, t in snippets() if t.startswith("mosquitto_sub ")})


@pytest.mark.parametrize("command", SUBSCRIBED)
def test_looking_at_everything(command: str, broker: Mosquitto) -> None:
    """The line that every page ends with."""
    program = shutil.which("mosquitto_sub")
    if program is None:
        pytest.skip("mosquitto_sub isn't here: apt-get install mosquitto-clients")
    publish_once(config_for(broker.url).mqtt, [("edgehands/pi/status", b"online")])
    topics = re.findall(r"-t '([^']+)'", command)
    words = [program, "-h", "127.0.0.1", "-p", str(broker.port), "-v", "-C", "1", "-W", "10"]
    for topic in topics:
        words += ["-t", topic]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "edgehands/pi/status online\n"


PYTHON = [t for _, language, t in snippets() if language == "python"]
LISTENING = [t for t in PYTHON if "hub" in t or "localhost" in t]
TRACKING = [t for t in PYTHON if t not in LISTENING and "supervision" not in t]


@pytest.mark.parametrize("number", range(len(LISTENING)))
def test_python_that_listens(number: int, broker: Mosquitto, tmp_path: Path) -> None:
    """Copied as it stands, with the address of one's own broker."""
    text = LISTENING[number].replace(
        'hostname="localhost"', f'hostname="127.0.0.1", port={broker.port}'
    )
    text = re.sub(r"mqtt://(hub|localhost)", broker.url, text)
    log = tmp_path / "log"
    with log.open("wb") as out, publishing(config_for(broker.url)):
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", text], stdin=subprocess.PIPE, stdout=out, stderr=out,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        try:
            assert wait_for(lambda: log.read_text().count("right") > 3, 20), log.read_text()
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("number", range(len(TRACKING)))
def test_python_that_tracks(
    number: int, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copied as it stands, with frames of one's own."""
    image = cv2.imread(str(pictures / "photos" / "000000.png"))
    assert image is not None
    frames = [np.ascontiguousarray(image[:, :, ::-1])] * 2
    hands = [make_hand(1), make_hand(2)]
    names: dict[str, object] = {"frames": frames, "hands": hands}
    exec(TRACKING[number], names)  # noqa: S102 - our own documents
    if "json.dumps" in TRACKING[number]:
        assert json.loads(capsys.readouterr().out)[0]["id"] == 1
    elif "points" in names:
        assert getattr(names["points"], "shape", None) == (2, 21, 3)
    else:
        assert re.search(r"\b(left|right)\b", capsys.readouterr().out)


def test_a_message_has_what_the_pages_say_of_it() -> None:
    """The pages read ["hands"], ["id"], ["handedness"] and ["landmarks"][8]."""
    message = json.loads(encode(hands_message(make_frame(make_hand(1)), 0.0)))
    (hand,) = message["hands"]
    assert {"id", "handedness", "landmarks"} <= set(hand)
    assert len(hand["landmarks"][8]) == 3
