"""``edgehands run`` as a process of its own, with a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools.common.mosquitto import Listener, Mosquitto, retained
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]

# `-X frozen_modules` and the like stay out: this is what the console script does.
RUN = "from edgehands.cli import main; main()"


@contextmanager
def service(
    *arguments: str, log: Path, run: str = RUN, **env: str
) -> Iterator[subprocess.Popen[bytes]]:
    """``edgehands run`` with these arguments; killed at the end if it still runs."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("EDGEHANDS_")}
    environment = {**clean, "EDGEHANDS_TRACKING__BACKEND": "fake", "PYTHONPATH": str(ROOT), **env}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", run, "run", *arguments], stderr=out, env=environment, cwd=ROOT
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def hangup() -> Iterator[None]:
    """SIGHUP as usual: programs that are started under nohup inherit that it is ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.broker
@pytest.mark.usefixtures("hangup")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_service_publishes_and_ends_cleanly_on_a_signal(
    broker: Mosquitto, folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Without it: nobody would get landmarks, or a stopped service would stay 'online'."""
    log = tmp_path / "log"
    env = {"EDGEHANDS_NODE__NAME": "pi", "EDGEHANDS_CAMERA__LOOP": "true"}
    arguments = ("--source", f"dir:{folder}", "--mqtt", broker.url)
    with Listener(broker.port) as listener, service(*arguments, log=log, **env) as process:
        assert wait_for(lambda: len(listener.on("/camera/main/hands")) > 10, 20), log.read_text()
        told = retained(broker.port)
        process.send_signal(number)
        assert process.wait(5) == 0, log.read_text()
        assert wait_for(lambda: listener.last("pi/status") == b"offline")
    assert told["edgehands/pi/status"] == b"online"
    assert told["edgehands/pi/camera/main/status"] == b"online"
    assert told["edgehands/pi/camera/main/presence"] == b"ON"
    # Home Assistant's numbers and lists would be unknown until somebody changes one.
    settings = json.loads(told["edgehands/pi/camera/main/settings"])
    assert (settings["max_hands"], settings["model"], settings["enabled"]) == (2, "full", True)
    info = json.loads(told["edgehands/pi/info"])
    assert info["backend"] == "fake"
    assert len(info["models"][0]["sha256"]) == 64
    assert (info["camera"]["width"], info["camera"]["height"]) == (640, 480)
    after = retained(broker.port)
    assert after["edgehands/pi/camera/main/presence"] == b"OFF"
    assert after["edgehands/pi/camera/main/status"] == b"offline"


@pytest.mark.broker
def test_the_service_tracks_on_while_the_broker_is_away(
    broker: Mosquitto, folder: Path, tmp_path: Path
) -> None:
    """Without it: a broker's restart would stop the device."""
    log = tmp_path / "log"
    env = {"EDGEHANDS_NODE__NAME": "pi", "EDGEHANDS_CAMERA__LOOP": "true"}
    arguments = ("--source", f"dir:{folder}", "--mqtt", broker.url)
    with service(*arguments, log=log, **env) as process:
        with Listener(broker.port) as listener:
            assert wait_for(lambda: listener.on("/hands"), 20), log.read_text()
            before = json.loads(listener.on("/hands")[-1])["seq"]
        broker.kill()
        time.sleep(2.0)
        broker.start()
        with Listener(broker.port) as listener:
            assert wait_for(lambda: listener.on("/hands"), 5), log.read_text()
            first = json.loads(listener.on("/hands")[0])
        assert process.poll() is None
    assert first["seq"] - before > 45  # frames went on being processed at 30 a second


@pytest.mark.broker
def test_a_second_ctrl_c_ends_it_at_once_and_without_a_traceback(
    broker: Mosquitto, folder: Path, tmp_path: Path
) -> None:
    """Interrupting the program early printed pages of traceback."""
    log = tmp_path / "log"
    env = {"EDGEHANDS_NODE__NAME": "pi", "EDGEHANDS_CAMERA__LOOP": "true"}
    arguments = ("--source", f"dir:{folder}", "--mqtt", broker.url)
    with Listener(broker.port) as listener, service(*arguments, log=log, **env) as process:
        assert wait_for(lambda: len(listener.on("/hands")) > 2, 20), log.read_text()
        broker.pause()  # nobody takes its goodbye: it waits two seconds for that
        try:
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            code = process.wait(10)
        finally:
            broker.resume()
    assert code in {-signal.SIGINT, 0}
    assert "Traceback" not in log.read_text()


