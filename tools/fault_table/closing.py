"""A broker that closes connections, in six ways; twins; two cameras; hostile requests."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgehands.mqtt.contract.topics import Topics
from tools.common.closing_broker import CONNACK, PUBLISH, SUBSCRIBE, ClosingBroker, Packet
from tools.common.hostile import Attacker, Hostile, kinds
from tools.common.mosquitto import Mosquitto, retained
from tools.common.waiting import wait_for
from tools.fault_table.film import write_film
from tools.fault_table.row import LINES_A_MINUTE, RECONNECTS_A_MINUTE, Lengths, Row
from tools.fault_table.service import NODE, Service
from tools.fault_table.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STATUS = f"edgehands/{NODE}/status"
TOPICS = Topics(node=NODE)
ASKED = b"this-is-what-it-can-not-stand"

WAYS: dict[str, tuple[str, Callable[[Packet], bool]]] = {
    "accept": ("as soon as it is connected to", lambda _packet: False),
    "connack": ("right after its welcome", lambda packet: packet.kind == CONNACK),
    "second": ("one second after each welcome", lambda packet: packet.age > 1.0),
    "subscribe": (
        "when requests are subscribed to",
        lambda packet: packet.kind == SUBSCRIBE and b"/request/+" in packet.body,
    ),
    "topic": ("at one topic (count)", lambda packet: packet.topic == TOPICS.count),
    "size": (
        "at packets above 3 kB (Home Assistant's document)",
        lambda packet: packet.kind == PUBLISH and packet.size > 3000,
    ),
    "property": (
        "at one answer's property (correlation data)",
        lambda packet: (
            packet.kind == PUBLISH and ASKED in packet.body and "/response/" in packet.topic
        ),
    ),
}
"""How a broker closes: in words, and by which packet."""

_LASTING = {"accept", "connack", "second"}
"""There, no connection can last, so no hands are delivered while it goes on."""


def closing(way: str) -> Callable[[Path, Lengths], Row]:
    """Give the row of a way."""
    words, rule = WAYS[way]

    def row_of(folder: Path, lengths: Lengths) -> Row:
        row = Row(f"broker closes the connection {words}")
        folder.mkdir(exist_ok=True)
        film = write_film(folder / "film.avi")
        with ExitStack() as stack:
            broker = stack.enter_context(Mosquitto(folder, verbose=False))
            watch = stack.enter_context(Watch(broker.port))
            proxy = stack.enter_context(ClosingBroker(broker.port))
            service = stack.enter_context(Service(film, proxy.url, folder))
            assert watch.wait_for_hands(60), service.log.read_text()
            with _measured(row, lengths, watch, lambda: len(proxy.connections), (service,)):
                # What is there already must be sent again for the rule to meet it.
                proxy.closes, proxy.accepts = rule, way != "accept"
                proxy.drop()
                until = time.monotonic() + lengths.closing_s
                while time.monotonic() < until:
                    if way == "property":
                        with Attacker(broker.port) as asker:
                            asker.send(Hostile(TOPICS.request("info"), correlation=ASKED))
                    time.sleep(min(lengths.closing_s / 3, 10.0))
            if way in _LASTING:
                proxy.closes, proxy.accepts = (lambda _packet: False), True
            before = watch.hands
            back = wait_for(lambda: watch.hands > before + 30, 60)
            row.say("hands flow afterwards" if back else "no hands afterwards", holds=back)
            online = retained(broker.port)[STATUS] == b"online"
            row.say(f"status {'online' if online else 'wrong'}", holds=online)
        return row

    return row_of


def twin(folder: Path, lengths: Lengths) -> Row:
    """Start a second service with the same node and camera, as a cloned card would."""
    row = Row("a second device with the same name (cloned card)")
    folder.mkdir(exist_ok=True)
    film = write_film(folder / "film.avi")
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder))
        watch = stack.enter_context(Watch(broker.port))
        first = stack.enter_context(Service(film, broker.url, _folder(folder, "first")))
        assert watch.wait_for_hands(60), first.log.read_text()
        time.sleep(6.0)  # longer there than two that begin together
        second = Service(film, broker.url, _folder(folder, "second"))
        with _measured(row, lengths, watch, lambda: _connections(broker), (first, second)):
            stack.enter_context(second)
            wait_for(lambda: second.lines("nothing is published from here"), 60)
            time.sleep(lengths.closing_s)
        told = retained(broker.port)
        problem = told.get(TOPICS.problem, b"").decode()
        row.say(f'problem: "{problem}"', holds="calls itself" in problem)
        silent = bool(second.lines("nothing is published from here"))
        row.say("the second is silent" if silent else "the second isn't silent", holds=silent)
        right = told[STATUS] == b"online"
        row.say(f"status {'online' if right else 'wrong'}", holds=right)
        row.say("both processes alive", holds=first.alive and second.alive)
    return row


def two_cameras(folder: Path, lengths: Lengths) -> Row:
    """Let two services with a camera each share a node, and kill one of them."""
    row = Row("two cameras on one node, one of them killed")
    folder.mkdir(exist_ok=True)
    film = write_film(folder / "film.avi")
    cameras = ("front", "side")
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder))
        watch = stack.enter_context(Watch(broker.port))
        services = [
            Service(film, broker.url, _folder(folder, camera), settings={"camera__name": camera})
            for camera in cameras
        ]
        with _measured(row, lengths, watch, lambda: _connections(broker), tuple(services)):
            for service in services:
                stack.enter_context(service)
            assert watch.wait_for_hands(60), services[0].log.read_text()
            time.sleep(lengths.closing_s)
        told = retained(broker.port)
        both = all(told.get(_camera_status(camera)) == b"online" for camera in cameras)
        row.say("both cameras online" if both else "a camera is missing", holds=both)
        documents = [
            json.loads(payload) for topic, payload in told.items() if topic.endswith("/config")
        ]
        joined = len(documents) == 2 and documents[0]["device"] == documents[1]["device"]
        row.say("one device in Home Assistant" if joined else "no single device", holds=joined)
        services[1].kill()
        gone = wait_for(
            lambda: watch.states.get(_camera_status("side"), (b"",))[0] == b"offline", 10
        )
        told = retained(broker.port)
        row.say("the killed one's camera offline" if gone else "it stays online", holds=gone)
        row.say("node online", holds=told[STATUS] == b"online")
    return row


def hostile(folder: Path, lengths: Lengths) -> Row:
    """Send a hostile message of each kind, again and again."""
    messages = kinds(TOPICS)
    row = Row(f"hostile messages of {len(messages)} kinds ({', '.join(messages)})")
    folder.mkdir(exist_ok=True)
    film = write_film(folder / "film.avi")
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder))
        watch = stack.enter_context(Watch(broker.port))
        service = stack.enter_context(Service(film, broker.url, folder))
        assert watch.wait_for_hands(60), service.log.read_text()
        attacker = stack.enter_context(Attacker(broker.port))
        own = lambda: broker.log.read_text().count(f" as edgehands-{NODE}")  # noqa: E731
        with _measured(row, lengths, watch, own, (service,)):
            until = time.monotonic() + lengths.closing_s
            while time.monotonic() < until:
                for message in messages.values():
                    attacker.send(message)
                    time.sleep(0.05)
        row.say(f"{attacker.sent} sent", holds=attacker.sent >= len(messages))
        time.sleep(3.0)
        row.say("a request after them is answered", holds=watch.ask("stats", 10.0) is not None)
        row.say("process alive", holds=service.alive)
    return row


@dataclass(slots=True)
class _Counts:
    begin: float
    hands: int
    connections: int
    lines: int


@contextmanager
def _measured(
    row: Row,
    lengths: Lengths,
    watch: Watch,
    connections: Callable[[], int],
    services: tuple[Service, ...],
) -> Iterator[None]:
    """Note hands, reconnects a minute and log lines a minute of what is done meanwhile."""

    def lines() -> int:
        return sum(len(service.lines("")) for service in services if service.log.exists())

    before = _Counts(time.monotonic(), watch.hands, connections(), lines())
    yield
    minutes = (time.monotonic() - before.begin) / 60.0
    hands = watch.hands - before.hands
    reconnects = (connections() - before.connections) / minutes
    logged = (lines() - before.lines) / minutes / len(services)
    row.say(f"{hands / minutes / 60.0:.0f} hands messages a second meanwhile", holds=True)
    row.say(
        f"{reconnects:.0f} connections a minute",
        holds=reconnects <= RECONNECTS_A_MINUTE or not lengths.judged,
    )
    row.say(
        f"{logged:.0f} log lines a minute",
        holds=logged <= LINES_A_MINUTE or not lengths.judged,
    )


def _connections(broker: Mosquitto) -> int:
    return broker.log.read_text().count(f" as edgehands-{NODE}")


def _camera_status(camera: str) -> str:
    return Topics(node=NODE, camera=camera).camera_status


def _folder(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir(exist_ok=True)
    return place
