"""Commands of other threads: carried out, or refused for good, never both."""

from __future__ import annotations

import threading
import time

import pytest

from edgehands.errors import ServiceBusy
from edgehands.mqtt.broker.wake import Wake
from edgehands.service import commands
from edgehands.service.commands import Command, CommandQueue


def test_what_was_answered_with_ask_again_is_never_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it: a camera would be switched off seconds after its owner was told "not done"."""
    monkeypatch.setattr(commands, "PATIENCE_S", 0.1)
    queue = CommandQueue()
    with pytest.raises(ServiceBusy, match="ask again"):
        queue.ask(Command(restart_camera=True))
    assert queue.take() is None


def test_what_was_begun_in_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it: a camera that takes six seconds to open would be answered with "ask again"."""
    monkeypatch.setattr(commands, "PATIENCE_S", 0.1)
    queue = CommandQueue()
    done: list[Command] = []

    def loop() -> None:
        while (command := queue.take()) is None:
            time.sleep(0.001)
        time.sleep(0.4)
        done.append(command)
        command.done.set()

    thread = threading.Thread(target=loop)
    thread.start()
    queue.ask(Command(restart_camera=True))
    thread.join()
    assert len(done) == 1


def test_each_command_is_carried_out_or_refused_never_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it: a loop that takes a command at the last moment would do what was refused."""
    monkeypatch.setattr(commands, "PATIENCE_S", 0.002)
    queue = CommandQueue()
    over = threading.Event()
    taken: list[Command] = []
    outcome: list[tuple[Command, bool]] = []

    def loop() -> None:
        while not over.is_set():
            if (command := queue.take()) is not None:
                taken.append(command)
                command.done.set()
            time.sleep(0.0019)

    def ask() -> None:
        for _ in range(100):
            command = Command()
            try:
                queue.ask(command)
            except ServiceBusy:
                outcome.append((command, False))
            else:
                outcome.append((command, True))

    runner = threading.Thread(target=loop)
    askers = [threading.Thread(target=ask) for _ in range(3)]
    for thread in (runner, *askers):
        thread.start()
    for thread in askers:
        thread.join()
    over.set()
    runner.join()
    assert len(outcome) == 300
    assert {id(c) for c, good in outcome if good} == {id(c) for c in taken}


def test_nobody_writes_into_a_pipe_that_was_closed() -> None:
    """Without it: a late call would raise, or put a byte into somebody else's file."""
    wake = Wake()
    number = wake.fileno()
    wake.set()
    wake.drain()
    wake.close()
    other = Wake()
    assert other.fileno() == number  # the same descriptors, another's
    wake.set()
    wake.drain()
    wake.close()
    other.set()
    other.drain()
    other.close()
