"""Fixtures that more than one test file uses."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.mosquitto import PROGRAM, Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class MakeBroker(Protocol):
    """Starts a mosquitto with these configuration lines."""

    def __call__(self, *lines: str, scheme: str = "mqtt", start: bool = True) -> Mosquitto:
        """Give a broker of one's own; it ends with the test."""


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[MakeBroker]:
    """Real brokers, ended with the test."""
    if PROGRAM is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with ExitStack() as stack:

        def make(*lines: str, scheme: str = "mqtt", start: bool = True) -> Mosquitto:
            broker = Mosquitto(tmp_path, lines or ("allow_anonymous true",), scheme=scheme)
            stack.callback(broker.kill)
            return broker.start() if start else broker

        yield make


@pytest.fixture
def broker(make_broker: MakeBroker) -> Mosquitto:
    """A real broker on which anybody may do anything."""
    return make_broker()
