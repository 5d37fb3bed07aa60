"""What waits for the network: bounded, in order, never stale."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import pytest

from edgehands.mqtt.broker.link import FRESH_S, Link
from edgehands.mqtt.contract.messages import HandsMessage
from edgehands.mqtt.contract.reading import check_message
from edgehands.mqtt.live_hands import LiveHands
from edgehands.mqtt.outbox import EVENTS_IN_FLIGHT, MAX_EVENTS, MAX_WAIT_S, Outbox
from tests.mqtt_hands import make_frame, make_hand


@dataclass(frozen=True)
class Note:
    """A live message for the tests."""

    text: str
    ready: float
    lasting: bool = False
    topic: str = "hands"

    def encode(self) -> bytes:  # noqa: D102
        return self.text.encode()


class Clock:
    """A clock that the test moves."""

    now = 100.0

    def __call__(self) -> float:  # noqa: D102
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(clock: Clock) -> Outbox:
    return Outbox(lambda: None, clock=clock)


def test_only_the_newest_live_message_is_sent(outbox: Outbox, clock: Clock) -> None:
    """Without it: a slow link would show hands later and later."""
    for text in ("a", "b", "c"):
        outbox.live(Note(text, clock.now))
    assert [message.encode() for message in outbox.take_live()] == [b"c"]
    assert outbox.take_live() == []
    assert (outbox.counters.live_superseded, outbox.counters.live_sent) == (2, 1)


def test_a_live_message_that_waited_too_long_is_dropped(outbox: Outbox, clock: Clock) -> None:
    """Without it: the first message after an outage would be an old one."""
    outbox.live(Note("old", clock.now))
    clock.now += MAX_WAIT_S + 0.01
    assert not outbox.has_live()
    assert outbox.take_live() == []
    assert outbox.counters.live_expired == 1


def test_an_empty_list_waits_as_long_as_it_takes(outbox: Outbox, clock: Clock) -> None:
    """Without it: a hand that left during an outage would stay on every screen."""
    outbox.live(Note("nothing seen", clock.now, lasting=True))
    clock.now += 3600
    assert not outbox.drained()
    assert [message.encode() for message in outbox.take_live()] == [b"nothing seen"]
    assert outbox.drained()


def test_of_a_state_only_the_newest_value_is_sent(outbox: Outbox) -> None:
    """Without it: after a stall, presence would flicker through all that was."""
    outbox.state("presence", b"ON")
    assert outbox.due_states() == [("presence", b"ON")]
    for value in (b"OFF", b"ON", b"OFF"):
        outbox.state("presence", value)
    assert outbox.due_states() == []  # the first is still on its way
    outbox.state_acknowledged("presence")
    assert outbox.due_states() == [("presence", b"OFF")]
    outbox.state_acknowledged("presence")
    assert outbox.due_states() == []
    assert outbox.drained()


def test_a_state_that_returned_to_what_the_broker_has_is_not_sent_again(outbox: Outbox) -> None:
    """Without it: subscribers would be woken for nothing."""
    outbox.state("presence", b"ON")
    outbox.due_states()
    outbox.state("presence", b"OFF")
    outbox.state("presence", b"ON")
    outbox.state_acknowledged("presence")
    assert outbox.due_states() == []


def test_after_a_reconnect_every_state_is_sent_again(outbox: Outbox) -> None:
    """Without it: after a broker lost its retained messages, new subscribers would get nothing."""
    outbox.state("status", b"online")
    outbox.state("presence", b"ON")
    outbox.due_states()
    outbox.state_acknowledged("status")
    outbox.connected()
    assert outbox.due_states() == [("status", b"online"), ("presence", b"ON")]


def test_events_of_an_outage_come_in_order_and_unacknowledged_ones_again(outbox: Outbox) -> None:
    """Without it: a swipe could be lost, or arrive before the hand that made it."""
    for number in range(EVENTS_IN_FLIGHT + 3):
        outbox.event("event", str(number).encode())
    first = outbox.due_events()
    assert [event.payload for event in first] == [b"%d" % n for n in range(EVENTS_IN_FLIGHT)]
    assert outbox.due_events() == []
    outbox.event_acknowledged(first[0].number)
    outbox.connected()
    again = outbox.due_events()
    assert [event.payload for event in again] == [b"%d" % n for n in range(1, EVENTS_IN_FLIGHT + 1)]


def test_the_newest_thousand_events_survive_and_the_rest_is_counted(outbox: Outbox) -> None:
    """Without it: a week without a broker would fill the memory."""
    for number in range(MAX_EVENTS + 7):
        outbox.event("event", str(number).encode())
    assert outbox.counters.events_dropped == 7
    assert outbox.due_events()[0].payload == b"7"


def test_on_a_fast_link_every_message_waits_for_a_fresh_answer() -> None:
    """Without it: messages would pile up in the buffers of a broker that has just stalled."""
    link = Link()
    assert not link.clear(1.0)
    link.asked(1.0)
    assert link.waiting
    link.answered(1.001)
    assert link.clear(1.001)
    assert not link.clear(1.001 + FRESH_S + 0.001)
    assert not link.slow


def test_on_a_slow_link_an_answer_counts_for_longer_than_a_round_trip() -> None:
    """Without it: over a phone's network the rate would fall to one message a round trip."""
    link = Link()
    now = 0.0
    for _ in range(30):
        link.asked(now)
        now += 0.2
        link.answered(now)
    assert link.slow
    assert link.clear(now + 0.25)
    assert not link.clear(now + 0.45)


