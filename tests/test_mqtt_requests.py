"""Requests: answered once, bounded, and without effect when they are wrong."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from edgehands.errors import UsageError
from edgehands.mqtt.broker.token_bucket import TokenBucket
from edgehands.mqtt.contract.reading import check_message
from edgehands.mqtt.contract.request_messages import (
    VERBS,
    PlainRequest,
    ResponseMessage,
    SetRequest,
    Verb,
)
from edgehands.mqtt.contract.topics import Topics
from edgehands.mqtt.fake import FakeClient
from edgehands.mqtt.requests import (
    BURST,
    MAX_BYTES,
    MAX_CORRELATION,
    Received,
    Requests,
)
from tools.common.waiting import wait_for

TOPICS = Topics(node="node")

REFUSED_TOPICS = (
    *("bad/#", "$SYS/x", "a/+/b", "a" * 257, "a\nb", "a\x85b"),
    "/".join("a" * 200),
    f"{TOPICS.response('info')}/{'/'.join('a' * 200)}",
)


@dataclass
class FakeControls:
    """Notes what it was asked."""

    asked: list[tuple[str, PlainRequest]] = field(default_factory=list)
    pause: float = 0.0

    def answer(self, verb: Verb, request: PlainRequest) -> Any:
        """Give back what was asked."""
        time.sleep(self.pause)
        if verb == "snapshot":
            raise UsageError("preview images are off")
        if verb == "stats":
            raise RuntimeError("a mistake of ours")
        self.asked.append((verb, request))
        return {"verb": verb}


@dataclass
class Asker:
    """Sends requests to a fake node and collects its answers."""

    controls: FakeControls = field(default_factory=FakeControls)
    out: FakeClient = field(default_factory=FakeClient)

    def __post_init__(self) -> None:
        self.requests = Requests(TOPICS, self.controls, self.out)

    def ask(self, verb: str, payload: bytes, **more: Any) -> None:
        """Send one request."""
        self.requests.receive(Received(TOPICS.request(verb), payload, **more))

    def answers(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many answers."""
        assert wait_for(lambda: len(self.out.sent) >= count)
        return [json.loads(message.payload) for message in self.out.sent]


@pytest.mark.parametrize("verb", [v for v in VERBS if v not in {"stats", "snapshot"}])
def test_a_request_is_carried_out_and_answered_once(verb: Verb) -> None:
    """Without it: requests to a node wouldn't work."""
    asker = Asker()
    payload = (
        b'{"action": "list", "transaction": 7}' if verb == "gestures" else b'{"transaction": 7}'
    )
    with asker.requests:
        asker.ask(verb, payload)
        assert asker.answers(1) == [{"status": "ok", "data": {"verb": verb}, "transaction": 7}]
        time.sleep(0.05)
    assert len(asker.out.sent) == 1
    (message,) = asker.out.sent
    assert (message.topic, message.qos, message.retain) == (TOPICS.response(verb), 1, False)
    check_message(message.topic, message.payload)


@pytest.mark.parametrize(
    ("verb", "payload", "expected"),
    [
        ("dance", b'{"transaction": "t"}', "unknown request 'dance': known are info, health"),
        ("set", b'{"max_hands": 9, "transaction": "t"}', "max_hands"),
        ("set", b'{"max_hands": "two", "transaction": "t"}', "Expected `int`"),
        ("set", b'{"max_handss": 1, "transaction": "t"}', "unknown field `max_handss`"),
        ("set", b'{"enabled": 1, "transaction": "t"}', "Expected `bool`"),
        ("gestures", b'{"transaction": "t"}', "missing required field `action`"),
        ("gestures", b'{"action": "teach", "transaction": "t"}', '"teach" needs a name'),
        ("snapshot", b'{"transaction": "t"}', "preview images are off"),
        ("info", b'{"transaction": "t", "x": 1}', "unknown field `x`"),
    ],
)
def test_a_wrong_request_gets_an_error_and_changes_nothing(
    verb: str, payload: bytes, expected: str
) -> None:
    """Without it: a typo would change something else, or be lost in silence."""
    asker = Asker()
    with asker.requests:
        asker.ask(verb, payload)
        (answer,) = asker.answers(1)
    assert answer["status"] == "error"
    assert expected in answer["error"]
    assert answer["transaction"] == "t"
    assert asker.controls.asked == []


