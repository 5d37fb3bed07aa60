"""Messages that no sensible client sends: one of each kind, or any number of random ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edgehands.mqtt.contract.request_messages import VERBS
from edgehands.mqtt.contract.topics import Topics
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from random import Random
    from types import TracebackType
    from typing import Self

_PIECES = (
    *(b"null", b"[", b"]", b"{", b"}", b'"', b"1e999", b"-", b"\\u0000", b"\xff", b"NaN", b","),
    *(b"true", b"\n", b"=", b"9" * 30, b'{"x":' + b"[" * 2000, b"\x00", b"'''", b"\xef\xbb\xbf"),
)

_REQUESTS = (
    b'{"max_hands": 2, "smoothing": true, "rate_limit": 0.0, "persist": false}',
    b'{"action": "teach", "name": "ok_", "examples": 5, "more": false, "transaction": 12345}',
    b'{"transaction": "abc", "camera": "cellar"}',
    b'{"instance": "0f", "camera": "other", "held_s": 0.0, "ask": true}',
    b"online",
    b"ON",
)


@dataclass(frozen=True, slots=True)
class Hostile:
    """A message.

    Attributes:
        topic, payload, retain: as they are published, with QoS 0.
        response_topic, correlation: properties of MQTT 5.
    """

    topic: str
    payload: bytes = b"{}"
    response_topic: str = ""
    correlation: bytes = b""
    retain: bool = False


def kinds(topics: Topics) -> dict[str, Hostile]:
    """One of each kind."""
    info = topics.request("info")
    deep = "/".join("a" * 210)
    return {
        "200 levels": Hostile(info, response_topic=f"{topics.response('info')}/{deep}"),
        "65 kB of correlation data": Hostile(info, correlation=b"c" * 60_000),
        "a wildcard as response topic": Hostile(info, response_topic="$share/a"),
        "its status as response topic": Hostile(info, response_topic=topics.status),
        "another node's request as response topic": Hostile(
            info, response_topic=Topics(node="other").request("set")
        ),
        "a request of 60 kB": Hostile(info, b" " * 60_000),
        "deep nesting": Hostile(topics.request("set"), b'{"transaction":' * 200),
        "no UTF-8": Hostile(topics.request("set"), b'{"max_hands": "\xff\xfe"}'),
        "a verb of 30 kB": Hostile(topics.request("v" * 30_000)),
        "a retained request": Hostile(topics.request("restart_camera"), retain=True),
        "a switch that is neither": Hostile(topics.enabled_set, b"OFF\x00"),
        "offline in its name": Hostile(topics.status, b"offline", retain=True),
        "a claim to its name": Hostile(
            topics.instance, b'{"instance":"00","camera":"main","held_s":0,"ask":true}'
        ),
        "Home Assistant's birth": Hostile("homeassistant/status", b"online"),
    }


def damaged(random: Random, payload: bytes) -> bytes:
    """A payload with a few bytes changed, cut, doubled, or pieces of JSON and TOML put in."""
    data = bytearray(payload)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data) + 1)
        match random.randrange(4):
            case 0:
                data[at : at + random.randint(1, 20)] = b""
            case 1:
                data[at:at] = random.choice(_PIECES)
            case 2:
                data[at:at] = data[: random.randint(0, 200)]
            case _:
                data[at : at + 1] = random.randbytes(1)
    return bytes(data)


def made_up(topics: Topics, random: Random) -> Hostile:
    """A random message to any topic that a node reads or writes; never a valid command."""
    own = (
        *(topics.status, topics.info, topics.stats, topics.problem, topics.instance),
        *(topics.camera_status, topics.presence, topics.count, topics.enabled, topics.hands),
        *(topics.event, topics.enabled_set, "homeassistant/status"),
        f"{topics.node}/camera/{random.choice(('x', 'y' * 300))}/status",
    )
    topic = random.choice(own)
    if random.random() < 0.7:
        topic = topics.request(random.choice((*VERBS, "x" * random.randrange(1, 300))))
    payload = damaged(random, random.choice(_REQUESTS))
    if topic == topics.enabled_set and payload in {b"ON", b"OFF"}:
        payload += b" "
    response_topic = ""
    if random.random() < 0.3:
        response_topic = random.choice((*own, "a/" * random.randrange(1, 250) + "b", "my/answers"))
    return Hostile(
        topic,
        payload,
        response_topic,
        random.randbytes(random.choice((0, 0, 16, 300, 20_000))),
        retain=topic != topics.enabled_set and random.random() < 0.1,
    )


class Attacker:
    """A client that publishes them. A context manager.

    Args:
        port: of the broker, on this machine.

    Attributes:
        sent: number published.
    """

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._port = port
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(1, 1)

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert wait_for(self._client.is_connected, 10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, hostile: Hostile) -> None:
        """Publish one; waits while the broker is behind."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if hostile.response_topic:
            properties.ResponseTopic = hostile.response_topic
        if hostile.correlation:
            properties.CorrelationData = hostile.correlation
        ready = wait_for(lambda: self._client.is_connected() and not self._client.want_write(), 10)
        assert ready, "the broker takes no more"
        self._client.publish(hostile.topic, hostile.payload, 0, hostile.retain, properties)
        self.sent += 1
