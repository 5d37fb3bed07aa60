"""From a downloaded image to landmarks: the card is made, and an emulated board started with it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.emulated.card import Board, boot_file, stock_image
from tests.emulated.debian import ROOT, build_package, needs, runs_arm64
from tests.mosquitto import Mosquitto

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated.conftest import Note

pytestmark = needs(
    "mmdebstrap", "qemu-system-aarch64", "mkfs.vfat", "mkfs.ext4", "mcopy", "mosquitto"
)

SETTINGS = """\
[camera]
source = "demo:"
[mqtt]
url = "mqtt://10.0.2.2:{port}"
"""
"""What a person writes into edgehands.toml; 10.0.2.2 is this machine, seen from the board."""

LONGEST_S = 2400.0
"""An emulated board is some 20 times slower than a Pi 4."""


@dataclass
class Heard:
    """What came out over MQTT, and when: seconds since the board was switched on."""

    since: float
    at: dict[str, float] = field(default_factory=dict)
    payloads: dict[str, bytes] = field(default_factory=dict)

    def take(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        """Keep a topic's first message, and of ``hands`` the first with a hand in it."""
        payload = bytes(message.payload)
        topic = message.topic.split("/", 2)[-1]
        if topic.endswith("/hands") and b'"hands":[]' in payload:
            topic = "frames"
        self.at.setdefault(topic, time.monotonic() - self.since)
        self.payloads.setdefault(message.topic, payload)
        self.payloads.setdefault(topic, payload)


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_card_to_landmarks(suite: str, tmp_path: Path, note: Note) -> None:
    """Somebody would sit before a Pi that does nothing, and not know why."""
    if not runs_arm64():
        pytest.skip("programs for arm64 don't run here: apt install qemu-user-static")
    image = stock_image(suite)
    broker = Mosquitto(tmp_path).start()
    try:
        card = treated(image, tmp_path, SETTINGS.format(port=broker.port))
        started = time.monotonic()
        heard = Heard(started)
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_message = heard.take
        client.connect("127.0.0.1", broker.port)
        client.subscribe("edgehands/#", qos=1)
        client.loop_start()
        if suite == "bookworm":
            first_run(card, tmp_path, note)
        with Board(card, suite, tmp_path / "console.txt") as board:
            wanted = {"status", "info", "camera/main/hands"}
            while not wanted <= heard.at.keys():
                screen = (tmp_path / "console.txt").read_text(errors="replace")
                late = time.monotonic() - started > LONGEST_S
                assert board.is_on(), screen[-3000:]
                assert not late, f"{sorted(heard.at)}\n{screen[-3000:]}"
                time.sleep(0.5)
        client.loop_stop()
    finally:
        broker.stop()

    for topic in ("status", "info", "camera/main/hands"):
        note(f"{suite.capitalize()} arm64, first boot, to `{topic}`", "received", heard.at[topic])
    node = "kitchen" if suite == "trixie" else "raspberrypi"
    assert heard.payloads[f"edgehands/{node}/status"] == b"online"
    info = json.loads(heard.payloads["info"])
    assert "aarch64" in json.dumps(info) or "arm64" in json.dumps(info), info
    (hand, *_) = json.loads(heard.payloads["camera/main/hands"])["hands"]
    assert len(hand["landmarks"]) == 21


def first_run(card: Path, folder: Path, note: Note) -> None:
    """Bookworm's first start, that only runs our script and starts again."""
    before = boot_file(card, "cmdline.txt")
    assert "systemd.run=" in before
    started = time.monotonic()
    with Board(card, "bookworm", folder / "first-run.txt") as board:
        assert board.wait_until_off(LONGEST_S), (folder / "first-run.txt").read_text()[-3000:]
    assert "systemd.run=" not in boot_file(card, "cmdline.txt")
    note("Bookworm arm64, first run of `firstrun.sh`", "restarts", time.monotonic() - started)


def treated(image: Path, folder: Path, settings: str) -> Path:
    """Build the package, and with it the image that a person would write to a card."""
    package = build_package(folder, "arm64")
    (folder / "my.toml").write_text(settings)
    done = subprocess.run(
        [
            sys.executable, str(ROOT / "scripts" / "build_image"), str(image), "--plain",
            "--deb", str(package), "--config", str(folder / "my.toml"), "--out", str(folder),
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / f"edgehands-{image.name}"
