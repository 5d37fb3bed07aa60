"""``edgehands watch``: what a person sees in a terminal, and a program in a pipe."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import time
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from edgehands.mqtt.broker.subscriber import BrokerState, Received, Subscriber, broker_line
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.preview.incoming import read_message
from edgehands.preview.lines import ChangeLines, json_line
from edgehands.preview.live import LiveState
from edgehands.preview.terminal import LiveView
from tests.mqtt_hands import config_for, make_frame, make_hand
from tests.test_preview_state import BROKER, published, received, state_of
from tools.common.command import BOOT_S, EDGEHANDS, Command
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from tests.conftest import MakeBroker
    from tools.common.mosquitto import Mosquitto


def drawn(state: LiveState, width: int = 100, height: int = 40) -> list[str]:
    """The lines that a terminal of this size shows."""
    console = Console(width=width, height=height, force_terminal=False)
    with console.capture() as capture:
        console.print(LiveView(state, waiting_for="a node to publish", footer="Ctrl-C ends"))
    return capture.get().splitlines()


def test_a_hand_is_shown_with_what_it_does() -> None:
    """Without it: the view would leave out what people look for."""
    text = "\n".join(drawn(state_of(published())))
    for part in ("node", "online", "main", "right 98%", "open_palm 90%", "0.99", "hand_appeared"):
        assert part in text, part
    assert any("\u2801" <= character <= "\u28ff" for character in text)  # the skeleton


@pytest.mark.parametrize("width", [30, 60, 100, 200])
@pytest.mark.parametrize("height", [8, 24, 60])
def test_the_view_fits_every_terminal(width: int, height: int) -> None:
    """Without it: on a small terminal the view would scroll and flicker."""
    lines = drawn(state_of(published()), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


def test_it_says_what_it_waits_for() -> None:
    """Without it: a person would stare at an empty terminal and not know what is missing."""
    assert "Waiting for a node to publish" in "\n".join(drawn(LiveState("edgehands", BROKER)))
    away = LiveState("edgehands", BrokerState("mqtt://far", trouble="mqtt://far: nothing listens"))
    text = "\n".join(drawn(away))
    assert "Waiting for the broker. mqtt://far: nothing listens" in text


def test_no_message_can_move_the_terminals_cursor() -> None:
    """Without it: whoever may publish could write anything into a viewer's terminal."""
    evil = '{"event_type":"\\u001b[2J\\u001b]0;x","hand_id":1,"id":"a","t":1e300}'
    state = state_of([*published(), received("edgehands/node/camera/main/event", evil.encode())])
    lines = "".join(drawn(state))
    assert "\x1b" not in lines
    assert "--:--:--" in lines


def test_lines_of_json_keep_the_payload_as_it_is() -> None:
    """Without it: programs that read the lines would get other values than subscribers."""
    line = json.loads(json_line(received("a/count", b"2")))
    assert (line["topic"], line["payload"]) == ("a/count", 2)
    assert json.loads(json_line(received("a/status", b"online")))["payload"] == "online"
    assert json.loads(json_line(received("a/b", b"\xff")))["payload"] == "\ufffd"


def test_a_pipe_gets_changes_and_not_the_stream() -> None:
    """Without it: a log of changes would be buried under thirty lines a second."""
    state, changes = LiveState("edgehands", BROKER), ChangeLines()
    lines = []
    messages = published()
    for message in [*messages, messages[-1], received("edgehands/node/status")]:
        read = state.take(message)
        assert read is not None
        lines += [line] if (line := changes.line(read)) else []
    assert sum("presence  ON" in line for line in lines) == 1
    assert sum("status  online" in line for line in lines) == 2  # the node's and the camera's
    assert not any("landmarks" in line for line in lines)


def test_a_problem_is_shown_whole_and_its_end_too() -> None:
    """Without it: nobody in front of a terminal would learn why a camera is away."""
    why = "/dev/video0: no such camera: plug it in, or see: edgehands cameras " + "x" * 60
    state, changes = LiveState("edgehands", BROKER), ChangeLines()
    lines = []
    for topic, payload in (
        ("edgehands/node/problem", b""),
        ("edgehands/node/camera/main/status", b"offline"),
        ("edgehands/node/camera/main/problem", why.encode()),
    ):
        read = state.take(received(topic, payload))
        assert read is not None
        lines.append(changes.line(read))
    assert lines[0] == ""
    assert lines[2].endswith(f"node/main  problem  {why}")
    shown = "".join(drawn(state, 80, 24))
    assert why.replace(" ", "") in shown.replace(" ", "")
    read = state.take(received("edgehands/node/camera/main/problem", b""))
    assert read is not None
    assert changes.line(read).endswith("problem  none")
    assert "plug it in" not in "".join(drawn(state, 80, 24))


