"""The camera of a running service: closed and opened again, switched off, and described."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import pytest

from edgehands.cameras import SourceInfo
from edgehands.config import Config, load
from edgehands.errors import UsageError
from edgehands.mqtt.fake import FakePublisher
from edgehands.service.commands import Command
from edgehands.service.controls import ServiceControls
from edgehands.service.governor import Governor
from edgehands.service.loop import FrameLoop, Parts
from edgehands.service.notify import Notifier
from edgehands.service.serve import serve
from edgehands.service.snapshot import Snapshots
from edgehands.tracking import HandTracker
from tests.test_service_loop import ScriptedSource, ScriptedTracker
from tools.common.mosquitto import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgehands.hand import Frame


class Endless(ScriptedSource):
    """Gives frames until it is closed; each opening gives another size."""

    opened = 0

    def __init__(self) -> None:
        super().__init__(["frame"] * 1_000_000)
        Endless.opened += 1
        self.number = Endless.opened

    def describe(self) -> SourceInfo:
        """What was found at this opening."""
        return SourceInfo("script:", "fake", 64 * self.number, 48, 30.0)

    def read(self, timeout: float) -> Frame | None:
        """A frame, not as fast as the loop can take them."""
        assert not self.closed
        threading.Event().wait(0.005)
        return super().read(timeout)


@contextmanager
def running() -> Iterator[FrameLoop]:
    """A loop in a thread of its own."""
    Endless.opened = 0
    stop = threading.Event()
    with FakePublisher() as publisher:
        parts = Parts(
            source=Endless(), tracker=ScriptedTracker(), publisher=publisher, reopen=Endless
        )
        loop = FrameLoop(parts)
        thread = threading.Thread(target=loop.run, args=(stop, Notifier({})))
        thread.start()
        try:
            yield loop
        finally:
            stop.set()
            thread.join(10)


def test_a_camera_that_is_switched_off_stays_off() -> None:
    """Whoever switched it off for privacy was watched again after a request to restart it."""
    with running() as loop:
        assert loop.next_frame(10) is not None
        off = replace(loop.settings, enabled=False)
        loop.commands.ask(Command(settings=off))
        with pytest.raises(UsageError, match="switched off"):
            loop.commands.ask(Command(restart_camera=True))
        assert loop.next_frame(0.3) is None
        assert (loop.camera, Endless.opened) == ("disabled", 1)
        loop.commands.ask(Command(settings=replace(off, enabled=True)))
        assert loop.next_frame(10) is not None
        loop.commands.ask(Command(restart_camera=True))
        assert loop.next_frame(10) is not None
        assert Endless.opened == 3


def test_the_camera_that_is_open_is_described() -> None:
    """After a restart, `info` told the size of the camera that had been closed."""
    with running() as loop:
        assert loop.describe_camera().width == 64
        loop.commands.ask(Command(restart_camera=True))
        assert loop.describe_camera().width == 128
        off = replace(loop.settings, enabled=False)
        loop.commands.ask(Command(settings=off))
        assert loop.describe_camera().width == 128


@pytest.mark.parametrize("flags", [0x1, 0x2, 0x4, 0x8])
def test_health_and_the_governor_judge_alike(flags: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that slowed itself down called itself good."""
    monkeypatch.setattr("edgehands.service.report.throttled_flags", lambda: flags)
    monkeypatch.setattr("edgehands.service.report.temperature_c", lambda: 50.0)
    with FakePublisher() as publisher:
        loop = FrameLoop(Parts(source=Endless(), tracker=ScriptedTracker(), publisher=publisher))
        snapshots = Snapshots(allowed=False, next_frame=loop.next_frame)
        info = lambda: None  # noqa: E731
        controls = ServiceControls(Config(), loop, info, None, snapshots, HandTracker)  # type: ignore[arg-type]
        loop.camera = "online"
        health = controls.health()
    governor = Governor()
    governor.update(0.0, 20.0, temperature_c=50.0, throttled=flags)
    assert governor.limit
    assert health.health == "degraded"
    assert governor.reason in health.reasons[0]


def test_opencv_works_in_one_thread_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its threads wake for each crop, and cost a small board more than they save."""
    wanted: list[int] = []
    monkeypatch.setattr(cv2, "setNumThreads", wanted.append)
    stop = threading.Event()
    stop.set()
    options = {
        "camera.source": "fake:",
        "mqtt.url": f"mqtt://127.0.0.1:{free_port()}",
        "tracking.backend": "fake",
    }
    serve(load([], env={"HOME": str(tmp_path)}, options=options), stop=stop)
    assert wanted == [1]
