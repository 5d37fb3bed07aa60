"""Brokers by IPv6 and by WebSocket, and servers that aren't brokers at all."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from edgehands.config import BrokerUrl, parse_broker_url
from edgehands.mqtt.broker import paho_client
from edgehands.mqtt.broker.oneshot import publish_once
from edgehands.mqtt.publisher import MqttPublisher
from tests.mqtt_hands import config_for
from tests.test_mqtt_broker import publishing, warnings
from tools.common.mosquitto import Listener, Mosquitto, free_port, listens
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeBroker


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def ipv6_listens(port: int) -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        return probe.connect_ex(("::1", port)) == 0


@pytest.mark.broker
@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")
@pytest.mark.parametrize("scheme", ["mqtt", "ws"])
def test_a_broker_is_reached_by_its_ipv6_address(make_broker: MakeBroker, scheme: str) -> None:
    """Without it: a network without IPv4 would have no hands."""
    port = free_port()
    web = ("protocol websockets",) if scheme == "ws" else ()
    broker = make_broker("allow_anonymous true", f"listener {port} ::1", *web, scheme="mqtt")
    url = f"{scheme}://[::1]:{port}"
    # make_broker waits for the first listener only.
    assert wait_for(lambda: ipv6_listens(port), 10)
    publish_once(config_for(url).mqtt, ())
    with (
        Listener(broker.port) as listener,
        MqttPublisher(config_for(url)) as publisher,
        publishing(publisher, fps=20),
    ):
        assert wait_for(lambda: len(listener.on("/hands")) > 10, 15)
        assert publisher.client.peers.address == "::1"


@pytest.mark.parametrize(
    ("url", "host", "loopback"),
    [
        ("mqtt://[::1]:1883", "::1", True),
        ("mqtt://[fe80::1%25eth0]", "fe80::1%eth0", False),
        ("mqtt://[2001:db8::7]", "2001:db8::7", False),
        ("mqtt://127.0.0.9", "127.0.0.9", True),
        ("mqtt://localhost", "localhost", True),
        ("mqtt://localhost.example.org", "localhost.example.org", False),
        ("mqtt://127.example.org", "127.example.org", False),
    ],
)
def test_addresses_are_read_and_known_to_be_of_this_machine(
    url: str, host: str, loopback: bool
) -> None:
    """Without it: a password could go readable over a network, unsaid, or fe80:: not be found."""
    address = parse_broker_url(url)
    assert isinstance(address, BrokerUrl)
    assert (address.host, address.loopback) == (host, loopback)
    assert parse_broker_url(str(address)).host == host


@contextmanager
def server(answer: bytes, *, trickle: bool = False) -> Iterator[str]:
    """Something that isn't a broker: it answers whoever comes; gives its ws:// URL."""
    over = threading.Event()

    def serve(client: socket.socket) -> None:
        with client:
            try:
                client.recv(4096)
                client.sendall(answer)
                while trickle and not over.wait(0.05):
                    client.sendall(b"x")
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/mqtt"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html>",
        b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nSec-WebSocket-Accept\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \xff\r\n\r\n",
        b"\x00\xff\x00\xff",
        b"",
    ],
)
def test_what_is_no_broker_s_websocket_is_told_in_one_line(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a wrong path in mqtt.url would end in a traceback, or in silence."""
    with server(answer) as url, MqttPublisher(config_for(url)) as publisher:
        assert wait_for(lambda: warnings(caplog), 10)
        assert publisher.client._thread.is_alive()
    assert len(warnings(caplog)) == 1
    assert url.removesuffix("/mqtt") in warnings(caplog)[0]
    assert "\n" not in warnings(caplog)[0]


def test_a_server_that_answers_for_ever_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it: a web server that trickles would hold the connection's thread for good."""
    monkeypatch.setattr(paho_client, "UPGRADE_TIMEOUT_S", 0.5)
    with server(b"HTTP/1.1 200 OK\r\nX: ", trickle=True) as url, MqttPublisher(config_for(url)):
        assert wait_for(lambda: warnings(caplog), 10)
    assert "no broker's WebSocket" in warnings(caplog)[0]


@pytest.mark.broker
def test_a_restarted_websocket_broker_is_found_again(make_broker: MakeBroker) -> None:
    """Without it: who comes by ws:// would stay away after the broker's restart."""
    port = free_port()
    # mosquitto 2.0.11 doesn't start with WebSockets alone.
    broker: Mosquitto = make_broker(
        "allow_anonymous true", f"listener {port} 127.0.0.1", "protocol websockets"
    )
    url = f"ws://127.0.0.1:{port}"
    assert wait_for(lambda: listens(port), 10)
    with MqttPublisher(config_for(url)) as publisher, publishing(publisher, fps=20):
        assert wait_for(lambda: publisher.client.outbox.counters.live_sent > 5, 15)
        broker.kill()
        assert wait_for(lambda: not publisher.connected, 10)
        broker.start()
        sent = publisher.client.outbox.counters.live_sent
        assert wait_for(lambda: publisher.client.outbox.counters.live_sent > sent + 5, 15)
