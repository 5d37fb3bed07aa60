"""A network that was cut says nothing, and a flood is no silence."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest

from edgehands.mqtt.broker import session
from edgehands.mqtt.broker.flood_detector import FloodDetector
from edgehands.mqtt.broker.quiet_log import EVERY_S
from edgehands.mqtt.broker.wake import Wake
from edgehands.mqtt.contract.messages import encode
from edgehands.mqtt.contract.topics import Topics, matches
from edgehands.mqtt.publisher import MqttPublisher
from edgehands.mqtt.requests import Received, Requests
from tests.mqtt_hands import config_for, make_frame, make_hand
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNACK = b"\x20\x02\x00\x00"
DISCONNECT = b"\xe0\x00"
SOMETHING = b"\x30\x04\x00\x01xy"  # a message on topic x


@contextmanager
def mute_broker(*, talks: bool) -> Iterator[tuple[str, list[float]]]:
    """A broker that takes clients and answers nothing else; its URL, and when clients came."""
    came: list[float] = []
    over = threading.Event()

    def serve(client: socket.socket) -> None:
        with client:
            client.recv(4096)
            client.sendall(CONNACK)
            client.settimeout(0.05)
            while not over.is_set():
                try:
                    if not client.recv(65_536):
                        return
                except TimeoutError:
                    pass
                except OSError:
                    return
                if talks:
                    client.sendall(SOMETHING)

    def accept() -> None:
        while not over.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            came.append(time.monotonic())
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"mqtt://127.0.0.1:{listener.getsockname()[1]}", came
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("talks", [False, True])
def test_a_broker_that_answers_nothing_is_connected_to_anew(
    monkeypatch: pytest.MonkeyPatch, talks: bool
) -> None:
    """Without it: after a cut of the network, hands would stay away as long as it lasted, again."""
    monkeypatch.setattr(session, "ANSWER_TIMEOUT_S", 0.5)
    with (
        mute_broker(talks=talks) as (url, came),
        MqttPublisher(config_for(url, protocol="3.1.1")) as publisher,
    ):
        assert wait_for(lambda: publisher.connected)
        publisher.camera_status("online")

        def came_again() -> bool:
            publisher.publish(make_frame(make_hand(1)))
            return len(came) == 2

        wait_for(came_again, 3.0, every=0.03)
    # Who says other things isn't gone: his answer comes behind them.
    assert len(came) == (1 if talks else 2)


def test_a_flood_is_logged_once_and_a_second_one_again(caplog: pytest.LogCaptureFixture) -> None:
    """Without it: a broken program on the network would fill the device's log."""
    now = [100.0]

    class Nobody:
        def answer(self, _verb: str, _request: object) -> Any:
            return encode

        def event(self, *_: object) -> None:
            pass

    nobody: Any = Nobody()
    topics = Topics(node="n")
    requests = Requests(topics, nobody, nobody, clock=lambda: now[0])

    def flood() -> None:
        for _ in range(3000):
            now[0] += 0.001
            requests._waiting.queue.clear()  # what the other thread would do
            requests.receive(Received(topics.request("info"), b""))

    flood()
    told = [r for r in caplog.records if "the rest is refused" in r.getMessage()]
    assert len(told) == 1
    now[0] += EVERY_S
    flood()
    told = [r for r in caplog.records if "the rest is refused" in r.getMessage()]
    assert len(told) == 2


def test_a_flood_is_over_when_it_is_over() -> None:
    """Without it: landmarks would wait 30 ms each, long after the last request of a flood."""
    flood = FloodDetector(0.0)
    for number in range(40):
        flood.heard(number * 1e-3)
    assert not flood.lasts(0.04), "forty requests at once are no flood"
    for number in range(40, 100):
        flood.heard(number * 1e-3)
    assert flood.lasts(0.1)
    assert not flood.lasts(0.3)
    flood.heard(0.3)
    assert not flood.lasts(0.3), "one request after it is none"


@pytest.mark.parametrize(
    ("wanted", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("+/b", "/b", True),
    ],
)
def test_filters_let_through_what_they_should(wanted: str, topic: str, expected: bool) -> None:
    """Without it: a request could go unheard, or a stranger's message be taken for one."""
    assert matches(wanted, topic) is expected
    assert paho.topic_matches_sub(wanted, topic) is expected


def test_a_goodbye_arrives_although_messages_lie_unread() -> None:
    """Without it: the connection is reset, and a busy broker calls a node offline that is not."""
    heard: list[bytes] = []
    ended_by: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(CONNACK + SOMETHING * 500)
                try:
                    while not heard or not heard[-1].endswith(DISCONNECT):
                        heard.append(client.recv(65_536))
                    ended_by.append("end" if client.recv(65_536) == b"" else "more")
                except OSError as error:
                    ended_by.append(str(error))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        visit = session.Session(
            config_for(f"mqtt://127.0.0.1:{listener.getsockname()[1]}").mqtt,
            client_id="guest",
            will=None,
            protocol=paho.MQTTv311,
            acknowledged=lambda _mid, _refusal: None,
        )
        with closing(Wake()) as wake:
            visit.open()
            while not visit.ready:
                visit.work(1.0, wake.drain, wake.fileno())
        visit.disconnect()
        visit.abandon()
        thread.join(10)
    assert ended_by == ["end"]
