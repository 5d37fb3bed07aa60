"""Kills processes at random moments while they save, and checks what they leave."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from edgehands.annotate.server import serve_annotation
from edgehands.annotate.session import AnnotationSession
from edgehands.cameras.images import read_image
from edgehands.config import TrackingConfig
from edgehands.dataset.annotations import AnnotationStore
from edgehands.dataset.files import read_frames
from edgehands.dataset.format import Dataset
from edgehands.dataset.writing import DatasetWriter
from edgehands.hand import Frame
from edgehands.preview.serving import PageAddress
from tools.common.datasets import annotated, picture, points, reported
from tools.common.mosquitto import free_port
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

LONGEST_LIFE_S: Final = 0.4
"""Longest random time until a process is killed."""


@dataclass(slots=True)
class Work:
    """What a client was told by the server.

    Attributes:
        shown: for each picture the newest revision confirmed as saved, and its shift.
        sent: for each picture and revision the shifts sent for it: more than one where a response
            was aborted.
        kills: how many processes were killed so far.
        aborted: requests that the client itself aborted, as a killed browser would.
    """

    shown: dict[int, tuple[int, float]] = field(default_factory=dict)
    sent: dict[tuple[int, int], set[float]] = field(default_factory=dict)
    kills: int = 0
    aborted: int = 0


def forked(job: Callable[[], None]) -> int:
    """Run a job in a process of its own; returns its id."""
    child = os.fork()
    if child:
        return child
    with contextlib.suppress(BaseException):
        job()
    os._exit(0)


def kill(child: int) -> None:
    """Kill a process, as a power cut would."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def annotate_until_killed(folder: Path, work: Work, rng: random.Random) -> None:
    """Serve the page, save answers as fast as possible, and kill the server at random moments."""
    port = free_port()

    def serve() -> None:
        session = AnnotationSession(folder, "anna", TrackingConfig(backend="fake"))
        serve_annotation(session, PageAddress(port=port), ready=lambda _url: None)

    child = forked(serve)
    try:
        assert wait_for(lambda: _listening(port), 30), "the server doesn't start"
        end = time.monotonic() + rng.uniform(0, LONGEST_LIFE_S)
        while time.monotonic() < end:
            _save_one(port, work, rng)
        # The last one is in flight when the server dies.
        connection = _send(port, *_next(work, rng))
        time.sleep(rng.uniform(0, 0.01))
        kill(child)
        connection.close()
    finally:
        kill_quietly(child)
    work.kills += 1


def kill_quietly(child: int) -> None:
    """End a process that may have ended already."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        kill(child)


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _next(work: Work, rng: random.Random) -> tuple[int, int, float]:
    """Picture, known revision, and the shift to be saved."""
    number = rng.randrange(4)
    revision, _ = work.shown.get(number, (0, 0.0))
    shift = round(rng.uniform(0, 50), 2)
    work.sent.setdefault((number, revision + 1), set()).add(shift)
    return number, revision, shift


def _send(port: int, number: int, revision: int, shift: float) -> http.client.HTTPConnection:
    hand = annotated(points(100 + shift))
    body = {"revision": revision, "complete": True, "seconds": 1.0, "hands": [hand]}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json"}
    connection.request("PUT", f"/api/hands/{number}", msgspec.json.encode(body), headers)
    return connection


def _save_one(port: int, work: Work, rng: random.Random) -> None:
    number, revision, shift = _next(work, rng)
    with contextlib.closing(_send(port, number, revision, shift)) as connection:
        if rng.random() < 0.1:
            work.aborted += 1  # a killed browser doesn't wait for the response
        else:
            answer = connection.getresponse()
            said: Any = msgspec.json.decode(answer.read())
            if answer.status == 200:
                work.shown[number] = (said["revision"], shift)
                return
            assert answer.status == 409, said  # an aborted one was saved after all
            assert work.aborted, said
    _look_again(port, work, number)


def _look_again(port: int, work: Work, number: int) -> None:
    """After a broken request the page is reopened, and shows the current state."""
    before, _ = work.shown.get(number, (0, 0.0))
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    ) as connection:
        connection.request("GET", f"/api/hands/{number}")
        said: Any = msgspec.json.decode(connection.getresponse().read())
    revision = said["revision"]
    assert revision >= before
    if revision > before:
        shift = round(said["hands"][0]["points"][0][0] - 150, 2)
        assert shift in work.sent[number, revision]
        work.shown[number] = (revision, shift)


def check_answers(folder: Path, work: Work) -> None:
    """Every answer confirmed as saved exists; every existing one was sent; everything parses."""
    store = AnnotationStore(folder, "anna")
    for number, frame in enumerate(read_frames(folder)):
        answer = store.read(frame.file)
        revision, shift = work.shown.get(number, (0, 0.0))
        if answer is None:
            assert revision == 0, f"picture {number}: revision {revision} is lost"
            continue
        assert answer.revision in {revision, revision + 1}, (number, answer.revision, revision)
        found = round(answer.hands[0].points[0][0] - 150, 2)
        if answer.revision == revision:
            assert found == shift, (number, found, shift)
        else:
            assert found in work.sent[number, answer.revision]
        # The next process starts from the state on the disk.
        work.shown[number] = (answer.revision, found)


def record_until_killed(folder: Path, rng: random.Random) -> None:
    """Add pictures to a folder, and kill the recording at random moments."""

    def run() -> None:
        with DatasetWriter(folder, Dataset(), "png") as writer:
            while True:
                seq = writer.count
                writer.add(Frame(picture(seq, 64, 48), seq, float(seq), 0.0), [reported()])

    child = forked(run)
    time.sleep(rng.uniform(0, LONGEST_LIFE_S))
    kill(child)


def check_recording(folder: Path, before: int) -> int:
    """Check that everything parses and no picture is damaged or lost; returns their number."""
    frames = read_frames(folder) if folder.exists() else ()
    assert len(frames) >= before
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    for frame in frames[max(0, before - 1) :]:
        assert read_image(folder / frame.file).shape == (48, 64, 3)
    return len(frames)