def test_the_subscriber_finds_a_broker_that_comes_late_and_one_that_returns(
    make_broker: MakeBroker,
) -> None:
    """Without it: every view would have to be restarted after a broker's restart."""
    broker = make_broker(start=False)
    states: list[BrokerState] = []
    heard: list[Received] = []
    config = config_for(broker.url)
    with Subscriber(
        config.mqtt, purpose="test", on_message=heard.append, on_broker=states.append
    ) as subscriber:
        assert wait_for(lambda: "nothing listens there" in subscriber.broker.trouble)
        broker.start()
        assert wait_for(lambda: subscriber.broker.connected)
        broker.kill()
        assert wait_for(lambda: not subscriber.broker.connected)
        broker.start()
        assert wait_for(lambda: subscriber.broker.connected)
        with MqttPublisher(config) as publisher:
            publisher.publish(make_frame(make_hand(3)))
            assert wait_for(lambda: any(m.topic.endswith("/hands") for m in heard))
    assert [state.connected for state in states if not state.trouble] == [True, True]


def test_a_message_too_large_is_left_out(broker: Mosquitto) -> None:
    """Without it: anybody who may publish could make a viewer decode megabytes."""
    heard: list[Received] = []
    config = config_for(broker.url)
    with Subscriber(config.mqtt, purpose="test", on_message=heard.append) as subscriber:
        assert wait_for(lambda: subscriber.broker.connected)
        with MqttPublisher(config) as publisher:
            publisher.client.event("edgehands/node/large", b"x" * 70_000)
            publisher.client.event("edgehands/node/small", b"x")
            assert wait_for(lambda: any(m.topic.endswith("/small") for m in heard))
    assert not any(m.topic.endswith("/large") for m in heard)


def test_a_mistake_in_a_view_does_not_end_the_listening(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: one odd message could silence a view for ever."""
    heard: list[str] = []

    def take(message: Received) -> None:
        heard.append(message.topic)
        if message.topic.endswith("/odd"):
            raise RuntimeError("odd")

    config = config_for(broker.url)
    with Subscriber(config.mqtt, purpose="test", on_message=take) as subscriber:
        assert wait_for(lambda: subscriber.broker.connected)
        with MqttPublisher(config) as publisher:
            publisher.client.event("edgehands/node/odd", b"x")
            publisher.client.event("edgehands/node/even", b"x")
            assert wait_for(lambda: "edgehands/node/even" in heard)
        assert subscriber.broker.connections == 1
    assert caplog.text.count("edgehands/node/odd was left out") == 1


def test_json_lines_come_until_ctrl_c(broker: Mosquitto, tmp_path: Path) -> None:
    """Without it: `edgehands watch --json | jq` would print nothing, or end with a traceback."""
    command = Command(["watch", "--json", "--mqtt", broker.url], tmp_path / "watch.log")
    with command, MqttPublisher(config_for(broker.url)) as publisher:
        command.wait_for("connected to")
        publisher.publish(make_frame(make_hand(3, gesture="victory")))
        command.wait_for("/hands")
        assert command.end() == 0
    lines = [json.loads(line) for line in command.output.splitlines() if line.startswith("{")]
    hands = next(line["payload"] for line in lines if line["topic"].endswith("/hands"))
    assert hands["hands"][0]["gesture"]["name"] == "victory"
    assert "Traceback" not in command.output


def test_wrong_usage_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    """Without it: a typo in the address would end in a traceback, or look like an outage."""
    for arguments in (["--mqtt", "http://host"], ["--node", "a/b"]):
        with Command(["watch", *arguments], tmp_path / "watch.log") as command:
            assert command.process is not None
            assert command.process.wait(BOOT_S) == 2
            assert command.output.startswith("edgehands: ")
            assert command.output.count("\n") == 1


def test_a_terminal_is_given_back_as_it_was(broker: Mosquitto) -> None:
    """Without it: after Ctrl-C the shell would be unusable, or show a traceback."""
    with MqttPublisher(config_for(broker.url)) as publisher:
        publisher.camera_status("online")
        with _Terminal(["watch", "--mqtt", broker.url]) as terminal:
            terminal.read_until(b"online")
            publisher.publish(make_frame(make_hand(3, gesture="victory")))
            terminal.read_until(b"victory")
            terminal.interrupt()
            code, rest = terminal.wait()
    assert code == 0
    assert b"\x1b[?25h" in rest  # the cursor is back
    assert b"\x1b[?1049l" in rest  # and what stood there before
    assert b"Traceback" not in rest


class _Terminal:
    """A command in a terminal of its own. A context manager."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments
        self._seen = b""

    def __enter__(self) -> Self:
        self._pid, self._end = pty.fork()
        if self._pid == 0:
            os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="40")
            import sys  # noqa: PLC0415 - in the child

            os.execv(sys.executable, [sys.executable, "-c", EDGEHANDS, *self._arguments])  # noqa: S606
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.kill(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            os.close(self._end)

    def _chunks(self) -> Iterator[bytes]:
        until = time.monotonic() + BOOT_S
        while time.monotonic() < until:
            try:
                chunk = os.read(self._end, 65536)
            except OSError as error:
                if error.errno == errno.EIO:  # the other side is closed
                    return
                raise
            if not chunk:
                return
            yield chunk

    def read_until(self, text: bytes) -> None:
        for chunk in self._chunks():
            self._seen = (self._seen + chunk)[-200_000:]
            if text in self._seen:
                self._seen = b""
                return
        pytest.fail(f"{text!r} never came: {self._seen[-2000:]!r}")

    def interrupt(self) -> None:
        os.write(self._end, b"\x03")  # as the Ctrl-C key does

    def wait(self) -> tuple[int, bytes]:
        rest = b"".join(self._chunks())
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status), rest


