"""``edgehands run`` as a process of its own, and what the kernel says of it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools import ROOT
from tools.fault_table.tapped import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from tools.fault_table.frames import FrameTimes


NODE = "faulty"

# What the console script does.
_RUN = "from edgehands.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds: memory in RAM (kB), threads, open files."""

    rss_kb: int
    threads: int
    descriptors: int


class Service:
    """The real service with the fake backend and a film. A context manager.

    Args:
        film: its camera, shown again and again.
        url: of the broker.
        folder: for its log and its state.
        tap: where each frame's time goes; None = nowhere.
        inside: words in front of the command, such as ``ip netns exec NAME``.
        settings: further ``SECTION__KEY`` settings.
    """

    def __init__(  # noqa: PLR0913 - each makes another fault possible
        self,
        film: Path,
        url: str,
        folder: Path,
        *,
        tap: FrameTimes | None = None,
        inside: tuple[str, ...] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.log = folder / "service.log"
        program = ("-c", _RUN) if tap is None else ("-m", "tools.fault_table.tapped")
        self._command = [
            *inside,
            *(sys.executable, *program, "run", "--source", f"file:{film}", "--mqtt", url),
        ]
        if tap is not None:
            tap.create()
        clean = {key: text for key, text in os.environ.items() if not key.startswith("EDGEHANDS_")}
        self._environment = {
            **clean,
            "PYTHONPATH": str(ROOT),
            VARIABLE: str(tap.path) if tap is not None else "",
            "STATE_DIRECTORY": str(folder),
            "EDGEHANDS_NODE__NAME": NODE,
            "EDGEHANDS_CAMERA__LOOP": "true",
            "EDGEHANDS_TRACKING__BACKEND": "fake",
            **{f"EDGEHANDS_{key.upper()}": text for key, text in (settings or {}).items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, cwd=ROOT
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    def lines(self, words: str) -> list[str]:
        """The lines of its log that hold these words."""
        return [line for line in self.log.read_text().splitlines() if words in line]

    def footprint(self) -> Footprint:
        """What the process holds now."""
        assert self._process is not None
        folder = Path(f"/proc/{self._process.pid}")
        # What is there for a moment is no leak, and what isn't no gain: a file with the
        # temperature, the decoder's thread while the film is opened again. So: a few looks, and
        # what most of them saw.
        looks = []
        for _ in range(5):
            status = dict(
                line.split(":", 1) for line in (folder / "status").read_text().splitlines() if line
            )
            files = len(list((folder / "fd").iterdir()))
            looks.append((int(status["VmRSS"].split()[0]), int(status["Threads"]), files))
            time.sleep(0.02)
        rss, threads, files = (statistics.median_low(seen) for seen in zip(*looks, strict=True))
        return Footprint(rss, threads, files)
