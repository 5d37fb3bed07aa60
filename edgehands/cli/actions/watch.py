"""Shows what is published, live in a terminal or as lines."""

from __future__ import annotations

import contextlib
import queue
import signal
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from edgehands.mqtt.broker.subscriber import BrokerState, Received, Subscriber, broker_line
from edgehands.preview.incoming import read_message
from edgehands.preview.lines import ChangeLines, json_line
from edgehands.preview.live import LiveState
from edgehands.preview.terminal import LiveView

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.config import MqttConfig

FRAMES_PER_SECOND = 12

_QUEUE = 10_000
"""Messages that may be queued for a slow reader of our lines; more are dropped and counted."""


def watch_broker(settings: MqttConfig, node: str, *, as_json: bool) -> None:
    """Show what a broker's nodes publish, until Ctrl-C or SIGTERM.

    Args:
        settings: the broker.
        node: only this one; empty = all.
        as_json: every message as a line of JSON.
    """
    with ExitStack() as stack:
        stopped = _stop_on_signals(stack)
        if as_json:
            _print_json(settings, node, stopped)
        elif sys.stdout.isatty():
            _show_live(settings, node, stopped)
        else:
            _print_changes(settings, node, stopped)


def _stop_on_signals(stack: ExitStack) -> threading.Event:
    """Let Ctrl-C, SIGTERM and SIGHUP end the program cleanly: the terminal is restored."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = signal.signal(number, lambda _number, _frame: stopped.set())
        stack.callback(signal.signal, number, before)
    return stopped


def _show_live(settings: MqttConfig, node: str, stopped: threading.Event) -> None:
    state = LiveState(settings.prefix, BrokerState(str(settings.address)))
    waiting = f'node "{node}" to publish' if node else "a node to publish: start 'edgehands run'"
    view = LiveView(state, waiting_for=waiting, footer="Ctrl-C ends")
    console = Console(highlight=False)
    with (
        Subscriber(
            settings,
            node=node,
            purpose="watch",
            on_message=state.take,
            on_broker=state.set_broker,
        ),
        Live(view, console=console, screen=True, auto_refresh=False) as live,
    ):
        while not stopped.wait(1.0 / FRAMES_PER_SECOND):
            live.refresh()


def _print_json(settings: MqttConfig, node: str, stopped: threading.Event) -> None:
    _print_lines(settings, node, stopped, json_line)


def _print_changes(settings: MqttConfig, node: str, stopped: threading.Event) -> None:
    changes = ChangeLines()

    def line(received: Received) -> bytes:
        message = read_message(settings.prefix, received)
        return b"" if message is None else changes.line(message).encode()

    _print_lines(settings, node, stopped, line)


def _print_lines(
    settings: MqttConfig,
    node: str,
    stopped: threading.Event,
    line_of: Callable[[Received], bytes],
) -> None:
    """Print a line for each message; a slow reader misses some, and is told how many."""
    waiting: queue.Queue[bytes] = queue.Queue(_QUEUE)
    missed = 0

    def take(received: Received) -> None:
        nonlocal missed
        line = line_of(received)
        if not line:
            return
        try:
            waiting.put_nowait(line)
        except queue.Full:
            missed += 1

    def told(broker: BrokerState) -> None:
        sys.stderr.write(f"edgehands: {broker_line(broker)}\n")

    with Subscriber(settings, node=node, purpose="watch", on_message=take, on_broker=told):
        while not stopped.is_set():
            with contextlib.suppress(queue.Empty):
                sys.stdout.buffer.write(waiting.get(timeout=0.2) + b"\n")
                if waiting.empty():
                    sys.stdout.buffer.flush()
    if missed:
        sys.stderr.write(f"edgehands: {missed} messages left out: the reader was too slow\n")
