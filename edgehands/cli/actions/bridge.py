"""Runs a bridge: listens to a broker and forwards every message."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from edgehands.cli.actions.output import people
from edgehands.client import listen_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.client import Message
    from edgehands.config import MqttConfig


def forward(settings: MqttConfig, node: str, take: Callable[[Message], object], *, to: str) -> None:
    """Call a function for each message until Ctrl-C, and report the state on stderr.

    Args:
        settings: the broker.
        node: only this one; empty = all.
        take: receives the messages, in a thread.
        to: the destination, for display.
    """

    def told(line: str) -> None:
        people.print(line, markup=False, soft_wrap=True)

    people.print(f"passing hands on to {to}; Ctrl-C ends", markup=False)
    with listen_with(settings, take, node=node, on_broker=told):
        threading.Event().wait()
