"""The examples, each run by what it is made for, with a real broker."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from edgehands.config import PublishConfig
from edgehands.gestures.events import EventType, GestureEvent
from edgehands.hand import Handedness
from edgehands.mqtt.contract.channels import CHANNELS
from tests.documented_broker import login
from tests.example_programs import CACHE, EXAMPLES, ROOT, npm, publishing
from tests.mqtt_hands import config_for, make_hand
from tools.common.mosquitto import Listener, Mosquitto, free_port, listens
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page as Tab

    from tests.conftest import MakeBroker

pytestmark = pytest.mark.broker

NODE_RED = "4.1.8"
ESPHOME = "2026.6.5"


@pytest.mark.parametrize("example", ["python_client.py", "presence.sh"])
def test_the_programs_say_what_is_seen(broker: Mosquitto, example: str) -> None:
    """Without it: the first thing that a newcomer tries would fail."""
    path = EXAMPLES / example
    command, expected = {
        "python_client.py": (
            [sys.executable, "-u", str(path), broker.url],
            "node: right hand 3 at",
        ),
        "presence.sh": (["sh", str(path), "127.0.0.1", str(broker.port)], "presence ON"),
    }[example]
    with (
        publishing(config_for(broker.url)),
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process,
    ):
        assert process.stdout is not None
        # Without a line it would hang here, so it is ended all the same.
        timer = threading.Timer(30, process.kill)
        timer.start()
        try:
            assert any(expected in line for line in process.stdout)
        finally:
            timer.cancel()
            process.kill()


_POINT = """([x, y]) => {
  const canvas = document.querySelector("canvas");
  const at = canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data;
  return [...at];
}"""


@pytest.mark.parametrize("compact", [False, True])
def test_the_page_draws_hands(
    make_broker: MakeBroker, examples_site: str, examples_tab: Tab, *, compact: bool
) -> None:
    """Without it: who starts from the page would see an empty one."""
    web = free_port()
    broker = make_broker("allow_anonymous true", f"listener {web} 127.0.0.1", "protocol websockets")
    assert wait_for(lambda: listens(web))
    config = config_for(broker.url)
    if compact:
        config = type(config)(
            node=config.node, mqtt=config.mqtt, publish=PublishConfig(compact=True)
        )
    with publishing(config):
        examples_tab.goto(
            f"{examples_site}?url=ws://127.0.0.1:{web}{'&compact' if compact else ''}"
        )
        examples_tab.get_by_text("node/main: right 3 open_palm").wait_for()
        hand = make_hand(3)
        for x, y, _ in hand.landmarks[[0, 8, 20]]:
            if 6 < x < 634 and 6 < y < 474:
                assert examples_tab.evaluate(_POINT, [float(x) / 640, float(y) / 480])[3] == 255
    # The node has left: nothing may stay drawn.
    examples_tab.get_by_text("node/main: no hand").wait_for()
    x, y, _ = hand.landmarks[8]
    assert examples_tab.evaluate(_POINT, [float(x) / 640, float(y) / 480])[3] == 0


def test_the_page_comes_through_the_documented_security(
    fortress: Mosquitto,
    web_port: int,
    examples_site: str,
    examples_tab: Tab,
) -> None:
    """Without it: whoever secures the broker as the guide says would lose the page."""
    config = config_for(fortress.url)
    kitchen = type(config)(node=type(config.node)(name="kitchen"), mqtt=login(fortress, "kitchen"))
    with publishing(kitchen):
        examples_tab.goto(examples_site)
        examples_tab.get_by_label("broker").fill(f"wss://127.0.0.1:{web_port}")
        examples_tab.get_by_label("node").fill("kitchen")
        examples_tab.get_by_label("user").fill("viewer")
        examples_tab.get_by_label("password").fill("viewer-pw")
        examples_tab.get_by_role("button", name="Connect").click()
        examples_tab.get_by_text("kitchen/main: right 3 open_palm").wait_for()


@contextmanager
def node_red(folder: Path, broker: Mosquitto) -> Iterator[Path]:
    """Node-RED with our flow, told of the test's broker; gives its log."""
    program = npm("node-red", NODE_RED) / "red.js"
    flow = json.loads((EXAMPLES / "node-red.json").read_text())
    for node in flow:
        if node["type"] == "mqtt-broker":
            node.update(broker="127.0.0.1", port=str(broker.port))
    (folder / "flows.json").write_text(json.dumps(flow))
    (folder / "settings.js").write_text("module.exports = { flowFile: 'flows.json' };")
    log = folder / "log"
    command = ["node", str(program), "--userDir", str(folder), "-p", str(free_port())]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield log
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow("Node-RED takes its time to start")
def test_the_node_red_flow_switches_the_lamp(broker: Mosquitto, tmp_path: Path) -> None:
    """Without it: an imported flow would do nothing."""
    npm("node-red", NODE_RED)  # before anything runs: the first time it is installed
    swipes = [
        GestureEvent(kind, 3, Handedness.RIGHT, t=0.0)
        for kind in (EventType.SWIPE_RIGHT, EventType.SWIPE_LEFT)
    ]
    with (
        Listener(broker.port) as listener,
        publishing(config_for(broker.url), *swipes),
        node_red(tmp_path, broker) as log,
    ):
        assert wait_for(lambda: len(listener.on("home/lamp/set")) >= 2, 60), log.read_text()
    assert set(listener.on("home/lamp/set")) == {b"ON", b"OFF"}


@functools.cache
def esphome() -> Path:
    """ESPHome in an environment of its own in .cache; installed if the network allows it."""
    place = CACHE / f"esphome-{ESPHOME}"
    program = place / "bin" / "esphome"
    if not (place / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        done = subprocess.run(
            [str(place / "bin" / "python"), "-m", "pip", "install", "-q", f"esphome=={ESPHOME}"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PIP_CACHE_DIR": str(CACHE / "pip")},
        )
        if done.returncode:
            pytest.skip(f"esphome can't be installed: {done.stderr.strip().splitlines()[-1:]}")
        (place / "done").touch()
    return program


@pytest.mark.home_assistant  # 220 MB to install: not with every run
def test_esphome_takes_the_configuration(tmp_path: Path) -> None:
    """Without it: who copies it would first have to correct it."""
    shutil.copy(EXAMPLES / "esphome.yaml", tmp_path)
    (tmp_path / "secrets.yaml").write_text("wifi_ssid: home\nwifi_password: not a secret\n")
    done = subprocess.run(
        [str(esphome()), "config", "esphome.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    topics = [line.split(": ", 1)[1] for line in done.stdout.splitlines() if "topic: edge" in line]
    assert len(topics) == 3


def test_the_examples_name_only_what_nodes_publish() -> None:
    """Without it: an example would wait forever for a topic or an event that doesn't exist."""
    patterns = [
        re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(c.address))
        for c in CHANNELS
        if c.direction == "out"
    ]
    found = 0
    for path in (EXAMPLES / "esphome.yaml", EXAMPLES / "node-red.json", EXAMPLES / "presence.sh"):
        text = path.read_text()
        for topic in re.findall(r"edgehands/[\w+/]+", text):
            assert any(re.fullmatch(pattern, topic) for pattern in patterns), topic
            found += 1
        for name in re.findall(r"swipe_\w+", text):
            assert name in {kind.value for kind in EventType}
    assert found == 6


def test_the_guide_names_every_example() -> None:
    """Without it: an example could be missing from the list and never be found."""
    guide = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.rglob("*"):
        if path.is_file() and path.name != "README.md":
            assert str(path.relative_to(EXAMPLES)) in guide, path
