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
from edgehands.mqtt.messages import encode, hands_message
from edgehands.mqtt.oneshot import publish_once
from edgehands.synthetic import write_random_stills
from tests.mosquitto import wait_for
from tests.mqtt_hands import config_for, make_frame, make_hand
from tests.test_examples import publishing

if TYPE_CHECKING:
    from tests.mosquitto import Mosquitto

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
ELSEWHERE = {
    r"\./scripts/(demo|test)\b": "tests/emulated/test_fresh_machine.py",
    r"python3 -m venv venv": "tests/emulated/test_fresh_machine.py",
    r"venv/bin/edgehands --help": "tests/test_cli_help.py",
    r"edgehands (run|demo|preview|watch|doctor)\b": "tests/test_service_process.py",
    r"edgehands synth ": "tests/test_synthetic_cli.py",
    r"edgehands bench\b": "tests/test_cli.py",
    r"edgehands homeassistant remove": "tests/test_mqtt_discovery.py",
    r"edgehands bridge osc": "tests/test_bridge_osc.py",
    r"scripts/build_deb": "tests/test_deb_archive.py",
    r"scripts/prepare_sd": "tests/test_sd_card.py",
    r"scripts/build_image": "tests/test_sd_card.py",
    r"sh presence\.sh|python python_client\.py": "tests/test_examples.py",
    r"alias: Lamp on by a swipe": "tests/test_home_assistant.py",
}
"""Begin of a command or snippet, and the test that runs it."""

NOWHERE = {
    r"edgehands track v4l2:": "needs a camera",
    r"python scripts\\prepare_sd D:": "needs Windows",
    r"sudo dpkg -i /boot/firmware": "needs a Pi; tests/emulated installs the package",
    r"sudo (install|systemctl|mkdir|reboot)": "changes the machine that it runs on",
    r"printf '\[Manager\]": "changes the machine that it runs on",
    r"pip install 'edgehands": "edgehands isn't on the package index yet",
    r"npm install": "changes the folder that it runs in; tests/test_examples.py installs the same",
    r"esphome run": "needs an ESP32; tests/test_examples.py validates the file",
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
    places = ELSEWHERE | NOWHERE | dict.fromkeys(RUN_HERE, HERE)
    said = next((place for start, place in places.items() if re.match(start, text)), "")
    return said or (HERE if language in {"toml", "python"} else "")


def test_every_command_and_snippet_is_run_or_says_why_not() -> None:
    """A page for beginners whose first command fails loses them."""
    assert not [(page, text) for page, language, text in snippets() if not how(language, text)]
    for place in ELSEWHERE.values():
        assert (ROOT / place).exists(), place


def test_settings_that_are_shown_are_settings(tmp_path: Path) -> None:
    """What is copied into edgehands.toml must be taken."""
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
    """The first thing that somebody tries with pictures of their own."""
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
