"""A consumer that asks a thousand times a second."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgehands.mqtt.requests import BURST, RATE
from tools.fault_table.row import Lengths, Row
from tools.fault_table.scene import finish, say_age, say_events, scene
from tools.fault_table.service import NODE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PER_SECOND = 1000
_STEP_S = 0.02


def flood(folder: Path, lengths: Lengths) -> Row:
    """Ask far more than is answered."""
    row = Row(f"{PER_SECOND} requests a second, {lengths.rounds} times {lengths.flood_s:.0f} s")
    sent = [0]
    with scene(folder) as at:
        for _ in range(lengths.rounds):
            with at.frames.quiet():
                time.sleep(lengths.quiet_s)
            with _flooding(at.broker.port, sent), at.frames.faulty():
                time.sleep(lengths.flood_s)
        finish(at)
        time.sleep(1.0)
        counted = at.watch.answered
        twice = sum(count > 1 for transaction, count in counted.items() if transaction)
        good = sum(count for transaction, count in counted.items() if transaction)
        # What the limit lets through: so many a second, and a burst at the start of each.
        least = int(0.9 * RATE * lengths.flood_s * lengths.rounds)
        most = int(RATE * (lengths.flood_s + 3.0) * lengths.rounds) + BURST * lengths.rounds
        row.frames(at.frames.compare(), judged=lengths.judged)
        row.say(
            f"{sent[0]} asked, {good} answered (the limit of {RATE:.0f} a second and {BURST} at "
            f"once lets {least} to {most} through), {twice} twice",
            holds=least <= good <= most and not twice,
        )
        row.say(f"{counted.get('', 0)} told to ask later, the rest left out", holds=True)
        stats = at.watch.ask("stats", 5.0)
        row.say("a request after it is answered", holds=stats is not None)
        say_events(row, at)
        say_age(row, at, judged=lengths.judged)
    return row


@contextmanager
def _flooding(port: int, sent: list[int]) -> Iterator[None]:
    """Ask for the statistics as often as can be, through a process of its own."""
    asker = subprocess.Popen(
        ["mosquitto_pub", "-p", str(port), "-l", "-t", f"edgehands/{NODE}/request/stats"],
        stdin=subprocess.PIPE,
    )
    over = threading.Event()

    def feed() -> None:
        assert asker.stdin is not None
        due = time.monotonic()
        while not over.is_set():
            for _ in range(round(PER_SECOND * _STEP_S)):
                sent[0] += 1
                asker.stdin.write(b'{"transaction":"f%d"}\n' % sent[0])
            asker.stdin.flush()
            due += _STEP_S
            time.sleep(max(due - time.monotonic(), 0.0))
        asker.stdin.close()

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        asker.wait(10)
