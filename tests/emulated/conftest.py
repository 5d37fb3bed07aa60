"""What the emulated checks measured is printed at their end: docs/device-tests.md quotes it."""

from __future__ import annotations

from typing import Protocol

import pytest

_NOTES = pytest.StashKey[list[str]]()


class Note(Protocol):
    """Keeps one line for the end."""

    def __call__(self, what: str, happened: str, seconds: float | None = None) -> None:
        """``what`` was done, what ``happened``, how many ``seconds`` it took."""


@pytest.fixture(scope="session")
def note(pytestconfig: pytest.Config) -> Note:
    """Give the place for lines that are printed at the end."""
    kept = pytestconfig.stash.setdefault(_NOTES, [])

    def keep(what: str, happened: str, seconds: float | None = None) -> None:
        took = "" if seconds is None else f"{seconds:7.1f} s"
        kept.append(f"{took:>9}  {what}: {happened}")

    return keep


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the lines."""
    kept = config.stash.get(_NOTES, [])
    if kept:
        terminalreporter.section("what was run in a Pi's stead")
        for line in kept:
            terminalreporter.line(line)