HOSTILE = ("\x1b]0;pwned\x07", "\x9b2J", "\x85", "\x7f", "a\u202eb", "\u2066", "line\nline")


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_is_published_moves_the_terminal(name: str) -> None:
    """Whoever may publish could clear the screen of who watches, or write lines of their own."""
    topics = [f"edgehands/{name}/status", f"edgehands/n/camera/{name}/status"]
    topics += [f"edgehands/n/{name}/status", "edgehands/n/problem", "edgehands/n/camera/m/event"]
    event = {"schema": 1, "id": "x", "t": 1.0, "event_type": name, "hand_id": 1, "gesture": name}
    payloads = [name.encode(), b"online", json.dumps(event, ensure_ascii=False).encode()]
    payloads += [json.dumps(name, ensure_ascii=False).encode(), name.encode() + b"\xff"]
    changes, state = ChangeLines(), LiveState("edgehands", BROKER)
    shown = []
    for topic in topics:
        for payload in payloads:
            message = Received(topic, payload, 1.0)
            shown.append(json_line(message).decode())
            incoming = read_message("edgehands", message)
            shown.append("" if incoming is None else changes.line(incoming))
            state.take(message)
    shown += drawn(state)
    shown.append(broker_line(BrokerState("x", trouble=f"gone ({name})")))
    for line in shown:
        assert all(c.isprintable() or c == "\u2028" for c in line), repr(line)
    # JSON keeps what it was, escaped.
    assert json.loads(json_line(Received(topics[0], b"x", 1.0)))["topic"] == topics[0]


@pytest.mark.parametrize(
    "payload", [b"[" * 30_000 + b"]" * 30_000, b"9" * 5000, b"-" + b"9" * 5000, b"1e999", b"\xff"]
)
def test_what_is_no_good_json_becomes_text(payload: bytes) -> None:
    """One message nested deeply enough ended `watch --json`, for all nodes."""
    line = json.loads(json_line(Received("edgehands/n/x", payload, 1.0)))
    assert line["topic"] == "edgehands/n/x"


def test_watching_forgets_topics_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may publish could fill the memory of who watches, name by name."""
    monkeypatch.setattr("edgehands.preview.lines.MAX_TOPICS", 5)
    changes = ChangeLines()

    def say(node: int, word: bytes) -> str:
        incoming = read_message("edgehands", Received(f"edgehands/n{node}/status", word, 1.0))
        assert incoming is not None
        return changes.line(incoming)

    assert all(say(node, b"online") for node in range(100))
    assert len(changes._before) == 5
    assert say(99, b"online") == ""
    assert say(99, b"offline") != ""