@pytest.mark.parametrize(
    "payload",
    [b"{", b"\xff", b"[]", b"null", b"[" * 4000, b"x" * (MAX_BYTES + 1), b'{"transaction": {}}'],
)
def test_what_is_no_request_at_all_is_answered_too(payload: bytes) -> None:
    """Without it: a requester would wait forever."""
    asker = Asker()
    with asker.requests:
        asker.ask("info", payload)
        (answer,) = asker.answers(1)
    assert answer["status"] == "error"
    assert asker.controls.asked == []


def test_our_own_mistake_is_answered_and_survived() -> None:
    """Without it: one failing request would end all requests."""
    asker = Asker()
    with asker.requests:
        asker.ask("stats", b"")
        asker.ask("info", b"")
        first, second = asker.answers(2)
    assert (first["status"], second["status"]) == ("error", "ok")


def test_an_mqtt_5_asker_gets_its_answer_where_it_wants_it() -> None:
    """Without it: request libraries of MQTT 5 would not work."""
    asker = Asker()
    with asker.requests:
        asker.ask("info", b"", response_topic="my/answers", correlation=b"c")
        for topic in REFUSED_TOPICS:
            asker.ask("info", b"", response_topic=topic)
        asker.ask("health", b"")
        assert wait_for(lambda: len(asker.out.sent) == 2)
    assert [m.topic for m in asker.out.sent] == ["my/answers", TOPICS.response("health")]


def test_more_correlation_data_than_a_broker_may_stand_is_refused() -> None:
    """Without it: an answer of 65 kB would make the broker close the connection, each time."""
    asker = Asker()
    with asker.requests:
        asker.ask("info", b'{"transaction": 1}', correlation=b"c" * 65_000)
        asker.ask("info", b'{"transaction": 2}', correlation=b"c" * MAX_CORRELATION)
        first, second = asker.answers(2)
    assert (first["status"], first["transaction"]) == ("error", 1)
    assert "65000 bytes of correlation data are too many: at most 256" in first["error"]
    assert (second["status"], second["transaction"]) == ("ok", 2)


@dataclass
class FakePeers:
    """Who else is there."""

    primary: bool
    siblings: tuple[str, ...]


@pytest.mark.parametrize(
    ("primary", "payload", "status"),
    [
        (True, b"{}", "ok"),
        (False, b"{}", None),
        (True, b'{"camera": "side"}', None),
        (False, b'{"camera": "main"}', "ok"),
        (True, b'{"camera": "cellar"}', "error"),
        (False, b'{"camera": "cellar"}', None),
        (True, b'{"camera": 5, "transaction": 7}', "error"),
        (False, b"{", None),
        (True, b"{", "error"),
    ],
)
def test_of_several_cameras_one_service_answers(
    primary: bool, payload: bytes, status: str | None
) -> None:
    """Without it: two services of a node would both carry out what one is asked."""
    asker = Asker()
    asker.requests._peers = FakePeers(primary, ("side",))
    answer = asker.requests.handle(Received(TOPICS.request("info"), payload))
    assert (answer and answer.status) == status
    assert len(asker.controls.asked) == (status == "ok")
    if b"cellar" in payload and answer:
        assert "no camera 'cellar' on this node: there is main, side" in str(answer.error)
    if b"transaction" in payload and answer:
        assert answer.transaction == 7


