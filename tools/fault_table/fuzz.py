"""Made-up messages to everything that a live node reads or writes."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edgehands.mqtt.contract.topics import Topics
from tools.common.hostile import Attacker, made_up
from tools.common.mosquitto import Mosquitto
from tools.common.waiting import wait_for
from tools.fault_table.film import write_film
from tools.fault_table.row import Row
from tools.fault_table.service import NODE, Service
from tools.fault_table.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

TOPICS = Topics(node=NODE)

LEAST_RATE = 3.0
"""Hands messages a second below which they don't flow; a busy machine gives fewer than 30."""

LINES = 12
"""As many lines may be logged for a minute of hostile messages, and half of that for less."""


def fuzz(folder: Path, *, count: int, random: Random, quiet_s: float, rate: float) -> Row:
    """Publish ``count`` messages, and see whether the node minds.

    Args:
        folder: for everything.
        count: messages.
        random: makes them up.
        quiet_s: before and after, seconds.
        rate: messages a second, at most.
    """
    row = Row(f"{count} made-up messages to a live node")
    film = write_film(folder / "film.avi")
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder, verbose=False))
        watch = stack.enter_context(Watch(broker.port, forgiving=True))
        service = stack.enter_context(Service(film, broker.url, folder))
        assert watch.wait_for_hands(60), service.log.read_text()
        before = _ask(watch, "config")
        lines = len(service.lines(""))
        attacker = stack.enter_context(Attacker(broker.port))

        def rate_of(seconds: float) -> float:
            hands, begin = watch.hands, time.monotonic()
            time.sleep(seconds)
            return (watch.hands - hands) / (time.monotonic() - begin)

        _say_rate(row, "before", rate_of(quiet_s))
        hands, begin = watch.hands, time.monotonic()
        for number in range(count):
            attacker.send(made_up(TOPICS, random))
            time.sleep(max(begin + number / rate - time.monotonic(), 0.0))
        took = time.monotonic() - begin
        row.say(f"{attacker.sent} messages in {took:.0f} s", holds=attacker.sent == count)
        _say_rate(row, "during", (watch.hands - hands) / took)
        _say_rate(row, "after", rate_of(quiet_s))
        wait_for(lambda: watch.ask("stats", 2.0) is not None, 20)  # a burst of the limit has passed
        after = _ask(watch, "config")
        same = before is not None and before == after
        row.say("settings as before" if same else "settings changed", holds=same)
        stats = watch.ask("stats", 10.0)
        reconnects = stats.broker_reconnects if stats is not None else -1
        row.say(f"{reconnects} reconnects", holds=reconnects == 0)
        logged = len(service.lines("")) - lines
        row.say(f"{logged} log lines", holds=logged <= LINES * max(took / 60.0, 0.5))
        row.measured += [f"    {line[:300]}" for line in service.lines("")[lines:][:20]]
        broken = service.lines("Traceback") or service.lines("internal error")
        row.say(f"unexpected: {broken[0]}" if broken else "nothing unexpected", holds=not broken)
        row.say("process alive", holds=service.alive)
    return row


def _say_rate(row: Row, when: str, rate: float) -> None:
    row.say(f"{rate:.1f} hands messages a second {when}", holds=rate >= LEAST_RATE)


def _ask(watch: Watch, verb: str) -> object:
    """The data of an answer; None when none came."""
    for _ in range(5):
        transaction = watch.send(verb)
        if wait_for(lambda asked=transaction: asked in watch.answers, 4.0):  # type: ignore[misc]
            answer = json.loads(watch.answers.pop(transaction))
            if answer["status"] == "ok":
                return answer["data"]
        time.sleep(1.0)
    return None
