"""Live cameras: the newest frame, and recovery from everything a camera may do."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands.cameras import CameraSettings, SourceInfo, capture, open_source, redact
from edgehands.cameras.capture import Backoff, LiveSource, Shot
from edgehands.errors import BackendUnavailable, SourceError, SourceNotFound
from tools.common.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.hand import Frame

WAIT_S = 10.0  # how long a test waits for what must happen; reached only when it fails


class ScriptedDevice:
    """A camera that delivers a frame or fails whenever the test asks for it."""

    width, height, fps, detail = 8, 4, 30.0, "scripted"

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.taken = threading.Semaphore(0)
        self.closed = threading.Event()
        self.fault: BaseException | None = None
        self.ended = False
        self.count = 0
        self.closed_by: str | None = None

    def read(self) -> Shot | None:
        """Wait for the test."""
        self.taken.release()
        self.go.acquire()
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        if self.ended:
            return None
        self.count += 1
        return Shot(np.full((4, 8, 3), self.count, np.uint8), time.monotonic())

    def close(self) -> None:
        """Note who closed it."""
        self.closed_by = threading.current_thread().name
        self.closed.set()

    def give(self, frames: int = 1) -> None:
        """Let frames through, and wait until the source has taken them all."""
        for _ in range(frames):
            assert self.taken.acquire(timeout=WAIT_S)
            self.go.release()
        assert self.taken.acquire(timeout=WAIT_S)
        self.taken.release()

    def end(self, fault: BaseException | None = None) -> None:
        """Make the read that is waiting fail, or say that no more will come."""
        assert self.taken.acquire(timeout=WAIT_S)
        self.fault, self.ended = fault, fault is None
        self.go.release()


class Plug:
    """Gives the devices of a list one after the other; an exception among them is raised."""

    def __init__(self, *parts: ScriptedDevice | BaseException) -> None:
        self.parts = list(parts)
        self.opened = 0

    def __call__(self) -> ScriptedDevice:
        """Open the next one; the last of the list repeatedly."""
        self.opened += 1
        part = self.parts.pop(0) if len(self.parts) > 1 else self.parts[0]
        if isinstance(part, BaseException):
            raise part
        return part


def live(opener: Callable[[], ScriptedDevice], *, must_open: bool = False) -> LiveSource:
    return LiveSource(
        SourceInfo("test:", "fake", 0, 0, 0.0),
        opener,
        CameraSettings(),
        must_open=must_open,
        backoff=Backoff(0.001, 0.004),
    )


def next_frame(source: LiveSource) -> Frame:
    frame = source.read(WAIT_S)
    assert frame is not None
    return frame


def value_of(frame: Frame) -> int:
    return int(frame.image[0, 0, 0])


def test_only_the_newest_frame_is_given() -> None:
    """A slow tracker sees the hand where it is now, and the drops are counted."""
    device = ScriptedDevice()
    with live(Plug(device)) as source:
        device.give(5)
        frame = next_frame(source)
        assert value_of(frame) == 5
        assert frame.seq == 4
        assert source.dropped == 4
        device.give(1)
        assert value_of(next_frame(source)) == 6
        assert source.dropped == 4
        device.end()


def test_a_call_that_does_not_come_back_is_seen() -> None:
    """A hung driver can only be cured by a new process, so somebody must notice it."""
    device = ScriptedDevice()
    with live(Plug(device)) as source:
        device.give(1)
        first = source.stuck_s
        until(lambda: source.stuck_s > first > 0.0)
        device.give(1)
        assert source.failures == 0
        device.end()
        source.read(WAIT_S)
        until(lambda: source.finished)
        assert source.stuck_s == 0.0


def test_a_camera_that_is_waited_for_is_not_stuck() -> None:
    """A service whose camera is unplugged must not be restarted for it."""
    plug = Plug(SourceNotFound("/dev/video0: no such camera"))
    with live(plug) as source:
        until(lambda: source.failures >= 3)
        source._backoff = Backoff(60.0, 60.0)
        opened = plug.opened
        until(lambda: plug.opened > opened)
        until(lambda: source.stuck_s == 0.0)


def test_no_frame_within_the_timeout() -> None:
    """The loop gets control back to feed the watchdog, and no frame is given twice."""
    device = ScriptedDevice()
    with live(Plug(device)) as source:
        assert source.read(0.01) is None
        device.give(1)
        next_frame(source)
        assert source.read(0.01) is None
        assert not source.finished
        device.end()


def test_given_frames_are_never_written_again() -> None:
    """A frame that the tracker still looks at mustn't change under its hands."""
    device = ScriptedDevice()
    with live(Plug(device)) as source:
        frames = []
        for _ in range(4):
            device.give(1)
            frames.append(next_frame(source))
        assert [value_of(f) for f in frames] == [1, 2, 3, 4]
        device.end()