class Asker:
    """Asks a node over MQTT and waits for the answer."""

    def __init__(self, broker: Mosquitto, listener: Listener) -> None:
        self.port = broker.port
        self.listener = listener

    def send(self, topic: str, payload: str) -> None:
        """Publish as any other program would."""
        subprocess.run(
            ["mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", topic, "-m", payload],
            check=True,
        )

    def ask(self, verb: str, seconds: float = 6.0, **keys: object) -> dict[str, Any]:
        """Send a request and give its one answer."""
        before = len(self.listener.on(f"/response/{verb}"))
        self.send(f"edgehands/pi/request/{verb}", json.dumps({**keys, "transaction": verb}))
        assert wait_for(lambda: len(self.listener.on(f"/response/{verb}")) > before, seconds)
        answer: dict[str, Any] = json.loads(self.listener.on(f"/response/{verb}")[-1])
        assert answer["transaction"] == verb
        return answer


@pytest.mark.broker
def test_a_running_service_answers_and_obeys(
    broker: Mosquitto, folder: Path, tmp_path: Path
) -> None:
    """Without it: nobody could see or change from afar how a device works."""
    log = tmp_path / "log"
    env = {
        "EDGEHANDS_NODE__NAME": "pi",
        "EDGEHANDS_CAMERA__LOOP": "true",
        "EDGEHANDS_MQTT__PASSWORD": "geheim",
        "EDGEHANDS_MQTT__USERNAME": "u",
        "STATE_DIRECTORY": str(tmp_path / "state"),
    }
    arguments = ("--source", f"dir:{folder}", "--mqtt", broker.url)
    with Listener(broker.port) as listener, service(*arguments, log=log, **env) as process:
        assert wait_for(lambda: listener.on("/hands"), 20), log.read_text()
        asker = Asker(broker, listener)
        assert asker.ask("info")["data"]["backend"] == "fake"
        assert asker.ask("health")["data"]["health"] == "good"
        assert wait_for(lambda: asker.ask("stats")["data"]["fps"] > 1, 30)
        config = asker.ask("config")["data"]
        assert config["mqtt"]["password"] == "***"  # noqa: S105
        assert config["node"]["name"] == "pi"
        changed = asker.ask("set", max_hands=1, rate_limit=5, persist=True)["data"]
        assert (changed["max_hands"], changed["rate_limit"]) == (1, 5)
        assert "[tracking]\nmax_hands = 1" in (tmp_path / "state" / "settings.toml").read_text()
        assert asker.ask("set", max_hands=99)["status"] == "error"
        assert asker.ask("snapshot")["status"] == "error"
        assert asker.ask("gestures", action="list")["data"] == {"gestures": []}
        assert "no gesture" in asker.ask("gestures", action="remove", name="x")["error"]
        taught = asker.ask("gestures", 20, action="teach", name="mine", examples=3)
        assert taught["status"] == "ok", taught
        before = len(listener.on("/hands"))
        assert asker.ask("restart_camera")["status"] == "ok"
        assert wait_for(lambda: len(listener.on("/hands")) > before + 2)

        asker.send("edgehands/pi/camera/main/enabled/set", "OFF")
        assert wait_for(lambda: listener.last("main/enabled") == b"OFF")
        assert wait_for(lambda: listener.last("camera/main/status") == b"disabled")
        assert wait_for(lambda: listener.last("main/presence") == b"OFF")
        assert wait_for(lambda: b'"hands":[]' in (listener.last("/hands") or b""))
        quiet = len(listener.on("/hands"))
        time.sleep(0.5)
        assert len(listener.on("/hands")) == quiet
        assert asker.ask("health")["data"]["camera"] == "disabled"
        refused = asker.ask("restart_camera")
        assert "switched off" in refused["error"]
        time.sleep(0.5)
        assert len(listener.on("/hands")) == quiet
        assert listener.last("camera/main/status") == b"disabled"
        asker.send("edgehands/pi/camera/main/enabled/set", "ON")
        assert wait_for(lambda: len(listener.on("/hands")) > quiet)
        assert listener.last("camera/main/status") == b"online"
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0, log.read_text()
    assert "geheim" not in log.read_text()
    assert b"geheim" not in b"".join(message.payload for message in listener.heard)


