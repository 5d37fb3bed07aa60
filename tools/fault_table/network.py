"""A network that delays, loses, and is cut."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from tools.fault_table.row import ONLINE_S, Lengths, Row
from tools.fault_table.scene import (
    finish,
    retained_state,
    say_age,
    say_events,
    scene,
    until_hands,
    what_is_wrong,
)
from tools.fault_table.wire import Wire, why_not

if TYPE_CHECKING:
    from pathlib import Path

DELAY_S = 0.1
LOSS = 0.05


def bad_network(folder: Path, lengths: Lengths) -> Row:
    """Put the service behind a wire that loses and delays packets, and cut it for a while."""
    row = Row(
        f"network namespace: {LOSS:.0%} of packets lost and {DELAY_S * 1e3:.0f} ms delay in each "
        f"direction ({2 * DELAY_S * 1e3:.0f} ms there and back), cut for {lengths.cut_s:.0f} s"
    )
    row.skipped = why_not()
    if row.skipped:
        return row
    with Wire() as wire, scene(folder, wire=wire) as at:
        topics = set(retained_state(at))
        for last in (*(False,) * (lengths.rounds - 1), True):
            wire.set()
            time.sleep(1.0)
            with at.frames.quiet():
                time.sleep(lengths.quiet_s)
            with at.frames.faulty():
                wire.set(DELAY_S, LOSS)
                before = at.watch.hands
                time.sleep(lengths.network_s)
                rate = (at.watch.hands - before) / lengths.network_s
                if last:
                    wire.cut()
                    time.sleep(lengths.cut_s)
                    wire.set(DELAY_S, LOSS)
                    back = until_hands(at)
        wrong = what_is_wrong(at, topics)
        wire.set()
        finish(at)
        row.frames(at.frames.compare(), judged=lengths.judged)
        row.say(
            f"hands again {back:.2f} s after the cut",
            holds=back <= ONLINE_S or not lengths.judged,
        )
        row.say(f"{rate:.0f} hands messages a second with loss and delay", holds=rate > 0)
        row.say(f"retained state {'wrong: ' + wrong[0] if wrong else 'right'}", holds=not wrong)
        say_events(row, at)
        say_age(row, at, judged=lengths.judged, on_their_way=math.inf)
    return row
