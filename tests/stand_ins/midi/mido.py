"""As much of mido as examples/midi.py uses; what is sent is printed."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

_LIMITS = {
    "control_change": {"channel": (0, 15), "control": (0, 127), "value": (0, 127)},
    "pitchwheel": {"channel": (0, 15), "pitch": (-8192, 8191)},
    "note_on": {"channel": (0, 15), "note": (0, 127), "velocity": (0, 127)},
    "note_off": {"channel": (0, 15), "note": (0, 127), "velocity": (0, 127)},
}


class Message:
    """A MIDI message; refuses what MIDI has no room for, as mido does."""

    def __init__(self, kind: str, **data: int) -> None:
        for name, value in data.items():
            low, high = _LIMITS[kind][name]
            assert isinstance(value, int), (name, value)
            assert low <= value <= high, (name, value)
        self.line = " ".join([kind, *(f"{name}={value}" for name, value in data.items())])


class _Output:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def send(self, message: Message) -> None:
        """Print it."""
        print(message.line, flush=True)  # noqa: T201


def open_output(name: str) -> Any:
    """An output that prints."""
    assert name == "synth"
    return _Output()


def get_output_names() -> list[str]:
    """The outputs that there are."""
    return ["synth"]