@pytest.mark.parametrize(
    ("arguments", "env", "code", "expected"),
    [
        (["--mqtt", "http://hub"], {}, 2, "unknown scheme"),
        (["--config", "/nonexistent.toml"], {}, 2, "doesn't exist"),
        (["--source", "nonsense:1"], {}, 2, "unknown kind of source"),
        (["--source", "dir:/nonexistent"], {}, 1, "no such file or folder"),
        ([], {"EDGEHANDS_TRACKING__MAX_HANDS": "9"}, 2, "outside 1 to 8"),
        ([], {"EDGEHANDS_MODELS": "/nonexistent"}, 1, "no model manifest"),
        (["--bogus"], {}, 2, "no such option: --bogus"),
    ],
)
def test_what_can_not_work_ends_with_one_line_and_the_documented_code(
    tmp_path: Path, arguments: list[str], env: dict[str, str], code: int, expected: str
) -> None:
    """Without it: a typo would end in a traceback, or in a service that does nothing."""
    log = tmp_path / "log"
    with service(*arguments, log=log, **env) as process:
        assert process.wait(20) == code, log.read_text()
    text = log.read_text()
    assert expected in text
    assert "Traceback" not in text
    assert len([line for line in text.splitlines() if line.startswith("edgehands")]) == 1


def test_a_hung_camera_driver_ends_the_process(tmp_path: Path) -> None:
    """Without it: the thread that hangs in the driver would keep the process from ending too."""
    log = tmp_path / "log"
    # The service's own process, which `run` becomes: what is changed here would be gone then.
    sooner = (
        "import sys, edgehands.service.loop as loop; loop.STUCK_S = 0.3; "
        "from edgehands.service.__main__ import main; sys.exit(main())"
    )
    settings = {
        "EDGEHANDS_CAMERA__SOURCE": "fake:?fps=30&stall=0.2-600",
        "EDGEHANDS_MQTT__URL": "mqtt://127.0.0.1:1",
    }
    with service(log=log, run=sooner, **settings) as process:
        assert process.wait(30) == 1, log.read_text()
    assert "the driver hasn't answered for 0.3 s" in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.broker
def test_a_start_that_fails_leaves_the_reason_and_a_good_one_takes_it_back(
    broker: Mosquitto, folder: Path, tmp_path: Path
) -> None:
    """Without it: a device without a screen could not say that its source is none."""
    topic, env = "edgehands/pi/camera/main/problem", {"EDGEHANDS_NODE__NAME": "pi"}
    bad = ("--source", "usb:0", "--mqtt", broker.url)
    with service(*bad, log=tmp_path / "bad", **env) as process:
        assert process.wait(30) == 2
    assert b"unknown kind of source 'usb'" in retained(broker.port)[topic]
    good = ("--source", f"dir:{folder}", "--mqtt", broker.url)
    with (
        Listener(broker.port) as listener,
        service(*good, log=tmp_path / "good", EDGEHANDS_CAMERA__LOOP="true", **env),
    ):
        assert wait_for(lambda: listener.last("pi/camera/main/problem") == b"", 20)


@pytest.mark.broker
def test_other_models_take_over_while_it_runs(
    broker: Mosquitto, folder: Path, tmp_path: Path
) -> None:
    """Without it: a person would have to edit a file to see whether lite is good enough."""
    log = tmp_path / "log"
    env = {"EDGEHANDS_NODE__NAME": "pi", "EDGEHANDS_CAMERA__LOOP": "true"}
    arguments = ("--source", f"dir:{folder}", "--mqtt", broker.url)

    def ids(payload: bytes) -> list[int]:
        return [hand["id"] for hand in json.loads(payload)["hands"]]

    with Listener(broker.port) as listener, service(*arguments, log=log, **env):
        assert wait_for(lambda: listener.on("/hands"), 30), log.read_text()
        asker = Asker(broker, listener)
        answer = asker.ask("set", 20, model="lite", precision="float")["data"]
        assert (answer["model"], answer["precision"]) == ("lite", "float")
        assert wait_for(lambda: b'"lite float' in (listener.last("pi/info") or b""), 20)
        before = listener.on("/hands")
        highest = max(number for payload in before for number in ids(payload))
        assert asker.ask("set", 20, model="full")["status"] == "ok"
        heard = len(listener.on("/hands"))
        assert wait_for(lambda: len(listener.on("/hands")) > heard + 3, 20)
        assert min(ids(listener.on("/hands")[-1])) > highest  # an id is never used twice
        assert asker.ask("set", model="huge")["status"] == "error"
        assert asker.ask("info")["data"]["models"][0]["variant"].startswith("full")
