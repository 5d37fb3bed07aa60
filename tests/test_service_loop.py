"""The frame loop with a camera, a tracker and a publisher that a test can rule."""

# ruff: noqa: ARG002, D102 - the stand-ins below have the methods of what they stand in for

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands.cameras.base import SourceInfo
from edgehands.config import TrackingConfig
from edgehands.errors import FrameError, SourceError
from edgehands.gestures.events import Interpretation
from edgehands.hand import Frame
from edgehands.mqtt.fake import FakePublisher
from edgehands.service.loop import Parts, run_service
from edgehands.service.notify import Notifier
from edgehands.service.report import Reporter
from edgehands.service.statistics import (
    Ring,
    StageTimes,
    resident_mb,
    restarts,
    temperature_c,
    throttled_flags,
)
from tests.mqtt_hands import make_hand
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.hand import FrameHands, Hand
    from edgehands.service.protocols import Interpreter

_IMAGE = np.zeros((48, 64, 3), np.uint8)


@dataclass
class ScriptedSource:
    """Gives what the script says, one step a read: a frame, nothing, or an error."""

    script: list[str]
    pause: float = 0.0
    finished: bool = False
    online: bool = True
    reconnects: int = 3
    dropped: int = 5
    failures: int = 2
    stuck_s: float = 0.0
    problem: str = ""
    seq: int = 0
    closed: int = 0

    def read(self, timeout: float) -> Frame | None:
        if not self.script:
            self.finished = True
            return None
        step = self.script.pop(0)
        time.sleep(self.pause)
        if step == "error":
            raise SourceError("clip.mp4: damaged")
        self.online = step != "away"
        self.problem = "" if self.online else "/dev/video9: no such camera:\nplug it in"
        if step != "frame":
            return None
        self.seq += 1
        return Frame(_IMAGE, self.seq, time.monotonic(), time.time(), "script")

    def describe(self) -> SourceInfo:
        return SourceInfo("script:", "fake", 64, 48, 30.0)

    def close(self) -> None:
        self.closed += 1


@dataclass
class ScriptedTracker:
    """Sees a hand in every frame, unless ``see`` says otherwise."""

    see: Callable[[int], tuple[Hand, ...]] = lambda _: (make_hand(1),)
    calls: int = 0
    times: list[float | None] = field(default_factory=list)
    config: TrackingConfig = field(default_factory=TrackingConfig)
    resets: int = 0

    def reconfigure(self, config: TrackingConfig) -> None:
        self.config = config
        self.resets += 1

    def continue_ids(self, other: ScriptedTracker) -> None: ...

    def close(self) -> None: ...

    def process(self, image: NDArray[np.uint8], timestamp: float | None = None) -> tuple[Hand, ...]:
        self.calls += 1
        self.times.append(timestamp)
        return self.see(self.calls)


def run(
    source: ScriptedSource,
    tracker: ScriptedTracker | None = None,
    *,
    interpreters: tuple[Interpreter, ...] = (),
    notifier: Notifier | None = None,
    on_online: Callable[[], None] | None = None,
) -> FakePublisher:
    """Run the service over a script until it ends."""
    with FakePublisher() as publisher:
        parts = Parts(
            source=source,
            tracker=tracker or ScriptedTracker(),
            publisher=publisher,
            interpreters=lambda _: interpreters,
            on_online=on_online,
        )
        run_service(parts, threading.Event(), notifier=notifier or Notifier({}))
    return publisher


def test_every_frame_becomes_a_message_and_the_end_is_told() -> None:
    """Without it: the service would not do what it is for."""
    tracker = ScriptedTracker()
    publisher = run(ScriptedSource(["frame"] * 5), tracker)
    messages = [json.loads(payload) for payload in publisher.on(publisher.topics.hands)]
    assert [message["seq"] for message in messages] == [1, 2, 3, 4, 5, 5]
    assert [len(message["hands"]) for message in messages] == [1, 1, 1, 1, 1, 0]
    assert publisher.on(publisher.topics.camera_status) == [b"offline", b"online", b"offline"]
    assert publisher.on(publisher.topics.presence) == [b"OFF", b"ON", b"OFF"]
    assert tracker.times == sorted(t for t in tracker.times if t is not None)


def test_a_camera_that_goes_away_and_returns_is_shown_and_survived() -> None:
    """Without it: a loose plug would end the service, or leave a hand frozen in the air."""
    told: list[int] = []
    source = ScriptedSource(["none", "frame", "frame", "away", "away", "frame"])
    publisher = run(source, on_online=lambda: told.append(1))
    assert publisher.on(publisher.topics.camera_status) == [
        b"offline",
        b"online",
        b"offline",
        b"online",
        b"offline",
    ]
    shown = [len(json.loads(p)["hands"]) for p in publisher.on(publisher.topics.hands)]
    assert shown == [1, 1, 0, 1, 0]
    assert len(told) == 2


