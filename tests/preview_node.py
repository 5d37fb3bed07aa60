"""Real processes for the tests of the views: a node that sees hands, and our own commands."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

EDGEHANDS = "import sys; from edgehands.cli import main; sys.argv[0] = 'edgehands'; main()"
BOOT_S = 90.0
"""A busy machine needs so long to start a node or a page; a wait ends when it is there."""


def write_clip(path: Path) -> Path:
    """A clip of a bright disc on its way round: for the fake backend, a moving hand."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    for number in range(60):
        image = np.full((240, 320, 3), 60, np.uint8)
        angle = 2 * math.pi * number / 60
        centre = (round(160 + 70 * math.cos(angle)), round(120 + 40 * math.sin(angle)))
        cv2.circle(image, centre, 32, (255, 255, 255), -1, cv2.LINE_AA)
        writer.write(image)
    writer.release()
    return path


def disc_pictures() -> list[bytes]:
    """The pictures of such a clip as JPEGs, as a webcam would send them."""
    pictures = []
    for number in range(60):
        image = np.full((480, 640, 3), 60, np.uint8)
        angle = 2 * math.pi * number / 60
        centre = (round(320 + 140 * math.cos(angle)), round(240 + 80 * math.sin(angle)))
        cv2.circle(image, centre, 64, (255, 255, 255), -1, cv2.LINE_AA)
        pictures.append(cv2.imencode(".jpg", image)[1].tobytes())
    return pictures


class Command:
    """One of our commands as a process; what it prints is kept. A context manager.

    Args:
        arguments: behind ``edgehands``.
        log: where its output goes.
        settings: ``EDGEHANDS_…`` variables.
    """

    def __init__(self, arguments: list[str], log: Path, **settings: str) -> None:
        self._arguments = arguments
        self._log = log
        self._settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        own = {k: v for k, v in os.environ.items() if not k.startswith("EDGEHANDS_")}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", EDGEHANDS, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**own, **self._settings, "PYTHONUNBUFFERED": "1"},
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it printed something."""
        assert wait_for(lambda: text in self.output, BOOT_S), self.output

    def end(self, number: int = signal.SIGINT) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(BOOT_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()


def node(url: str, folder: Path, name: str = "hall", **settings: str) -> Command:
    """A node that sees a moving hand; not started yet."""
    clip = write_clip(folder / "clip.avi")
    return Command(
        ["run", "--source", f"file:{clip}", "--mqtt", url],
        folder / f"{name}.log",
        EDGEHANDS_NODE__NAME=name,
        EDGEHANDS_CAMERA__LOOP="true",
        EDGEHANDS_TRACKING__BACKEND="fake",
        **settings,
    )
