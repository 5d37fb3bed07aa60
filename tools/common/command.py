"""Our own commands as real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

EDGEHANDS = "import sys; from edgehands.cli import main; sys.argv[0] = 'edgehands'; main()"
BOOT_S = 90.0
"""A busy machine may need this long to start a node or a page; waits end as soon as it is up."""


class Command:
    """One of our commands as a process, its output captured. A context manager.

    Args:
        arguments: after ``edgehands``.
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
        """Its output so far."""
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it printed something."""
        assert wait_for(lambda: text in self.output, BOOT_S), self.output

    def end(self, number: int = signal.SIGINT) -> int:
        """Terminate it; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(BOOT_S)

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