def test_camera_that_goes_away_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    """A pulled cable costs the time it is out, not the service; both ends are logged once."""
    caplog.set_level(logging.WARNING)
    first, second = ScriptedDevice(), ScriptedDevice()
    gone = [SourceNotFound("test: not there") for _ in range(20)]
    plug = Plug(first, *gone, second)
    with live(plug) as source:
        first.give(2)
        assert next_frame(source).seq == 1
        assert source.online
        first.end(SourceError("test: unplugged"))
        until(lambda: not source.online)
        assert first.closed.wait(WAIT_S)
        second.give(1)
        frame = next_frame(source)
        assert source.online
        assert frame.seq == 2
        assert source.reconnects == 1
        assert plug.opened == 22
        assert not source.finished
        second.end()
    texts = [r.getMessage() for r in caplog.records]
    assert len(texts) == 2
    assert "unplugged" in texts[0]
    assert "trying again for ever" in texts[0]
    assert "back after" in texts[1]


def test_camera_that_is_absent_at_start() -> None:
    """A service that boots before its camera waits for it; that is no reconnect."""
    device = ScriptedDevice()
    with live(Plug(SourceNotFound("no"), SourceNotFound("no"), device)) as source:
        assert not source.online
        device.give(1)
        next_frame(source)
        assert source.online
        assert source.reconnects == 0
        assert (source.describe().width, source.describe().detail) == (8, "scripted")
        device.end()