def test_why_a_camera_is_away_is_told_and_taken_back() -> None:
    """Without it: only the service's log would know that a cable has come off."""
    publisher = run(ScriptedSource(["frame", "away", "away", "frame"]))
    told = publisher.on(publisher.topics.camera_problem)
    assert told == [b"", b"/dev/video9: no such camera: plug it in", b""]
    retained = [m for m in publisher.sent if m.topic == publisher.topics.camera_problem]
    assert all(message.retain and message.qos == 1 for message in retained)


def test_a_quiet_camera_is_not_a_lost_one() -> None:
    """Without it: at one frame a second, presence would flicker between the frames."""
    publisher = run(ScriptedSource(["frame", "none", "none", "frame"]))
    assert publisher.on(publisher.topics.camera_status) == [b"offline", b"online", b"offline"]


def test_a_damaged_file_ends_the_service_with_everything_said() -> None:
    """Without it: subscribers would believe in a hand of a service that is gone."""
    publisher = FakePublisher()
    parts = Parts(ScriptedSource(["frame", "error"]), ScriptedTracker(), publisher)
    with pytest.raises(SourceError, match="damaged"), publisher:
        run_service(parts, threading.Event())
    assert publisher.on(publisher.topics.camera_status)[-1] == b"offline"
    assert publisher.on(publisher.topics.camera_problem)[-1] == b"clip.mp4: damaged"
    assert publisher.on(publisher.topics.presence)[-1] == b"OFF"


