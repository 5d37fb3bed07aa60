"""One whole session of a real service, recorded at a real broker, against the written contract."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgehands.mqtt.contract.channels import CHANNELS
from edgehands.mqtt.contract.reading import check_message
from edgehands.mqtt.contract.request_messages import VERBS
from tests.test_service_process import Asker, service
from tools.common.mosquitto import Listener, Mosquitto
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.broker

ROOT = Path(__file__).resolve().parents[1]
NODE = "edgehands/pi"
ENV = {
    "EDGEHANDS_NODE__NAME": "pi",
    "EDGEHANDS_CAMERA__LOOP": "true",
    "EDGEHANDS_PUBLISH__COMPACT": "true",
    "EDGEHANDS_PREVIEW__IMAGES": "true",
}
KEYS: dict[str, dict[str, Any]] = {"gestures": {"action": "list"}, "set": {"max_hands": 1}}


@pytest.fixture
def running(
    broker: Mosquitto,
    folder: Path,
    tmp_path: Path,
) -> Iterator[tuple[Asker, subprocess.Popen[bytes]]]:
    """A service on two pictures with a hand, and somebody who hears all and asks."""
    arguments = ("--source", f"dir:{folder}", "--mqtt", broker.url)
    log = tmp_path / "log"
    with Listener(broker.port) as listener, service(*arguments, log=log, **ENV) as process:
        assert wait_for(lambda: listener.on("/hands"), 30), log.read_text()
        yield Asker(broker, listener), process


@pytest.mark.slow("statistics come every ten seconds")
def test_everything_that_a_whole_session_publishes_is_what_the_contract_says(
    running: tuple[Asker, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Without it: a reader made from our schemas would stumble over what a node really sends."""
    jsonschema = pytest.importorskip("jsonschema", reason="pip install jsonschema")
    asker, process = running
    heard = asker.listener
    asker.send("edgehands/pi/camera/main/enabled/set", "OFF")
    assert wait_for(lambda: heard.last("camera/main/status") == b"disabled")
    asker.send("edgehands/pi/camera/main/enabled/set", "ON")
    assert wait_for(lambda: heard.last("camera/main/status") == b"online")
    # A picture can be had from the first frame on.
    before = len(heard.on("/hands"))
    assert wait_for(lambda: len(heard.on("/hands")) > before)
    for verb in VERBS:
        asker.ask(verb, **KEYS.get(verb, {}))
    asker.ask("set", max_hands=99)
    asker.ask("nonsense")
    # Statistics come every 10 seconds; what is wrong with a card's settings is said before a start.
    tell_a_problem(asker.port, tmp_path)
    assert wait_for(lambda: heard.on("pi/stats"), 15)
    process.send_signal(signal.SIGTERM)
    process.wait(5)
    assert wait_for(lambda: heard.last("pi/status") == b"offline")

    validators = {
        path.name.partition(".")[0]: jsonschema.Draft202012Validator(json.loads(path.read_text()))
        for path in (ROOT / "docs" / "schemas").glob("*.json")
    }
    seen = set()
    for message in heard.heard:
        if not message.topic.startswith("edgehands/"):
            continue
        if "/request/" in message.topic or message.topic.endswith("/set"):
            continue
        channel = check_message(message.topic, message.payload).channel
        seen.add(channel.name)
        if channel.name in validators:
            validators[channel.name].validate(json.loads(message.payload))
    assert seen == {channel.name for channel in CHANNELS if channel.direction == "out"} - {
        "ownResponse"
    }
    answered = {
        message.topic.rpartition("/")[2] for message in heard.heard if "/resp" in message.topic
    }
    assert answered == {*VERBS, "nonsense"}


def tell_a_problem(port: int, place: Path) -> None:
    """Let the start of a device find a mistake in the settings on its card."""
    card = place / "card"
    card.mkdir()
    good = f'[node]\nname = "pi"\n[mqtt]\nurl = "mqtt://127.0.0.1:{port}"\n'
    (card / "edgehands.toml").write_text(f"{good}[tracking]\nmax_hands = 99\n")
    script = ROOT / "systemd" / "edgehands-settings"
    done = subprocess.run(
        [sys.executable, str(script), str(card), str(place / "etc")],
        check=False,
        capture_output=True,
    )
    assert done.returncode == 1, done.stderr


@pytest.mark.skipif(shutil.which("mosquitto_rr") is None, reason="mosquitto-clients isn't here")
def test_mosquitto_rr_gets_its_answer_on_its_own_topic(
    running: tuple[Asker, subprocess.Popen[bytes]],
) -> None:
    """Without it: request and response as MQTT 5 means them would not work with other programs."""
    asker, _ = running
    command = ["mosquitto_rr", "-V", "5", "-p", str(asker.port), "-q", "1", "-W", "5"]
    question = ["-t", f"{NODE}/request/health", "-e", f"{NODE}/response/health/me"]
    more = ["-m", '{"transaction": 7}', "-D", "publish", "correlation-data", "abc"]
    done = subprocess.run(
        [*command, *question, *more, "-F", "%D %p"], capture_output=True, text=True, check=True
    )
    correlation, _, payload = done.stdout.strip().partition(" ")
    assert correlation == "abc"
    answer = json.loads(payload)
    assert (answer["status"], answer["transaction"]) == ("ok", 7)
    assert answer["data"]["health"] == "good"
    assert asker.listener.on("response/health") == []
