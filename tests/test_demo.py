"""``edgehands demo``: what a newcomer starts first."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgehands.cameras.opening import demo_clip
from edgehands.config import MqttConfig
from edgehands.demo.options import DemoOptions
from edgehands.demo.processes import Child, free_port
from edgehands.demo.run import run_demo
from edgehands.errors import EdgehandsError, SourceNotFound, UsageError
from edgehands.mqtt.broker.subscriber import Subscriber
from tests.preview_node import write_clip
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import free_port as any_port
from tools.common.waiting import wait_for

pytest.importorskip("amqtt", reason="the demo's broker isn't installed: edgehands[demo]")
pytest.importorskip("uvicorn", reason="the page's server isn't installed: edgehands[preview]")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from edgehands.mqtt.broker.subscriber import Received

HANDS = "edgehands/demo/camera/main/hands"


def children_of(pid: int) -> list[int]:
    """The processes that a process started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[1]) == pid:
            found.append(int(entry.parent.name))
    return found


def running(pid: int) -> bool:
    """Whether a process is there and not only waits to be buried."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def demo(folder: Path, *options: str) -> Command:
    """A demo that plays a clip to the fake backend; another broker's settings stand around it."""
    clip = write_clip(folder / "clip.avi")
    return Command(
        ["demo", "--source", f"file:{clip}", *options],
        folder / "demo.log",
        EDGEHANDS_TRACKING__BACKEND="fake",
        EDGEHANDS_MQTT__URL="mqtts://elsewhere.invalid:8883",
        TMPDIR=str(folder),
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A running demo with a page."""
    command = demo(tmp_path_factory.mktemp("demo"), "--port", str(any_port()))
    with command:
        command.wait_for("presence  ON")
        yield command
        command.end()


def printed(shown: Command, pattern: str) -> str:
    """Find a part of what the demo printed."""
    found = re.search(pattern, shown.output, re.MULTILINE)
    assert found, shown.output
    return found[1]


def first_lines(command: list[str], count: int) -> list[str]:
    """Run a command until it has printed so many lines."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            return [process.stdout.readline() for _ in range(count)]
        finally:
            process.kill()


@contextlib.contextmanager
def subscriber(
    shown: Command, transport: Literal["tcp", "websockets"], address: str, heard: list[str]
) -> Iterator[None]:
    """Somebody who subscribes to ``hands`` only, at an address that the demo printed."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311, transport=transport
    )

    def on_connect(*_: object) -> None:
        client.subscribe(HANDS)

    client.on_connect = on_connect
    client.on_message = lambda _client, _data, message: heard.append(message.topic)
    client.connect("127.0.0.1", int(printed(shown, address)))
    client.loop_start()
    try:
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def test_the_printed_python_receives_landmarks(shown: Command) -> None:
    """Without it: the first lines that a newcomer copies would print nothing."""
    block = printed(shown, r"Python     ((?:.*\n)(?: {13}.*\n)+)")
    lines = [line.removeprefix(" " * 13) for line in block.splitlines()]
    assert len(lines) == 5
    got = first_lines([sys.executable, "-u", "-c", "\n".join(lines)], 3)
    for line in got:
        assert re.fullmatch(r"\d+ (left|right) \[-?[\d.]+, -?[\d.]+, -?[\d.e-]+\]\n", line), line


def test_the_printed_mosquitto_sub_receives_landmarks(shown: Command) -> None:
    """Without it: the printed command would not work beside the demo."""
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto_sub is not installed: apt-get install mosquitto-clients")
    command = shlex.split(printed(shown, r"Subscribe  (.*)"))
    got = first_lines(["stdbuf", "-oL", *command], 20)
    assert any(line.startswith("edgehands/demo/camera/main/hands {") for line in got), got
    assert "edgehands/demo/status online\n" in got


def test_who_asks_for_one_topic_gets_no_other(shown: Command) -> None:
    """Without it: amqtt would send a newcomer's program what is retained on other topics."""
    heard: list[str] = []
    with subscriber(shown, "tcp", r"mqtt://127\.0\.0\.1:(\d+)", heard):
        assert wait_for(lambda: len(heard) > 5, BOOT_S)
    assert set(heard) == {HANDS}


def test_a_browser_may_subscribe_over_websocket(shown: Command) -> None:
    """Without it: the WebSocket address would be printed for nothing."""
    heard: list[str] = []
    with subscriber(shown, "websockets", r"ws://127\.0\.0\.1:(\d+)/mqtt", heard):
        assert wait_for(lambda: heard, BOOT_S)


def test_a_view_falls_back_to_the_brokers_own_version(shown: Command) -> None:
    """Without it: watch and preview could not listen to brokers that only know MQTT 3.1.1."""
    url = printed(shown, r"(mqtt://127\.0\.0\.1:\d+)")
    heard: list[Received] = []
    settings = MqttConfig(url=url)
    with Subscriber(settings, purpose="test", on_message=heard.append) as listening:
        assert wait_for(lambda: heard, BOOT_S)
        assert listening.broker.protocol == "3.1.1"


def test_the_printed_page_is_there(shown: Command) -> None:
    """Without it: the printed address would lead nowhere."""
    with urllib.request.urlopen(printed(shown, r"Page +(http\S+)"), timeout=BOOT_S) as answer:  # noqa: S310
        assert b"edgehands" in answer.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    """Without it: Ctrl-C or a closed window would leave a camera and ports occupied."""
    options = [] if number == signal.SIGINT else ["--no-page"]
    with demo(tmp_path, *options) as command:
        command.wait_for("demo/main  status  online")
        assert command.process is not None
        started = children_of(command.process.pid)
        assert len(started) == (3 if number == signal.SIGINT else 2)
        assert command.end(number) == 0
        assert not any(map(running, started))
    assert "The demo has ended." in command.output
    assert "Traceback" not in command.output
    assert not list(tmp_path.glob("edgehands-demo-*"))


FAKE_CAMERA = """
import sys, time
import cv2
from tests.test_cameras_v4l2 import FakeCapture, FakeWebcam
from tests.preview_node import disc_pictures
if "edgehands.service" in sys.orig_argv:
    grab = FakeCapture.grab
    FakeCapture.grab = lambda self: time.sleep(0.04) or grab(self)
    camera = FakeWebcam()
    camera.frames = disc_pictures() * 400
    film = cv2.VideoCapture
    cv2.VideoCapture = lambda path, api=0, *more: (
        camera.capture(path) if api == cv2.CAP_V4L2 else film(path, api, *more))
else:
    import edgehands.cameras
    found = edgehands.cameras.CameraInfo("v4l2:/dev/null", "v4l2", "Test Webcam", "/dev/null")
    edgehands.cameras.list_cameras = lambda: (found,)
"""
"""A webcam that behaves as OpenCV's V4L2 backend is documented to, in every process of a demo."""


def demo_with_camera(folder: Path, *options: str) -> Command:
    """A demo on a machine with a webcam; ``/dev/null`` is the device, for want of a real one."""
    (folder / "sitecustomize.py").write_text(FAKE_CAMERA)
    return Command(
        ["demo", *options],
        folder / "demo.log",
        EDGEHANDS_TRACKING__BACKEND="fake",
        PYTHONPATH=f"{folder}:{Path(__file__).resolve().parents[1]}",
        TMPDIR=str(folder),
    )


def test_a_webcam_is_found_and_offered(tmp_path: Path) -> None:
    """Without it: a newcomer would not learn that the demo can show their own hands."""
    with demo_with_camera(tmp_path, "--port", str(any_port())) as command:
        command.wait_for("demo/main  status  online")
        assert "a film of drawn hands plays as the camera" in command.output
        assert "Camera     Test Webcam: to see your own hands, choose it on the page" in (
            command.output
        )
        assert command.end() == 0


def test_a_webcam_plays_at_once_when_asked_for(tmp_path: Path) -> None:
    """Without it: --camera would do nothing."""
    with demo_with_camera(tmp_path, "--camera", "--no-page") as command:
        command.wait_for("presence  ON")
        assert "v4l2:/dev/null plays as the camera" in command.output
        assert command.end() == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--camera", "--source", "demo:"], "are two cameras: give one"),
        (["--camera"], "this machine has no camera: plug one in"),
    ],
)
def test_a_camera_that_makes_no_sense_is_one_line(
    tmp_path: Path, options: list[str], words: str
) -> None:
    """Without it: whoever has no camera would wait for one."""
    nowhere = "import edgehands.cameras\nedgehands.cameras.list_cameras = lambda: ()\n"
    (tmp_path / "sitecustomize.py").write_text(nowhere)
    root = Path(__file__).resolve().parents[1]
    command = Command(["demo", *options], tmp_path / "demo.log", PYTHONPATH=f"{tmp_path}:{root}")
    with command:
        assert command.process is not None
        assert command.process.wait(2 * BOOT_S) == 2, command.output
    assert command.output.count("\n") == 1
    assert words in command.output


