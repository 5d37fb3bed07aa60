"""What is told about settings with mistakes: on the console, beside the file, over MQTT."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tools.common.mosquitto import PROGRAM, Mosquitto
from tools.common.waiting import wait_for

SCRIPT = Path(__file__).resolve().parent.parent / "systemd" / "edgehands-settings"


def run(card: Path, etc: Path) -> subprocess.CompletedProcess[str]:
    """Run it as its unit does."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("EDGEHANDS_")}
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(card), str(etc)],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env=env | {"STATE_DIRECTORY": str(etc / "state")},
    )


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The card's boot partition and /etc/edgehands."""
    card, etc = tmp_path / "card", tmp_path / "etc"
    card.mkdir()
    etc.mkdir()
    return card, etc


def test_good_settings_write_nothing(folders: tuple[Path, Path]) -> None:
    """Every boot would wear the card."""
    card, etc = folders
    (card / "edgehands.toml").write_text("[camera]\nfps = 15.0\n")
    done = run(card, etc)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert [file.name for file in card.iterdir()] == ["edgehands.toml"]


@pytest.mark.broker
@pytest.mark.skipif(PROGRAM is None, reason="mosquitto isn't here")
@pytest.mark.parametrize(
    "mistake", ["[camera]\nfsp = 15.0\n", "[camera]\nfps = fast\n", "[tracking]\nmax_hands = 99\n"]
)
def test_mistake_is_told_everywhere_and_taken_back(
    folders: tuple[Path, Path], tmp_path: Path, mistake: str
) -> None:
    """Whoever mistypes a setting would have a device that is silent and doesn't say why."""
    card, etc = folders
    with Mosquitto(tmp_path) as broker:
        good = f'[node]\nname = "kitchen"\n[mqtt]\nurl = "{broker.url}"\n'
        (card / "edgehands.toml").write_text(good + mistake)
        done = run(card, etc)
        assert done.returncode == 1
        message = done.stderr.splitlines()[0].removeprefix("edgehands: ")
        told = (card / "edgehands-errors.txt").read_text()
        assert message
        assert message in told
        assert retained(broker, "edgehands/kitchen/problem") == message

        (card / "edgehands.toml").write_text(good)
        assert run(card, etc).returncode == 0
        assert not (card / "edgehands-errors.txt").exists()
        assert retained(broker, "edgehands/kitchen/problem") is None


def retained(broker: Mosquitto, topic: str) -> str | None:
    """What the broker keeps for a topic."""
    kept: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: kept.append(message.payload.decode())
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        subscribed = wait_for(client.is_connected)
        assert subscribed
        client.subscribe(topic, qos=1)
        wait_for(lambda: kept, 1.0)
    finally:
        client.disconnect()
        client.loop_stop()
    return kept[0] if kept else None
