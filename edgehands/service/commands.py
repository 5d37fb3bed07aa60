"""Requests from other threads, carried out by the frame loop between two frames."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgehands.errors import EdgehandsError, ServiceBusy

if TYPE_CHECKING:
    from edgehands.config import RunningSettings
    from edgehands.service.protocols import Tracker

PATIENCE_S = 5.0
"""How long a caller waits for the loop to begin."""

LONGEST_S = 60.0
"""How long a caller waits for a command in progress to end: opening a camera takes a while."""


@dataclass(slots=True, eq=False)
class Command:
    """One command.

    Attributes:
        settings: to apply from now on; None leaves them unchanged.
        tracker: replaces the current one, which is then stored here.
        restart_camera: close the camera and open it again.
        done: set when it was carried out or has failed.
        error: why it failed.
    """

    settings: RunningSettings | None = None
    tracker: Tracker | None = None
    restart_camera: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    error: EdgehandsError | None = None


class CommandQueue:
    """Passes commands from any thread to the frame loop.

    A command is either carried out or answered with "ask again", never both: whoever takes it off
    the queue, the loop or the caller whose wait has ended, owns it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Command] = deque()

    def ask(self, command: Command) -> None:
        """Have a command carried out, and wait for it.

        Raises:
            EdgehandsError: It failed, or the loop didn't start it in time and never will.
        """
        with self._lock:
            self._waiting.append(command)
        if not command.done.wait(PATIENCE_S):
            if self._take_back(command):
                raise ServiceBusy(f"the frame loop took no notice for {PATIENCE_S:g} s: ask again")
            if not command.done.wait(LONGEST_S):
                raise ServiceBusy(
                    f"begun, but not done after {LONGEST_S:g} s: ask for health before asking again"
                )
        if command.error is not None:
            raise command.error

    def take(self) -> Command | None:
        """The next command; None if there is none. Costs nothing then."""
        if not self._waiting:
            return None
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _take_back(self, command: Command) -> bool:
        """Take a command off the queue again; False if the loop has it already."""
        with self._lock:
            if command not in self._waiting:
                return False
            self._waiting.remove(command)
            return True
