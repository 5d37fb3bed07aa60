"""No memory, no processor, a clock that jumps by hours: said plainly, or survived."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import cv2
import pytest

from edgehands import memory
from edgehands.backends.cpu import CpuBackend
from edgehands.errors import BackendUnavailable, ModelCorrupt
from edgehands.model_store import ModelStore
from edgehands.mqtt.fake import FakePublisher
from edgehands.service.loop import FrameLoop, Parts
from tests.hands import frame
from tests.test_cli import one_line
from tests.test_service_loop import ScriptedSource, ScriptedTracker
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import Listener
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tools.common.mosquitto import Mosquitto

MB = 1_000_000


SMAPS = """\
7f0000000000-7f0000010000 r-xp 00000000 08:01 11    /usr/lib/libone.so
Rss:                  64 kB
Anonymous:             0 kB
7f0000010000-7f0000014000 r--p 00010000 08:01 11    /usr/lib/libone.so
Rss:                  16 kB
Anonymous:             8 kB
7f0000014000-7f0000018000 rw-p 00014000 08:01 11    /usr/lib/libone.so
Rss:                  16 kB
Anonymous:             0 kB
7f0000020000-7f0000021000 r--s 00000000 08:01 12    /opt/a model.tflite
Rss:                   4 kB
Anonymous:             0 kB
7f0000030000-7f0000031000 r-xp 00000000 00:00 0     [vdso]
Anonymous:             0 kB
7f0000040000-7f0000041000 r--p 00000000 00:00 0
Anonymous:             0 kB
"""


def test_only_what_stands_in_a_file_is_given_back() -> None:
    """Without it: addresses that the loader has filled in would be lost, and the service crash."""
    assert memory.unchanged_files(SMAPS.splitlines()) == [
        (0x7F0000000000, 0x7F0000010000),
        (0x7F0000020000, 0x7F0000021000),
    ]


def test_hands_are_found_as_before_when_memory_was_given_back() -> None:
    """Without it: nobody would know that reduced settings are restored automatically."""
    program = (
        "from edgehands import HandTracker, TrackingConfig, memory\n"
        "from edgehands.cameras import open_source\n"
        "with open_source('demo:', realtime=False) as film:\n"
        "    image = [film.read(1.0).image for _ in range(121)][-1]\n"
        "size = lambda: int(open('/proc/self/statm').read().split()[1])\n"
        "with HandTracker(TrackingConfig(static_image=True)) as tracker:\n"
        "    before, *_ = tracker.process(image)\n"
        "    full = size()\n"
        "    memory.give_back()\n"
        "    less = size()\n"
        "    after, *_ = tracker.process(image)\n"
        "assert (before.landmarks == after.landmarks).all()\n"
        "print(less / full)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.85


def test_too_few_addresses_are_called_that(tmp_path: Path) -> None:
    """The message named a fault of the model, which was as it should be."""
    cv2.imwrite(str(tmp_path / "x.png"), frame((300, 240)))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from edgehands.cli import main; main()",
            "track",
            "--backend",
            "cpu",
            str(tmp_path / "x.png"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin", "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (250 * MB, 250 * MB)),
    )
    line = one_line(done.stderr)
    assert "limited to 250 MB, 1000 are enough (ulimit -v" in line
    assert done.returncode == 1


def test_a_good_model_that_does_not_fit_is_not_called_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The runtime says "failed to reshape runtimeNode": the model was searched for a fault."""
    backend = CpuBackend()
    store = ModelStore()
    spec = store.find("hand_landmark", "lite", "auto", "cpu")

    def refuse(**_: object) -> None:
        raise RuntimeError("XNNPack delegate failed to reshape runtimeNode number 296")

    monkeypatch.setattr(backend._runtime, "Interpreter", refuse)
    with pytest.raises(ModelCorrupt):
        backend.load(spec, store.verify(spec))
    monkeypatch.setattr(memory, "limit", lambda: "the address space is limited to 500 MB")
    with pytest.raises(BackendUnavailable, match="limited to 500 MB"):
        backend.load(spec, store.verify(spec))


