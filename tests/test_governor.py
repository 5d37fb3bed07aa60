"""The governor: fewer frames while the board is hot, all of them again when it is cool."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import pytest

from edgehands.mqtt.fake import FakePublisher
from edgehands.service.governor import COOL_S, LEAST_FPS, SHARES, Governor
from edgehands.service.loop import Parts, run_service
from edgehands.service.report import Reporter
from edgehands.service.statistics import StageTimes
from tests.test_service_loop import ScriptedSource, ScriptedTracker
from tools.common.waiting import wait_for


@dataclass
class Board:
    """Shows a governor one report every ten seconds."""

    governor: Governor = field(default_factory=Governor)
    t: float = 0.0

    def show(
        self, fps: float, temperature_c: float | None = None, throttled: int | None = None
    ) -> float:
        """One report; gives the limit that holds from now on."""
        self.governor.update(self.t, fps, temperature_c=temperature_c, throttled=throttled)
        self.t += 10.0
        return self.governor.limit


def test_it_steps_down_to_a_quarter_and_no_further() -> None:
    """Without it: a hot board would be throttled blindly, or a service throttled to nothing."""
    board = Board()
    limits = [board.show(20.0, 82.0) for _ in range(6)]
    assert limits == [20.0 * share for share in (*SHARES[1:], SHARES[-1], SHARES[-1])]
    assert board.governor.reason == "82 °C"


@pytest.mark.parametrize("flags", [0x1, 0x2, 0x4, 0x8, 0x50005])
def test_every_flag_for_now_counts(flags: int) -> None:
    """Without it: a weak supply would be met with full load until the board falls over."""
    assert Board().show(20.0, 60.0, flags) == 15.0


@pytest.mark.parametrize("flags", [None, 0, 0x50000])
def test_what_was_before_does_not(flags: int | None) -> None:
    """Without it: one under-voltage at boot would slow the service down for years."""
    board = Board()
    assert [board.show(20.0, 60.0, flags) for _ in range(20)] == [0.0] * 20


def test_without_sensors_nothing_happens() -> None:
    """Without it: a PC without a thermal zone would be slowed down."""
    board = Board()
    assert [board.show(30.0) for _ in range(10)] == [0.0] * 10


def test_it_comes_back_step_by_step_only_after_a_cool_minute() -> None:
    """Without it: it would swing between hot and cold, or never come back."""
    board = Board()
    board.show(20.0, 81.0)
    assert board.show(15.0, 81.0) == 10.0
    # Neither hot nor cool: it stays, however long.
    assert {board.show(10.0, 77.0) for _ in range(20)} == {10.0}
    limits = [board.show(10.0, 70.0) for _ in range(14)]
    steps = round(COOL_S / 10)
    assert limits[:steps] == [10.0] * steps
    assert limits[steps : 2 * steps] == [15.0] * steps
    assert limits[2 * steps :] == [0.0] * (14 - 2 * steps)
    assert board.governor.reason == ""


def test_a_warm_spell_begins_the_minute_anew() -> None:
    """Without it: a board at the edge would be sped up in the midst of its heat."""
    board = Board()
    board.show(20.0, 81.0)
    for _ in range(10):
        assert [board.show(15.0, 70.0) for _ in range(5)] == [15.0] * 5
        assert board.show(15.0, 76.0) == 15.0


def test_slow_boards_and_absent_cameras_are_left_alone() -> None:
    """Without it: a Pi Zero at two frames a second would lose what it has."""
    assert [Board().show(fps, 90.0) for fps in (0.0, 1.0, LEAST_FPS)] == [0.0] * 3
    board = Board()
    assert [board.show(4.0, 90.0) for _ in range(4)] == [3.0, 2.0, 2.0, 2.0]


def test_the_loop_keeps_to_the_limit() -> None:
    """Without it: the governor's decisions would have no effect."""
    governor = Governor()
    governor.limit = 10.0
    source = ScriptedSource(["frame"] * 1000)
    tracker = ScriptedTracker()
    stop = threading.Event()
    parts = Parts(source, tracker, FakePublisher(), governor=governor)
    thread = threading.Thread(target=run_service, args=(parts, stop))
    begin = time.monotonic()
    thread.start()
    time.sleep(1.0)
    stop.set()
    thread.join(5.0)
    spent = time.monotonic() - begin
    # However busy this machine is, it can't be more than the limit allows, the first one and one
    # to catch up with; without the limit it would be hundreds.
    assert 1 <= 1000 - len(source.script) <= 10.0 * spent + 2


def test_the_report_is_shown_to_the_governor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: the governor would never hear that the board is hot."""
    monkeypatch.setattr("edgehands.service.report.temperature_c", lambda: 84.0)
    monkeypatch.setattr("edgehands.service.report.throttled_flags", lambda: None)
    governor = Governor()
    frames = iter(range(0, 100_000, 1000))
    reporter = Reporter(
        source=ScriptedSource([]),
        publisher=FakePublisher(),
        times=StageTimes(("track",)),
        frames=lambda: next(frames),
        every=0.05,
        governor=governor,
    )
    said: list[str] = []

    class Listener:
        def status(self, text: str) -> None:
            said.append(text)

    with reporter.telling(Listener()):  # type: ignore[arg-type]
        assert wait_for(lambda: any("held back: 84 °C" in line for line in said)), said
    assert governor.limit > 0
