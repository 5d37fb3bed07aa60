"""The examples for lamps, music, robots and sketches, each run with a real broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from edgehands.gestures.events import EventType, GestureEvent
from edgehands.hand import Handedness
from tests.example_programs import EXAMPLES, ROOT, npm, publishing
from tests.mqtt_hands import config_for
from tools.common.mosquitto import free_port, listens
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page as Tab
    from playwright.sync_api import Route

    from tests.conftest import MakeBroker
    from tools.common.mosquitto import Mosquitto

pytestmark = pytest.mark.broker

STAND_INS = ROOT / "tests" / "stand_ins"
P5 = "1.9.4"
THREE = "0.170.0"


@contextmanager
def example(
    name: str, *words: str, log: Path, path: str = "", **env: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an example in a process of its own; its output goes into ``log``."""
    search = f"{STAND_INS / path}:{ROOT}" if path else str(ROOT)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / name), *words],
            stdout=out,
            stderr=out,
            env={**os.environ, "PYTHONPATH": search, "PYTHONUNBUFFERED": "1", **env},
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_lamp_follows_an_open_palm(broker: Mosquitto, tmp_path: Path) -> None:
    """Ten lines are what people copy; they run here on gpiozero's mock pins."""
    pytest.importorskip("gpiozero", reason="gpiozero isn't installed: edgehands[dev]")
    log = tmp_path / "log"
    told = tmp_path / "told.py"
    # The example itself, with a word from its pin each time that it changes.
    told.write_text(
        "import runpy, gpiozero\n"
        "class Told(gpiozero.LED):\n"
        "    def __setattr__(self, name, value):\n"
        "        super().__setattr__(name, value)\n"
        "        if name == 'value': print('pin', self.pin.state, flush=True)\n"
        "gpiozero.LED = Told\n"
        f"runpy.run_path({str(EXAMPLES / 'led.py')!r}, run_name='__main__')\n"
    )
    with (
        publishing(config_for(broker.url)),
        example(str(told), broker.url, log=log, GPIOZERO_PIN_FACTORY="mock"),
    ):
        assert wait_for(lambda: "pin True" in log.read_text(), 20), log.read_text()
    assert "Traceback" not in log.read_text()


def test_hands_are_heard_as_midi(broker: Mosquitto, tmp_path: Path) -> None:
    """Height is the modulation wheel, a pinch bends, a fist is a note."""
    log = tmp_path / "log"
    fist = [
        GestureEvent(kind, 3, Handedness.RIGHT, t=0.0, gesture="fist")
        for kind in (EventType.GESTURE_STARTED, EventType.GESTURE_ENDED)
    ]
    with (
        publishing(config_for(broker.url), *fist),
        example("midi.py", broker.url, "synth", log=log, path="midi"),
    ):
        assert wait_for(lambda: "note_off channel=1 note=60" in log.read_text(), 20)
    said = log.read_text()
    assert "control_change channel=1 control=1 value=" in said
    assert "pitchwheel channel=1 pitch=" in said
    assert "note_on channel=1 note=60 velocity=100" in said
    assert "Traceback" not in said


def test_hands_are_markers_in_ros2(broker: Mosquitto, tmp_path: Path) -> None:
    """With stand-ins that refuse unknown fields and wrong types; ROS 2 itself isn't here."""
    log = tmp_path / "log"
    with (
        publishing(config_for(broker.url)),
        example("ros2_hands.py", log=log, path="ros2", PARAMETER_BROKER=broker.url),
    ):
        assert wait_for(lambda: log.read_text().count("~/markers") > 3, 20), log.read_text()
    lines = [json.loads(line) for line in log.read_text().splitlines()[:-1]]
    clear, joints, bones = next(m["markers"] for topic, m in lines if topic == "~/markers")
    assert clear["action"] == 3
    assert (joints["type"], len(joints["points"])) == (7, 21)
    assert (bones["type"], len(bones["points"])) == (5, 42)
    assert joints["header"]["frame_id"] == "camera"
    assert joints["ns"] == "hand_right"


class Served:
    """Answers a request for a library with the file from npm: the very file of its address."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, route: Route) -> None:
        """Give the file."""
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(path=self._path, content_type="text/javascript", headers=headers)


@pytest.mark.parametrize("name", ["p5", "three"])
def test_a_sketch_draws_hands(
    make_broker: MakeBroker,
    examples_site: str,
    examples_tab: Tab,
    name: str,
) -> None:
    """Who starts from a sketch must see hands move, and nothing in the browser's console."""
    files = {
        f"https://unpkg.com/p5@{P5}/lib/p5.min.js": ("p5", P5, "lib/p5.min.js"),
        f"https://unpkg.com/three@{THREE}/build/three.module.min.js": (
            "three",
            THREE,
            "build/three.module.min.js",
        ),
    }
    for url, (package, version, file) in files.items():
        if package == name:
            served = Served(npm(package, version) / file)
            examples_tab.route(url, served)
    errors: list[str] = []
    examples_tab.on("pageerror", lambda error: errors.append(str(error)))
    web = free_port()
    broker = make_broker("allow_anonymous true", f"listener {web} 127.0.0.1", "protocol websockets")
    assert wait_for(lambda: listens(web))
    page = examples_site.replace("page/index.html", f"{name}/index.html")
    with publishing(config_for(broker.url)):
        examples_tab.goto(f"{page}?url=ws://127.0.0.1:{web}")
        examples_tab.locator("canvas").first.wait_for()
        if name == "three":
            examples_tab.get_by_text("hands: 1").wait_for()
        else:
            examples_tab.wait_for_function("hands.list.length === 1")
        if kept := os.environ.get("EDGEHANDS_SCREENSHOT"):
            examples_tab.wait_for_timeout(1500)
            examples_tab.screenshot(path=kept.replace(".png", f"-{name}.png"))
    assert not errors