def test_the_limit_of_a_control_group_is_found(tmp_path: Path) -> None:
    """In a container with 64 MB nothing else would explain why it ends again and again."""
    own, tree = tmp_path / "cgroup", tmp_path / "tree"
    inner = tree / "machine" / "box"
    inner.mkdir(parents=True)
    own.write_text("1:cpu:/x\n0::/machine/box\n")
    assert memory.limit(own, tree) == ""
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text(f"{64 * MB}\n")
    assert memory.limit(own, tree).startswith("memory is limited to 64 MB, 200 are enough")
    (inner.parent / "memory.max").write_text(f"{300 * MB}\n")
    assert memory.limit(own, tree) == ""
    assert memory.limit(tmp_path / "nowhere", tree) == ""


@pytest.mark.parametrize(
    ("error", "shortage"),
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (ImportError("x.so: failed to map segment from shared object"), True),
        (OSError(28, "No space left on device"), False),
        (ValueError("memory of an elephant"), False),
    ],
)
def test_only_errors_of_memory_are_called_so(error: Exception, shortage: bool) -> None:
    """Another fault that is called a lack of memory would cost somebody a bigger board."""
    assert memory.is_shortage(error) is shortage


@pytest.mark.broker
def test_a_second_without_a_processor_changes_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    """On a busy board the service may get no turn: it must go on, and send nothing stale."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "1.png"), frame((300, 240)))
    settings = {
        "EDGEHANDS_TRACKING__BACKEND": "fake",
        "EDGEHANDS_NODE__NAME": "pi",
        "EDGEHANDS_CAMERA__LOOP": "true",
    }
    words = ["run", "--source", f"dir:{pictures}", "--mqtt", broker.url]
    log = tmp_path / "log"
    with Listener(broker.port) as listener, Command(words, log, **settings) as command:
        assert wait_for(lambda: len(listener.on("/hands")) > 5, BOOT_S), log.read_text()
        ids = {hand["id"] for hand in json.loads(listener.on("/hands")[-1])["hands"]}
        assert command.process is not None
        command.process.send_signal(19)  # SIGSTOP
        time.sleep(1.5)
        resumed = time.time()
        command.process.send_signal(18)  # SIGCONT
        before = len(listener.on("/hands"))
        assert wait_for(lambda: len(listener.on("/hands")) > before + 10, BOOT_S)
        messages = [json.loads(payload) for payload in listener.on("/hands")[before:]]
        assert command.process.poll() is None
    # What was captured before the stop is a second old by now: it isn't sent any more, but for
    # the one frame that was in work.
    assert sum(message["t"] < resumed - 0.75 for message in messages) <= 1
    assert {hand["id"] for hand in messages[-1]["hands"]} == ids
    assert [m.payload for m in listener.heard if m.topic == "edgehands/pi/status"].count(
        b"offline"
    ) <= 1  # the goodbye


def test_a_clock_that_jumps_by_hours_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pi has no clock of its own: minutes after its start, time may jump forth, or back."""
    wall = time.time
    offset = 0.0
    monkeypatch.setattr(time, "time", lambda: wall() + offset)
    publisher = FakePublisher()
    tracker = ScriptedTracker()
    jumps = iter([0.0, 7 * 3600.0, -9 * 3600.0, 400 * 86400.0, 0.0] * 3)

    def see(_: int) -> tuple[object, ...]:
        nonlocal offset
        offset = next(jumps, 0.0)
        return ()

    with publisher:
        tracker.see = see  # type: ignore[assignment]
        parts = Parts(source=ScriptedSource(["frame"] * 12), tracker=tracker, publisher=publisher)
        loop = FrameLoop(parts)
        loop.run(threading.Event())
        stats = loop.stats()
    assert loop.count == 12
    assert tracker.times == sorted(t for t in tracker.times if t is not None)
    assert 0 <= stats.uptime_s < 60
    assert all(0 <= stage.p99 < 60_000 for stage in stats.stages.values())