@pytest.mark.parametrize(
    "fault", [RuntimeError("libcamera says no\nand more"), MemoryError(), OSError(5, "I/O error")]
)
def test_any_fault_of_a_driver_is_survived(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Drivers raise what they like: the thread that reads them must outlive it."""
    first, second = ScriptedDevice(), ScriptedDevice()
    with live(Plug(first, second)) as source:
        first.give(1)
        first.end(fault)
        second.give(1)
        until(lambda: source.reconnects == 1)
        second.end()
    assert type(fault).__name__ in caplog.text
    assert "and more" not in caplog.text


def test_backoff_grows_and_stays() -> None:
    """Retries neither flood the bus nor take minutes to notice the camera."""
    backoff = Backoff()
    assert [backoff.after(n) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert backoff.after(100_000) == 10


def test_backoff_starts_anew_after_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera that was away for a week yesterday is retried quickly today."""
    asked: list[int] = []
    after = Backoff.after

    def recorded(self: Backoff, failures: int) -> float:
        asked.append(failures)
        return after(self, failures)

    monkeypatch.setattr(Backoff, "after", recorded)
    no = SourceNotFound("no")
    one, two, three = ScriptedDevice(), ScriptedDevice(), ScriptedDevice()
    with live(Plug(no, no, one, no, two, three)) as source:
        one.give(1)
        one.end(SourceError("gone"))
        # Opened, but gone before a frame came: that is still the same outage.
        two.end(SourceError("gone"))
        three.give(1)
        until(lambda: source.reconnects == 1)
        three.end()
    assert asked == [1, 2, 1, 2, 3]


def test_missing_camera_is_an_error_where_nobody_waits() -> None:
    """`track` on a camera that isn't there ends with a message instead of hanging."""
    before = threading.active_count()
    with pytest.raises(SourceNotFound):
        live(Plug(SourceNotFound("no")), must_open=True)
    assert threading.active_count() == before


def test_close_ends_the_thread_and_closes_the_device() -> None:
    """The next program finds the camera free; the device is closed by the thread that reads it."""
    device = ScriptedDevice()
    source = live(Plug(device))
    device.give(1)
    closer = threading.Thread(target=source.close)
    closer.start()
    until(lambda: source.finished)
    device.go.release()
    closer.join(WAIT_S)
    assert device.closed.is_set()
    assert device.closed_by == "camera test:"
    assert source.finished
    assert source.read(0) is None
    source.close()


def test_close_while_the_camera_is_away_is_prompt() -> None:
    """Stopping the service doesn't wait for the end of a ten-second backoff."""
    plug = Plug(SourceNotFound("no"))
    source = LiveSource(
        SourceInfo("test:", "fake", 0, 0, 0.0),
        plug,
        CameraSettings(),
        must_open=False,
        backoff=Backoff(3600, 3600),
    )
    until(lambda: plug.opened == 1)
    source.close()
    assert not source._thread.is_alive()


def test_camera_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A driver that never answers shows as offline, and closing doesn't hang with it."""
    device = ScriptedDevice()
    source = live(Plug(device))
    device.give(1)
    next_frame(source)
    assert source.online
    monkeypatch.setattr(capture, "STALL_S", 0.0)
    assert not source.online
    monkeypatch.setattr(capture, "JOIN_S", 0.01)
    source.close()
    assert "still busy" in caplog.text
    device.go.release()


def test_software_that_is_missing_is_not_retried() -> None:
    """Waiting doesn't install a missing package: the caller gets an error instead."""
    with live(Plug(BackendUnavailable("picamera2 isn't installed"))) as source:
        until(lambda: source.finished)
        with pytest.raises(BackendUnavailable, match="isn't installed"):
            source.read(1)


def test_capture_time_is_checked() -> None:
    """Time stamps of another clock would make latencies of years, or negative ones."""
    now = time.monotonic()
    assert capture.capture_time(now - 0.03) == now - 0.03
    for stamp in (0.0, now - 100, now + 100, float("nan"), -1.0):
        assert capture.capture_time(stamp) >= now


def test_rotation_and_mirroring_of_a_live_camera() -> None:
    """A camera that hangs sideways is put right, and describes itself as it looks."""

    class Marked(ScriptedDevice):
        """Gives a picture with one marked corner."""

        def read(self) -> Shot | None:
            """Mark the top left."""
            shot = super().read()
            if shot is not None:
                shot.image[:] = 0
                shot.image[0, 0] = 9
            return shot

    device = Marked()
    settings = CameraSettings(rotation=90)
    info = SourceInfo("test:", "fake", 0, 0, 0.0)
    with LiveSource(info, Plug(device), settings, must_open=False) as source:
        device.give(1)
        frame = next_frame(source)
        assert frame.image.shape == (8, 4, 3)
        assert frame.image[0, 3, 0] == 9
        assert frame.image.flags.c_contiguous
        assert (source.describe().width, source.describe().height) == (4, 8)
        device.end()


def test_fake_camera_with_faults() -> None:
    """Users test their own programs against faults with the camera that comes with the package."""
    with open_source("fake:?fps=50&frames=40&vanish=0.2-0.7", realtime=True) as source:
        numbers = []
        states = set()
        end = time.monotonic() + WAIT_S
        while not source.finished and time.monotonic() < end:
            frame = source.read(0.02)
            states.add(source.online)
            if frame is not None:
                numbers.append(frame.seq)
                assert frame.image.shape == (480, 640, 3)
        assert source.finished
        assert source.reconnects == 1
        assert states == {True, False}
    assert numbers == sorted(set(numbers))
    assert len(numbers) + source.dropped == 40


def test_fake_camera_without_a_clock_is_the_same_each_time() -> None:
    """Tests that must be repeatable get the same frames, with the script's holes in them."""
    runs = []
    for _ in range(2):
        with open_source("fake:?fps=10&frames=30&vanish=1-2&bad=2.5-2.7", realtime=False) as source:
            frames = []
            while not source.finished:
                frame = source.read(0)
                if frame is not None:
                    frames.append(frame)
        runs.append(frames)
    assert [f.seq for f in runs[0]] == [*range(10), *range(20, 25), *range(27, 30)]
    assert runs[0][11].t_mono == pytest.approx(2.1)
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
    assert not np.array_equal(runs[0][0].image, runs[0][5].image)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://user:secret@host/a", "rtsp://user:***@host/a"),
        ("rtsp://user:se:c@ret@host:554/a", "rtsp://user:***@host:554/a"),
        ("rtsp://user:se/c@ret@host/a", "rtsp://user:***@host/a"),
        ("rtsp://host:554/a@b", "rtsp://host:***@b"),  # rather too much than too little
        ("rtsp://host:554/a", "rtsp://host:554/a"),
        ("rtsp://host/a?password=secret&x=1", "rtsp://host/a?password=***&x=1"),
        ("rtsp://host/a?x=1&Token=secret", "rtsp://host/a?x=1&Token=***"),
        ("v4l2:/dev/video0", "v4l2:/dev/video0"),
        ("fake:?fps=3", "fake:?fps=3"),
    ],
)
def test_no_secret_is_shown(uri: str, shown: str) -> None:
    """A log that is pasted into a forum mustn't hold the camera's password."""
    assert redact(uri) == shown


def test_a_camera_says_why_it_gives_no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: whoever looks at the page could not know that a cable has come off."""
    device = ScriptedDevice()
    secret = SourceError("rtsp://me:geheim@cam/a: refused")
    with live(Plug(secret, device)) as source:
        until(lambda: source.problem != "" or source.online)
        device.give()
        until(lambda: source.problem == "")
        device.end(secret)
        until(lambda: source.problem != "")
        assert source.problem == "rtsp://me:***@cam/a: refused"
    device = ScriptedDevice()
    with live(Plug(device)) as source:
        assert source.problem == ""
        device.give()
        monkeypatch.setattr(capture, "STALL_S", 0.01)
        until(lambda: "no frame for 0.01 s: check its cable" in source.problem)
