"""The short form of the fault table: the real service, a real broker, real faults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unmeasured import unmeasured
from tools.common.mosquitto import PROGRAM
from tools.fault_table import soak, watch

ROOT = Path(__file__).resolve().parents[1]


def events(*numbers: int) -> list[Any]:
    return [
        watch.EventSeen(id=f"run-{number}", event_type="hand_lost", hand_id=1, t=0.0)
        for number in numbers
    ]


def test_lost_repeated_and_swapped_events_are_told_apart() -> None:
    """Without it: the table would call a node good that loses what it promised to deliver."""
    good = watch.delivery(events(3, 4, 5))
    assert (good.count, good.missing, good.repeats, good.in_order) == (3, 0, 0, True)
    again = watch.delivery(events(3, 4, 3, 4, 5))
    assert (again.count, again.missing, again.repeats, again.in_order) == (3, 0, 2, True)
    assert watch.delivery(events(3, 5)).missing == 1
    assert not watch.delivery(events(3, 5, 4)).in_order


@pytest.mark.parametrize(
    ("last_mb", "threads", "descriptors", "good"),
    [
        (76.9, (8, 8), (7, 7), True),
        (77.1, (8, 8), (7, 7), False),
        (75.0, (8, 9), (7, 7), False),
        (75.0, (8, 8), (7, 8), False),
    ],
)
def test_a_soak_fails_when_anything_grows(
    last_mb: float, threads: tuple[int, int], descriptors: tuple[int, int], good: bool
) -> None:
    """Without it: a leak that takes weeks to show would be published with the word "pass"."""
    verdict = soak.Verdict(
        seconds=7200,
        first_mb=75.0,
        last_mb=last_mb,
        threads=threads,
        descriptors=descriptors,
        messages=1,
        oldest_ms=1.0,
        fps=30.0,
    )
    assert verdict.good is good
    assert str(verdict).endswith("pass" if good else "FAIL")


@pytest.mark.slow("four faults, each with real pauses of brokers and networks")
@pytest.mark.broker
def test_the_service_holds_what_it_promises_when_things_break() -> None:
    """Without it: a change could lose events or bring back old hands after an outage, unseen."""
    if PROGRAM is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    done = subprocess.run(
        [sys.executable, "-m", "tools", "faults", "--short"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=unmeasured(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[2:]
    assert len(lines) == 4
    held = [line for line in lines if line.endswith("| pass |")]
    left_out = [line for line in lines if "not run: needs " in line]
    assert len(held) + len(left_out) == 4, done.stdout
    assert len(held) >= 3, done.stdout


@pytest.mark.slow("600 messages, at the rate that a node answers")
@pytest.mark.broker
def test_a_live_node_minds_no_hostile_message() -> None:
    """Without it: a stranger's messages could stop the hands, fill the log, or change settings.

    The full form, 20,000 messages: ``python3 -m tools fuzz-live``.
    """
    if PROGRAM is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    done = subprocess.run(
        [sys.executable, "-m", "tools", "fuzz-live", "--count", "600", "--quiet-s", "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=unmeasured(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "600 messages" in done.stdout
