"""Simulated nodes and their consumers, with a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgehands.config import MqttConfig
from edgehands.errors import BrokerError, UsageError
from edgehands.mqtt.contract.messages import HandsMessage
from edgehands.mqtt.contract.reading import check_message
from edgehands.mqtt.contract.topics import Topics
from edgehands.simulate import Plan, simulate
from edgehands.simulate.tracks import messages
from tools.common.certificates import make_authority, make_certificate
from tools.common.mosquitto import Listener, Mosquitto, free_port, retained
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from tests.conftest import MakeBroker

ROOT = Path(__file__).resolve().parents[1]
SIMULATE = "from edgehands.cli import main; main()"


def run_simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SIMULATE, "simulate", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow("eight seconds of a fleet's traffic")
@pytest.mark.broker
def test_a_fleet_of_two_hundred_loses_nothing_that_must_not_be_lost(broker: Mosquitto) -> None:
    """Without it: nobody could tell from a simulation how many nodes a broker bears."""
    done = run_simulate(
        *("--nodes", "200", "--rate", "4", "--consumers", "10", "--duration", "8"),
        *("--mqtt", broker.url, "--json"),
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    seen = report["consumers"]
    assert report["lost_connections"] == 0
    assert report["qos1_acknowledged"] == report["qos1_sent"] > 1000
    assert (seen["qos1_lost"], seen["qos1_repeated"]) == (0, 0)
    assert seen["qos1_received"] > 10 * 200
    assert report["sent"] + report["skipped"] > 200 * 4 * 8 * 0.8
    assert seen["received"] + seen["lost"] == 10 * report["sent"]
    assert 0 <= seen["lost"] < seen["received"]
    assert retained(broker.port) == {}


@pytest.mark.broker
@pytest.mark.parametrize("compact", [False, True])
def test_what_simulated_nodes_say_is_what_the_contract_says(
    broker: Mosquitto, compact: bool
) -> None:
    """Without it: a consumer that works with simulated nodes might not work with real ones."""
    plan = Plan(nodes=2, rate=60, hands=2, compact=compact, seconds=4)
    with Listener(broker.port) as listener:  # holds every message to the contract at its end
        simulate(MqttConfig(url=broker.url), plan)
        assert wait_for(lambda: listener.last("sim-00001/status") == b"")
    hands = [json.loads(payload) for payload in listener.on("sim-00000/camera/main/hands")]
    assert [message["seq"] for message in hands] == list(range(1, len(hands) + 1))
    assert all(abs(message["t"] - time.time()) < 60 for message in hands)
    assert any(len(message["hands"]) == 2 for message in hands)
    assert any(not message["hands"] for message in hands)
    # A new round has new hands.
    assert len({hand["id"] for message in hands for hand in message["hands"]}) >= 4
    events = [json.loads(payload) for payload in listener.on("sim-00000/camera/main/event")]
    assert len({event["id"] for event in events}) == len(events) > 4
    kinds = {event["event_type"] for event in events}
    assert {"hand_appeared", "hand_lost", "gesture_started"} <= kinds
    binary = listener.on("sim-00000/camera/main/hands/bin")
    assert len(binary) == (len(hands) if compact else 0)
    if compact:
        read = [check_message("edgehands/n/camera/main/hands/bin", each).content for each in binary]
        assert [message.seq for message in read] == [message["seq"] for message in hands]
        assert [[hand.id for hand in message.hands] for message in read] == [
            [hand["id"] for hand in message["hands"]] for message in hands
        ]


@pytest.mark.parametrize("hands", [1, 2])
def test_a_round_has_the_hands_that_were_asked_for(hands: int) -> None:
    """Without it: a broker would be sized with other payloads than the nodes will send."""
    topics = Topics(node="n")
    texts = [
        frame.hands.text(5, 1764000000.1, 12.3, 10)
        for frame in messages(hands, topics)
        if frame.hands is not None
    ]
    read = [check_message(topics.hands, text).content for text in texts]
    assert all(isinstance(message, HandsMessage) for message in read)
    assert {len(message.hands) for message in read} == {0, hands}
    assert {message.seq for message in read} == {5}
    assert sum(not message.hands for message in read) == 1


@pytest.mark.broker
def test_consumers_that_share_get_each_message_once(broker: Mosquitto) -> None:
    """Without it: sharing a load between consumers could not be tried before it is needed."""
    plan = Plan(nodes=5, rate=20, seconds=3, consumers=3, shared=True)
    report = simulate(MqttConfig(url=broker.url), plan)
    assert report.consumers is not None
    assert report.consumers.received + report.consumers.lost == report.sent
    assert report.consumers.lost == 0
    assert report.consumers.qos1_lost == 0


@pytest.mark.broker
def test_passwords_and_tls_are_those_of_the_configuration(
    make_broker: MakeBroker, tmp_path: Path
) -> None:
    """Without it: a broker that is set up as it should be could not be sized."""
    make_authority(tmp_path)
    make_certificate(tmp_path, "broker")
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), "fleet", "right"], check=True)
    broker = make_broker(
        "allow_anonymous false",
        f"password_file {passwords}",
        f"cafile {tmp_path}/ca.crt",
        f"certfile {tmp_path}/broker.crt",
        f"keyfile {tmp_path}/broker.key",
        scheme="mqtts",
    )
    plan = Plan(nodes=3, rate=10, seconds=1)
    url = broker.url.replace("//", "//fleet:right@")
    assert simulate(MqttConfig(url=url, tls_ca=str(tmp_path / "ca.crt")), plan).sent > 10
    wrong = broker.url.replace("//", "//fleet:wrong@")
    with pytest.raises(BrokerError, match=r"correct mqtt.username and mqtt.password"):
        simulate(MqttConfig(url=wrong, tls_ca=str(tmp_path / "ca.crt")), plan)


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["--nodes", "0"], 2, "--nodes 0 is outside 1 to 20000"),
        (["--rate", "1000"], 2, "--rate 1000 is outside 0.1 to 240"),
        (["--mqtt", "http://hub"], 2, "unknown scheme"),
        (["--mqtt", f"mqtt://127.0.0.1:{free_port()}"], 1, "nothing listens there"),
        (
            ["--mqtt", f"mqtt://127.0.0.1:{free_port()}", "--consumers", "1"],
            1,
            "nothing listens there",
        ),
        (["--mqtt", "ws://hub"], 1, "no WebSocket: use mqtt://"),
    ],
)
def test_what_can_not_be_simulated_is_one_line(
    arguments: list[str], code: int, expected: str
) -> None:
    """Without it: a typing error would end in a traceback of a hundred tasks."""
    done = run_simulate(*arguments)
    assert done.returncode == code
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_more_nodes_than_files_may_be_open_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: a large simulation would end in 'too many open files' half way."""
    monkeypatch.setattr("resource.getrlimit", lambda _which: (1024, 1024))
    with pytest.raises(UsageError, match="960 are allowed here: raise 'ulimit -Hn'"):
        simulate(MqttConfig(), Plan(nodes=5000, rate=1))
