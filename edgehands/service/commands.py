"""Wishes of other threads, carried out by the frame loop between two frames."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgehands.errors import EdgehandsError, ServiceBusy

if TYPE_CHECKING:
    from edgehands.mqtt.request_messages import SettingsMessage
    from edgehands.service.protocols import Tracker

PATIENCE_S = 5.0
"""How long the asker waits for the loop."""


@dataclass(slots=True, eq=False)
class Command:
    """One wish.

    Attributes:
        settings: to be in force from now on; None leaves them.
        tracker: to take the place of the one in use, which is then found here.
        restart_camera: close the camera and open it again.
        done: set when it was carried out, or failed.
        error: why it failed.
    """

    settings: SettingsMessage | None = None
    tracker: Tracker | None = None
    restart_camera: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    error: EdgehandsError | None = None


class CommandQueue:
    """From any thread to the frame loop."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Command] = queue.SimpleQueue()

    def ask(self, command: Command) -> None:
        """Have a command carried out and wait for it.

        Raises:
            EdgehandsError: It failed, or the loop didn't come to it in time.
        """
        self._waiting.put(command)
        if not command.done.wait(PATIENCE_S):
            raise ServiceBusy(f"the frame loop took no notice for {PATIENCE_S:g} s: ask again")
        if command.error is not None:
            raise command.error

    def take(self) -> Command | None:
        """Give the next command; None when there is none. Costs nothing when there is none."""
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None