def test_why_no_frame_came_is_the_last_line(tmp_path: Path) -> None:
    """Without it: a demo with an unplugged camera would end without saying why."""
    options = ("--no-page", "--source", "v4l2:/dev/video99")
    with Command(["demo", *options], tmp_path / "demo.log", TMPDIR=str(tmp_path)) as command:
        command.wait_for("no such camera")
        assert command.end() == 0
    assert command.output.splitlines()[-1].startswith(
        "The demo has ended. /dev/video99: no such camera: plug it in"
    )


def test_killed_it_leaves_no_process_behind(tmp_path: Path) -> None:
    """Without it: a crash of the demo would leave a service that tracks on unseen."""
    with demo(tmp_path, "--no-page") as command:
        command.wait_for("demo/main  status  online")
        assert command.process is not None
        started = children_of(command.process.pid)
        assert len(started) == 2
        command.kill()
        assert wait_for(lambda: not any(map(running, started)), BOOT_S)


@pytest.mark.slow("its time must be enough to start in on a busy machine")
def test_it_ends_by_itself_after_its_time(tmp_path: Path) -> None:
    """Without it: a check that runs the demo would never end."""
    with demo(tmp_path, "--no-page", "--seconds", "10") as command:
        assert command.process is not None
        assert command.process.wait(2 * BOOT_S) == 0, command.output
    assert "Page" not in command.output
    assert "demo/main  status  online" in command.output


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("nonsense:x", 2, "unknown kind of source"),
        ("file:/there/is/none.mp4", 1, "no such file"),
    ],
)
def test_a_wrong_source_is_one_line(tmp_path: Path, source: str, code: int, words: str) -> None:
    """Without it: a typo would end in a traceback, or in a demo that never shows anything."""
    with demo(tmp_path, "--no-page", "--source", source) as command:
        assert command.process is not None
        assert command.process.wait(2 * BOOT_S) == code, command.output
    trouble = [line for line in command.output.splitlines() if line.startswith("edgehands: ")]
    assert len(trouble) == 1
    assert words in trouble[0]
    assert "Traceback" not in command.output


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: a plain `pip install edgehands` would answer the demo with a traceback."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "amqtt" else find(name)
    )
    with pytest.raises(UsageError, match=r"amqtt: pip install 'edgehands\[demo,preview\]'"):
        run_demo(DemoOptions())


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    """Without it: a failed part of the demo would be reported as a mere number."""
    child = Child("part", ["-c", "import sys; sys.exit('edgehands: it is broken')"], tmp_path)
    with child, pytest.raises(EdgehandsError, match="part ended at once: it is broken"):
        child.wait_until(lambda: False, "was silent")
    assert child.code == 1


def test_a_port_in_use_is_avoided(shown: Command) -> None:
    """Without it: a second demo on the same machine would fail."""
    taken = int(printed(shown, r"mqtt://127\.0\.0\.1:(\d+)"))
    assert free_port(taken) != taken


def test_the_clip_that_comes_along_shows_hands(tmp_path: Path) -> None:
    """Without it: the demo as a newcomer starts it would show an empty picture."""
    try:
        demo_clip()
    except SourceNotFound:
        pytest.skip("the demo's clip isn't in the package yet")
    command = Command(["demo", "--no-page"], tmp_path / "demo.log", TMPDIR=str(tmp_path))
    with command:
        command.wait_for("hand_appeared")
        assert command.end() == 0
