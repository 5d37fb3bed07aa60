"""From a downloaded image to landmarks: the card is made, and an emulated board started with it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.emulated.card import Board, boot_file, put_back, stock_image, take_out
from tests.emulated.debian import build_package, needs, runs_arm64
from tools import ROOT
from tools.common.mosquitto import Mosquitto

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated.conftest import Note

pytestmark = needs(
    "mmdebstrap", "qemu-system-aarch64", "mkfs.vfat", "mkfs.ext4", "mcopy", "mosquitto"
)

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
        pytest.skip("programs for arm64 don't run here: apt install qemu-user-static arch-test")
    image = stock_image(suite)
    broker = Mosquitto(tmp_path).start()
    try:
        # 10.0.2.2 is this machine, seen from the board.
        url = f'"mqtt://10.0.2.2:{broker.port}"'
        settings = {"camera.source": '"demo:"', "tracking.model": '"lite"', "mqtt.url": url}
        make = written_image if suite == "trixie" else prepared_card
        card = make(image, build_package(tmp_path, "arm64", suite), tmp_path, settings)
        started = time.monotonic()
        heard = Heard(started)
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_message = heard.take
        client.connect("127.0.0.1", broker.port)
        client.subscribe("edgehands/#", qos=1)
        client.loop_start()
        if suite == "bookworm":
            first_run(card, tmp_path, note)
        with Board(card, tmp_path / "console.txt") as board:
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
    with Board(card, folder / "first-run.txt") as board:
        assert board.wait_until_off(LONGEST_S), (folder / "first-run.txt").read_text()[-3000:]
    assert "systemd.run=" not in boot_file(card, "cmdline.txt")
    note("Bookworm arm64, first run of `firstrun.sh`", "restarts", time.monotonic() - started)


def written_image(image: Path, package: Path, folder: Path, settings: dict[str, str]) -> Path:
    """Way 2 of docs/raspberry-pi.md: build the image that a person would write to a card."""
    tables = (f"[{key.split('.')[0]}]\n{key.split('.')[1]} = {settings[key]}\n" for key in settings)
    (folder / "my.toml").write_text("".join(tables))
    script(
        "build_image", str(image), "--plain", "--deb", str(package),
        "--config", str(folder / "my.toml"), "--out", str(folder),
    )  # fmt: skip
    return folder / f"edgehands-{image.name}"


def prepared_card(image: Path, package: Path, folder: Path, settings: dict[str, str]) -> Path:
    """Way 1: a card with the stock image on it, prepared, and its settings edited by hand."""
    card, drive = folder / "card.img", folder / "bootfs"
    shutil.copyfile(image, card)
    take_out(card, drive)
    said = script("prepare_sd", str(drive), "--deb", str(package))
    assert "for Raspberry Pi OS Bookworm" in said
    file = drive / "edgehands.toml"
    text = file.read_text()
    for key, value in settings.items():
        name = key.split(".")[1]
        place = text.index(f"[{key.split('.')[0]}]")
        line = text.index(f"\n#{name} = ", place) + 1
        text = text[:line] + f"{name} = {value}" + text[text.index("\n", line) :]
    file.write_text(text)
    put_back(drive, card)
    return card


def script(name: str, *arguments: str) -> str:
    """Run one of the checkout's scripts; give what it said."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
