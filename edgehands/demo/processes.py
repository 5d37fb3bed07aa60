"""Child processes: started, supervised, and never left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from edgehands.errors import EdgehandsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

HOST = "127.0.0.1"
"""The whole demo listens here, reachable from this machine only."""

END_S = 5.0
"""How long a process may take to end before it is killed."""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def free_port(wanted: int = 0, host: str = HOST) -> int:
    """Return ``wanted`` if it is free, else any free port of the loopback interface."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise EdgehandsError(f"no free port on {host}: end another program")


class Child:
    """A Python process that ends with us, however we end. A context manager.

    Args:
        name: for messages to people.
        arguments: of ``python``.
        folder: for what it prints.
        settings: environment variables of its own.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._settings = settings or {}
        self._arguments = arguments
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        tie = _tie_to_parent()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command lines
                [sys.executable, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**_environment(), **self._settings},
                # Ctrl-C in the terminal is for us: we stop the others in order.
                start_new_session=True,
                preexec_fn=tie,  # noqa: PLW1509 - no thread of ours runs yet
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def code(self) -> int | None:
        """Exit code; None while it runs."""
        return self._process.poll() if self._process is not None else None

    def printed(self) -> list[str]:
        """Return the lines printed so far."""
        return self._log.read_text(errors="replace").splitlines()

    def last_words(self) -> str:
        """Return its error line, or the last line that it printed."""
        lines = [line for line in self.printed() if line.strip()]
        own = [line.removeprefix("edgehands: ") for line in lines if line.startswith("edgehands: ")]
        return (own or lines or [f"exit code {self.code}"])[-1]

    def wait_until(self, true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Wait until a condition holds.

        Raises:
            EdgehandsError: It didn't in time, or the process ended.
        """
        until = time.monotonic() + seconds
        while not true():
            if self.code is not None:
                raise EdgehandsError(f"{self.name} ended at once: {self.last_words()}")
            if time.monotonic() > until:
                raise EdgehandsError(f"{self.name} {what} for {seconds:.0f} s: {self.last_words()}")
            time.sleep(0.05)


def listens(port: int, host: str = HOST) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _environment() -> dict[str, str]:
    """Return our environment without the broker and the names set for another run."""
    others = ("EDGEHANDS_MQTT__", "EDGEHANDS_NODE__", "EDGEHANDS_PREVIEW_TOKEN")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _tie_to_parent() -> Callable[[], None] | None:
    """Return the function by which a child asks the kernel to end it if we die unexpectedly."""
    if sys.platform != "linux":
        return None
    # Loaded here: nothing may be loaded between fork and exec.
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return tie