def test_one_late_answer_does_not_make_a_link_slow() -> None:
    """Without it: a hiccup of the Wi-Fi would let old hands through at the next stall."""
    link = Link()
    now = 0.0
    for wait in [0.002] * 20 + [0.1]:
        link.asked(now)
        now += wait
        link.answered(now)
    assert not link.slow


def test_whatever_is_added_wakes_the_network_side(clock: Clock) -> None:
    """Without it: a message would wait until something else happens on the connection."""
    woken: list[bool] = []
    outbox = Outbox(lambda: woken.append(True), clock=clock)
    outbox.state("status", b"online")
    for count, add in enumerate(
        (
            lambda: outbox.state("status", b"offline"),
            lambda: outbox.event("event", b"1"),
            lambda: outbox.once("other", b"1"),
            lambda: outbox.live(Note("a", clock.now)),
            lambda: outbox.note("stats", b"1"),
            lambda: outbox.repeat("status"),
            outbox.repeat_all,
        ),
        2,
    ):
        add()
        assert len(woken) == count
    outbox.state("status", b"offline")  # nothing new
    assert len(woken) == 8


def test_events_in_flight_count_too_and_the_oldest_goes_first(outbox: Outbox) -> None:
    """Without it: what is in flight would be kept beyond the bound, or new events lost for it."""
    outbox.event("event", b"first")
    (first,) = outbox.due_events(1)
    for number in range(MAX_EVENTS - 1):
        outbox.event("event", str(number).encode())
    assert outbox.counters.events_dropped == 0
    outbox.event("event", b"newest")
    assert outbox.counters.events_dropped == 1
    outbox.event_acknowledged(first.number)  # it may have arrived all the same
    assert outbox.due_events(1)[0].payload == b"0"


def test_what_is_forgotten_is_not_sent_on_the_next_connection(outbox: Outbox) -> None:
    """Without it: a twin that gave way would publish over the one that goes on."""
    outbox.state("status", b"online")
    outbox.state("presence", b"ON")
    outbox.forget("status")
    for payload in (b"in flight", b"waiting"):
        outbox.event("event", payload)
    outbox.due_events(1)
    outbox.forget_events()
    assert outbox.counters.events_dropped == 2
    outbox.connected()
    assert outbox.due_states() == [("presence", b"ON")]
    assert outbox.due_events() == []


def test_an_event_that_is_dropped_is_counted_once(outbox: Outbox) -> None:
    """Without it: `stats` would hide events refused by the broker, or count too many."""
    for payload in (b"bad", b"worse", b"good"):
        outbox.event("event", payload)
    (bad,) = outbox.due_events(1)
    outbox.drop_event(bad.number)
    outbox.drop_event(bad.number + 1)  # it still waits
    outbox.drop_event(bad.number)
    assert outbox.counters.events_dropped == 2
    assert [event.payload for event in outbox.due_events()] == [b"good"]


def test_nothing_is_sent_on_a_muted_topic_until_its_time_is_over(
    outbox: Outbox, clock: Clock
) -> None:
    """Without it: what makes a broker hang up would be sent again with every connection."""
    for topic in ("bad", "good"):
        outbox.live(Note(topic, clock.now, lasting=True, topic=topic))
        outbox.note(topic, b"1")
        outbox.event(topic, b"1")
        outbox.state(topic, b"1")
    outbox.mute("bad", 600.0)
    outbox.live(Note("again", clock.now, lasting=True, topic="bad"))
    outbox.note("bad", b"2")
    outbox.event("bad", b"2")
    assert [message.topic for message in outbox.take_live()] == ["good"]
    assert outbox.due_notes() == [("good", b"1")]
    assert [event.topic for event in outbox.due_events()] == ["good"]
    assert outbox.due_states() == [("good", b"1")]
    assert (outbox.counters.events_dropped, outbox.counters.live_expired) == (2, 1)
    clock.now += 600.0
    outbox.event("bad", b"3")
    assert [event.payload for event in outbox.due_events()] == [b"3"]
    assert outbox.due_states() == [("bad", b"1")]


@pytest.mark.parametrize("compact", [False, True])
def test_a_frames_latency_is_told_in_milliseconds(*, compact: bool) -> None:
    """Without it: a delay of a fifth of a second would look like none, or like minutes."""
    now = time.monotonic()
    tracked = make_frame(make_hand(1))
    tracked = replace(tracked, frame=replace(tracked.frame, t_mono=now - 0.2))
    payload = LiveHands("edgehands/n/camera/main/hands", tracked, now, compact).encode()
    topic = "edgehands/n/camera/main/hands" + ("/bin" if compact else "")
    message = check_message(topic, payload).content
    assert isinstance(message, HandsMessage)
    assert 199 <= message.latency_ms < 5000