def test_a_frame_that_the_tracker_refuses_is_left_out_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without it: one odd frame would end the service, or a thousand would fill the log."""

    def see(call: int) -> tuple[Hand, ...]:
        if call in {2, 3}:
            raise FrameError("timestamp runs backwards")
        return (make_hand(1),)

    publisher = run(ScriptedSource(["frame"] * 4), ScriptedTracker(see))
    assert len(publisher.on(publisher.topics.hands)) == 3
    assert caplog.text.count("left out") == 1


def test_an_interpreter_adds_meaning_before_publication() -> None:
    """Without it: gestures would never reach the subscribers."""

    def interpret(tracked: FrameHands) -> Interpretation:
        return Interpretation(
            type(tracked)(tracked.frame, (make_hand(1, gesture="fist"),)), events=()
        )

    publisher = run(ScriptedSource(["frame"]), interpreters=(interpret,))
    first = json.loads(publisher.on(publisher.topics.hands)[0])
    assert first["hands"][0]["gesture"]["name"] == "fist"


def test_the_loop_stops_within_a_second_when_asked() -> None:
    """Without it: systemd would kill the service without subscribers noticing."""
    stop = threading.Event()
    publisher = FakePublisher()
    source = ScriptedSource(["frame"] * 100_000, pause=0.001)
    thread = threading.Thread(
        target=lambda: run_service(Parts(source, ScriptedTracker(), publisher), stop)
    )
    thread.start()
    assert wait_for(lambda: publisher.on(publisher.topics.hands))
    stop.set()
    thread.join(1.0)
    assert not thread.is_alive()
    assert publisher.on(publisher.topics.camera_status)[-1] == b"offline"


@contextmanager
def systemd(folder: Path, **more: str) -> Iterator[tuple[Notifier, Callable[[], list[str]]]]:
    """A notifier, and a function that gives what systemd would have read so far."""
    path = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        receiver.setblocking(False)  # noqa: FBT003
        heard: list[str] = []

        def read() -> list[str]:
            try:
                while True:
                    heard.append(receiver.recv(4096).decode())
            except BlockingIOError:
                return heard

        yield Notifier({"NOTIFY_SOCKET": str(path), **more}), read


def test_systemd_is_told_ready_with_the_first_frame_and_alive_while_waiting(
    tmp_path: Path,
) -> None:
    """Without it: systemd would call a blind service good, or restart one that waits rightly."""
    with systemd(tmp_path, WATCHDOG_USEC="4000") as (notifier, read):
        run(ScriptedSource(["away"] * 3, pause=0.002), notifier=notifier)
        assert "READY=1" not in read()
        assert read().count("WATCHDOG=1") >= 2
        run(ScriptedSource(["frame"] * 3, pause=0.002), notifier=notifier)
        heard = read()
    assert heard.count("READY=1") == 1
    assert heard[-1] == "STOPPING=1"


def test_a_loop_that_hangs_does_not_feed_the_watchdog(tmp_path: Path) -> None:
    """Without it: a hung service would look alive forever."""
    release = threading.Event()

    def see(call: int) -> tuple[Hand, ...]:
        if call == 2:
            release.wait(5)
        return ()

    with systemd(tmp_path, WATCHDOG_USEC="4000") as (notifier, read):
        source = ScriptedSource(["frame"] * 3, pause=0.002)
        thread = threading.Thread(
            target=lambda: run(source, ScriptedTracker(see), notifier=notifier)
        )
        thread.start()
        assert wait_for(lambda: "READY=1" in read())
        time.sleep(0.1)
        before = read().count("WATCHDOG=1")
        time.sleep(0.2)
        assert read().count("WATCHDOG=1") == before
        release.set()
        thread.join()


def test_a_driver_that_hangs_ends_the_service() -> None:
    """Without it: a camera hung in its driver would stay dark forever, though all looks well."""
    source = ScriptedSource(["frame", "away", "away", "frame"])
    source.stuck_s = 29.0
    run(source)
    assert source.finished, "a driver may be slow"
    source = ScriptedSource(["frame", "away", "away", "frame"])
    source.stuck_s = 31.0
    with pytest.raises(SourceError, match="script:: the driver hasn't answered for 30 s"):
        run(source)
    assert not source.finished


def any_line_holds(read: Callable[[], list[str]], told: str) -> bool:
    return any(told in line for line in read())


def test_the_status_line_follows_the_camera_at_once(tmp_path: Path) -> None:
    """Without it: 'systemctl status' would show a lost camera as running for ten seconds."""
    source = ScriptedSource([])
    source.online = False
    with systemd(tmp_path) as (notifier, read):
        reporter = Reporter(
            source=source,
            publisher=FakePublisher(),
            times=StageTimes(("track",)),
            frames=lambda: 1,
            every=3600.0,
        )
        with reporter.telling(notifier):
            for online, told in ((True, "frames a second"), (False, "camera away, retrying")):
                source.online = online
                assert wait_for(partial(any_line_holds, read, told))


def test_the_watchdog_of_another_process_is_not_ours(tmp_path: Path) -> None:
    """Without it: a child would feed the watchdog of its parent."""
    with systemd(tmp_path, WATCHDOG_USEC="4000", WATCHDOG_PID="1") as (notifier, read):
        notifier.alive()
        assert read() == []


def test_without_systemd_nothing_is_sent_and_nothing_fails(tmp_path: Path) -> None:
    """Without it: the service would only run under systemd."""
    for env in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nowhere"), "WATCHDOG_USEC": "junk"}):
        notifier = Notifier(env)
        notifier.ready()
        notifier.alive()
        notifier.status("x")
        notifier.stopping()


def test_the_report_holds_rates_times_and_losses(tmp_path: Path) -> None:
    """Without it: nobody could see remotely that a device is slow or hot."""
    times = StageTimes(("track", "unused"))
    for _ in range(100):
        times.add("track", 0.010)
    frames = 0
    with systemd(tmp_path) as (notifier, read):
        publisher = FakePublisher()
        reporter = Reporter(
            source=ScriptedSource([]),
            publisher=publisher,
            times=times,
            frames=lambda: frames,
            every=0.2,
        )
        with reporter.telling(notifier):
            frames = 10
            assert wait_for(lambda: publisher.on(publisher.topics.stats))
            told = "frames a second, broker connected"
            assert wait_for(lambda: any(told in line for line in read()))
    message = json.loads(publisher.on(publisher.topics.stats)[0])
    assert 10 < message["fps"] <= 50
    assert message["stages"] == {"track": {"p50": 10.0, "p95": 10.0, "p99": 10.0}}
    assert message["drops"] == {"camera": 5, "hands": 0, "events": 0}
    assert (message["camera_reconnects"], message["broker_reconnects"]) == (3, 0)
    assert (message["camera_failures"], message["restarts"]) == (2, None)
    assert message["rss_mb"] > 10


def test_quantiles_speak_of_the_newest_frames_only() -> None:
    """Without it: a slow start would spoil the figures for hours."""
    ring = Ring(100)
    assert ring.quantiles() == (0.0, 0.0, 0.0)
    for _ in range(50):
        ring.add(1000.0)
    for value in range(1, 101):
        ring.add(float(value))
    assert ring.quantiles() == (50.0, 95.0, 99.0)


def test_the_system_s_answers_are_read_and_their_absence_is_borne(tmp_path: Path) -> None:
    """Without it: a Pi's throttling would stay hidden, or a PC would fail for want of a sensor."""
    assert resident_mb() > 1
    assert restarts({}) is None
    assert restarts({"RUNTIME_DIRECTORY": str(tmp_path)}) is None
    (tmp_path / "restarts").write_text("4\n")
    assert restarts({"RUNTIME_DIRECTORY": str(tmp_path)}) == 4
    assert temperature_c(tmp_path) is None
    for number, text in enumerate(("45123\n", "51999\n", "broken")):
        zone = tmp_path / f"thermal_zone{number}"
        zone.mkdir()
        (zone / "temp").write_text(text)
    assert temperature_c(tmp_path) == 52.0
    flags = tmp_path / "get_throttled"
    flags.write_text("50005\n")
    assert throttled_flags(flags) == 0x50005
