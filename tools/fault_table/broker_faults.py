"""Faults of the broker: killed, stalled, away for long, or busy with a slow subscriber."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tools.common.waiting import wait_for
from tools.fault_table.row import ONLINE_S, Lengths, Row
from tools.fault_table.scene import (
    finish,
    retained_state,
    say_age,
    say_events,
    scene,
    until_hands,
    until_online,
    what_is_wrong,
)
from tools.fault_table.watch import delivery

if TYPE_CHECKING:
    from pathlib import Path

MAX_EVENTS = 1000


def restarts(folder: Path, lengths: Lengths) -> Row:
    """Kill the broker and start it again, many times."""
    row = Row(f"broker killed and restarted {lengths.restarts} times under 30 frames a second")
    chance = random.Random(6)  # noqa: S311 - the same pauses in each run
    rounds = min(5, lengths.restarts) if lengths.judged else 1
    back: list[float] = []
    wrong: list[str] = []
    with scene(folder) as at:
        topics = set(retained_state(at))
        for _ in range(rounds):
            with at.frames.quiet():
                time.sleep(lengths.quiet_s)
            with at.frames.faulty():
                for number in range(lengths.restarts // rounds):
                    at.broker.kill()
                    time.sleep(6.0 if number == 4 else chance.uniform(0.0, 2.0))
                    at.broker.start()
                    back.append(until_online(at))
                    wrong += what_is_wrong(at, topics)
                    time.sleep(chance.uniform(0.2, 1.0))
        finish(at)
        row.frames(at.frames.compare(), judged=lengths.judged)
        row.say(
            f"online again after {sorted(back)[len(back) // 2]:.2f} s, at most {max(back):.2f} s",
            holds=max(back) <= ONLINE_S or not lengths.judged,
        )
        row.say(
            f"retained state right after each ({len(topics)} topics)"
            if not wrong
            else "retained state wrong: " + ", ".join(wrong[:3]),
            holds=not wrong,
        )
        say_events(row, at)
        say_age(row, at, judged=lengths.judged)
    return row


def stall(folder: Path, lengths: Lengths) -> Row:
    """Freeze the broker."""
    row = Row(f"broker stalls for {lengths.stall_s:.0f} s (SIGSTOP), {lengths.rounds} times")
    back: list[float] = []
    with scene(folder) as at:
        topics = set(retained_state(at))
        wrong = []
        for _ in range(lengths.rounds):
            with at.frames.quiet():
                time.sleep(lengths.quiet_s)
            with at.frames.faulty():
                at.broker.pause()
                time.sleep(lengths.stall_s)
                at.broker.resume()
                back.append(until_hands(at))
            wrong += what_is_wrong(at, topics)
        finish(at)
        row.frames(at.frames.compare(), judged=lengths.judged)
        row.say(
            f"hands again after {max(back):.2f} s",
            holds=max(back) <= ONLINE_S or not lengths.judged,
        )
        row.say(f"retained state {'wrong: ' + wrong[0] if wrong else 'right'}", holds=not wrong)
        say_events(row, at)
        say_age(row, at, judged=lengths.judged, on_their_way=lengths.rounds)
    return row


def outage(folder: Path, lengths: Lengths) -> Row:
    """Leave the broker away for so long that not all events can be kept."""
    row = Row(f"broker away for {lengths.outage_s:.0f} s while 30 events a second happen")
    with scene(folder, blinking=True, tracking__max_hands="8") as at:
        with at.frames.quiet():
            time.sleep(lengths.quiet_s)
        at.broker.kill()
        before = len(at.watch.events)
        with at.frames.faulty():
            time.sleep(lengths.outage_s)
        at.broker.start()
        back = until_online(at)
        wait_for(lambda: len(at.watch.events) - before >= MAX_EVENTS, 5)
        time.sleep(2.0)
        stats = at.watch.ask("stats")
        finish(at)
        row.frames(at.frames.compare(), judged=lengths.judged)
        row.say(f"online again after {back:.2f} s", holds=back <= ONLINE_S or not lengths.judged)
        dropped = stats.drops.events if stats is not None else -1
        all_events = delivery(at.watch.events)
        after = delivery(at.watch.events[before:])
        kept = f"{all_events.missing} events dropped, {dropped} counted as dropped"
        # One that was on its way when the broker died may have arrived and be counted all the same.
        row.say(kept, holds=0 <= dropped - all_events.missing <= 16)
        if all_events.missing:
            row.say(
                f"the newest {MAX_EVENTS} and those since delivered in order "
                f"({after.count}, {after.missing} missing)",
                holds=after.in_order and after.missing == 0 and after.count >= MAX_EVENTS,
            )
        else:
            row.say(f"all {all_events.count} events delivered in order", holds=all_events.in_order)
        say_age(row, at, judged=lengths.judged)
    return row


def slow_subscriber(folder: Path, lengths: Lengths) -> Row:
    """Another subscriber of the same topics stops reading."""
    row = Row(f"a subscriber that doesn't read for {lengths.slow_s:.0f} s")
    with scene(folder) as at:
        for _ in range(lengths.rounds):
            with at.frames.quiet():
                time.sleep(lengths.quiet_s)
            slow = subprocess.Popen(
                ["mosquitto_sub", "-p", str(at.broker.port), "-t", "edgehands/#", "-q", "1"],
                stdout=subprocess.DEVNULL,
            )
            time.sleep(0.5)
            slow.send_signal(signal.SIGSTOP)
            with at.frames.faulty():
                time.sleep(lengths.slow_s)
            slow.kill()
            slow.wait()
        finish(at)
        row.frames(at.frames.compare(), judged=lengths.judged)
        say_events(row, at)
        say_age(row, at, judged=lengths.judged)
    return row