def test_what_strangers_ask_wrongly_is_logged_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without it: who may send requests could fill the log, and the card."""
    asker = Asker()
    for number in range(50):
        asker.requests._reply(
            Received(TOPICS.request("info"), b"", response_topic=f"$x/{number}"),
            ResponseMessage(status="ok"),
        )
        switch = Received(TOPICS.enabled_set, b"nonsense")
        answer = asker.requests.handle(switch)
        assert answer is not None
        asker.requests._reply(switch, answer)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    "topic",
    [
        "edgehands/other/status",
        "edgehands/other/request/set",
        f"{TOPICS.response('info')}/a/b",
        "homeassistant/device/other/config",
        TOPICS.status,
        TOPICS.presence,
        TOPICS.enabled_set,
        TOPICS.request("set"),
        TOPICS.discovery("homeassistant"),
        TOPICS.discovery("ha/own"),
    ],
)
def test_who_may_only_ask_can_not_make_a_node_speak_nonsense_in_its_own_name(topic: str) -> None:
    """Without it: a program with the right to ask could spoil a node's status for everybody."""
    asker = Asker()
    with asker.requests:
        asker.ask("info", b"", response_topic=topic)
        asker.ask("info", b"", response_topic=f"{TOPICS.node}/response/info/me")
        assert wait_for(lambda: asker.out.sent)
    assert [m.topic for m in asker.out.sent] == [f"{TOPICS.node}/response/info/me"]


def test_the_switch_is_a_plain_word() -> None:
    """Without it: Home Assistant's switch would do nothing."""
    asker = Asker()
    with asker.requests:
        for payload in (b"OFF", b"off", b"", b"ON"):
            asker.requests.receive(Received(TOPICS.enabled_set, payload))
        assert wait_for(lambda: len(asker.controls.asked) == 2)
    assert asker.controls.asked == [
        ("set", SetRequest(enabled=False)),
        ("set", SetRequest(enabled=True)),
    ]
    assert asker.out.sent == []  # the retained state is the answer


def test_a_flood_is_refused_and_what_was_accepted_is_answered() -> None:
    """Without it: one broken program on the network could stop the hands."""
    asker = Asker(FakeControls(pause=0.01))
    with asker.requests:
        begin = time.monotonic()
        for _ in range(3000):
            asker.ask("info", b"")
        assert time.monotonic() - begin < 2.0
        assert wait_for(lambda: len(asker.controls.asked) >= BURST)
        assert wait_for(lambda: len(asker.out.sent) >= len(asker.controls.asked))
    good = [m for m in asker.out.sent if json.loads(m.payload)["status"] == "ok"]
    busy = [m for m in asker.out.sent if "busy" in m.payload.decode()]
    assert len(good) == len(asker.controls.asked) <= 2 * BURST
    assert 0 < len(busy) < 100


def test_a_request_may_have_four_kilobytes_and_no_more() -> None:
    """Without it: what docs promise to refuse unread would be read, or a good request refused."""
    asker = Asker()
    for size, status in ((4096, "ok"), (4097, "error")):
        payload = b"{}" + b" " * (size - 2)
        answer = asker.requests.handle(Received(TOPICS.request("info"), payload))
        assert answer is not None
        assert answer.status == status
        assert (status == "ok") == ("at most 4096" not in str(answer.error))


def test_after_a_burst_ten_a_second_are_let_through() -> None:
    """Without it: a flood would be carried out, or nothing ever again after one."""
    now = 0.0
    bucket = TokenBucket(10.0, 20, now)
    assert [bucket.take(now) for _ in range(25)].count(True) == 20
    for _ in range(3):
        now += 1.0
        assert [bucket.take(now) for _ in range(25)].count(True) == 10
    now += 0.25
    assert [bucket.take(now) for _ in range(25)].count(True) == 2
    assert not bucket.rested
    now += 1000.0
    assert bucket.take(now)
    assert bucket.rested
    assert [bucket.take(now) for _ in range(25)].count(True) == 19


def test_an_answer_is_bounded_whatever_was_asked() -> None:
    """Without it: who asks could have a node fill the broker, and others' screens."""
    asker = Asker()
    answer = asker.requests.handle(Received(TOPICS.request("x" * 5000), b""))
    assert answer is not None
    assert "x" * 33 not in str(answer.error)
    for payload in (b'{"' + b"x" * 4000 + b'": 1}', b'{"transaction": "' + b"x" * 4000 + b'"}'):
        answer = asker.requests.handle(Received(TOPICS.request("info"), payload))
        assert answer is not None
        assert answer.status == "error"
        assert len(str(answer.error)) <= 1000
