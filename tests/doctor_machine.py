"""A machine made of files in a folder and of recorded answers, for the doctor to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgehands.doctor import Answer, System

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOW = 1_780_000_000.0
"""2026-05-28."""

ACTIVE = """LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
StatusText=29.8 frames a second, broker connected
Result=success
NRestarts=2
SupplementaryGroups=
"""


@dataclass
class Machine:
    """What the doctor sees.

    Attributes:
        root: holds the files.
        answers: by the beginning of a command line; a program without an answer isn't installed.
        packages: versions of Python packages.
        closed: devices that we may not use.
        free: bytes left on the card.
        now: seconds since 1970.
        asked: the command lines that were run.
    """

    root: Path
    answers: dict[str, Answer] = field(default_factory=dict)
    packages: dict[str, str] = field(
        default_factory=lambda: {"ai-edge-litert": "2.3.0", "numpy": "1.24.2", "msgspec": "0.19.0"}
    )
    requirements: tuple[str, ...] = ("ai-edge-litert>=2.1", "msgspec>=0.19", "numpy>=1.24")
    closed: set[str] = field(default_factory=set)
    free: int = 5_000_000_000
    now: float = NOW
    env: dict[str, str] = field(default_factory=dict)
    python_version: tuple[int, int, int] = (3, 11, 2)
    bits: int = 64
    models: Path | None = None
    asked: list[str] = field(default_factory=list)

    def file(self, path: str, text: str = "") -> Path:
        """Put a file there."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def says(self, words: str, text: str, code: int = 0) -> None:
        """Have a program answer."""
        self.answers[words] = Answer(code, text)

    def system(self) -> System:
        """The doctor's view of it."""
        return System(
            root=self.root,
            run=self._run,
            env=self.env,
            python="python3",
            python_version=self.python_version,
            bits=self.bits,
            version=self.packages.get,
            requirements=self.requirements,
            usable=lambda path: f"/{path.relative_to(self.root)}" not in self.closed,
            free=lambda _: self.free,
            now=lambda: self.now,
            models=self.models,
        )

    def _run(self, words: Sequence[str], timeout: float) -> Answer | None:
        assert timeout > 0
        line = " ".join(words)
        self.asked.append(line)
        for begin in sorted(self.answers, key=len, reverse=True):
            if line.startswith(begin):
                return self.answers[begin]
        return None
