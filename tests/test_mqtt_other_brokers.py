"""Brokers that aren't a plain mosquitto: amqtt (MQTT 3.1.1 only), WebSockets, odd ports."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from edgehands.mqtt.publisher import MqttPublisher
from tests.mqtt_hands import config_for, make_frame, make_hand
from tools.common.mosquitto import Listener, free_port
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_AMQTT = """
import asyncio, sys
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType

async def main():
    tcp, ws = sys.argv[1:]
    broker = Broker(BrokerConfig(
        listeners={
            "default": ListenerConfig(bind=f"127.0.0.1:{tcp}"),
            "web": ListenerConfig(type=ListenerType.WS, bind=f"127.0.0.1:{ws}"),
        },
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    ))
    await broker.start()
    await asyncio.sleep(120)

asyncio.run(main())
"""


@dataclass(frozen=True)
class Amqtt:
    """A running amqtt broker: its ports for TCP and for WebSockets."""

    tcp: int
    web: int


@pytest.fixture(scope="module")
def amqtt() -> Iterator[Amqtt]:
    """One amqtt broker for all tests of this file."""
    pytest.importorskip("amqtt", reason="amqtt is not installed: pip install edgehands[demo]")
    ports = Amqtt(free_port(), free_port())
    process = subprocess.Popen(
        [sys.executable, "-c", _AMQTT, str(ports.tcp), str(ports.web)], stderr=subprocess.DEVNULL
    )

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", ports.web)) == 0

    try:
        assert wait_for(listens, 15)
        yield ports
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("scheme", ["mqtt", "ws"])
def test_a_broker_that_only_speaks_the_older_mqtt_is_served(
    amqtt: Amqtt, scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: the demo's own broker, old ones, and those behind a web proxy would refuse us."""
    caplog.set_level(logging.INFO)
    port = amqtt.tcp if scheme == "mqtt" else amqtt.web
    with (
        MqttPublisher(config_for(f"{scheme}://127.0.0.1:{port}")) as publisher,
        Listener(amqtt.tcp) as listener,
    ):
        assert wait_for(lambda: publisher.connected, 10)
        publisher.camera_status("online")
        publisher.publish(make_frame(make_hand(1)))
        assert wait_for(lambda: listener.on("/hands"))
        assert wait_for(lambda: listener.last("camera/main/status") == b"online")
        assert wait_for(publisher.client.outbox.drained)
    assert "(MQTT 3.1.1)" in caplog.text
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


@contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """A port that gives these bytes to who comes, one a connection, the last again and again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()
        server.settimeout(0.1)

        def serve() -> None:
            turn = 0
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(1)
                    try:
                        connection.recv(4096)
                        connection.sendall(answers[min(turn, len(answers) - 1)])
                        time.sleep(0.05)
                    except OSError:
                        pass
                    turn += 1

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x20",
        b"\x20\xff\xff\xff\xff\xff\xff",
        b"\x20\x03\x00\x00\x05\x11\x22\x33",
        b"\x20\x09\x00\x00\x06\x22\x00\x0a\x21\x00\x14" + b"\x30\xff\xff\xff\x7f" + b"x" * 100,
        b"\xf0\x00\xff\xff",
        bytes(range(256)),
    ],
)
def test_whatever_a_port_answers_the_thread_lives_and_says_why(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a web server on the broker's port would end publishing until a restart."""
    caplog.set_level(logging.WARNING)
    with answering(answer) as port, MqttPublisher(config_for(f"mqtt://127.0.0.1:{port}")) as pub:
        assert wait_for(lambda: caplog.records, 3), "nothing was said"
        publisher_thread = pub.client._thread
        for seq in range(5):
            pub.publish(make_frame(make_hand(1), seq=seq))
            time.sleep(0.02)
        assert publisher_thread.is_alive()
    assert "Traceback" not in caplog.text
