"""What a fault did, beside what is promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.fault_table.frames import Comparison

P99_RATIO = 1.2
AGE_MS = 500.0
ONLINE_S = 3.0
RECONNECTS_A_MINUTE = 12.0
LINES_A_MINUTE = 4.0


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long and how often each fault is made.

    Attributes:
        quiet_s: each quiet phase beside a faulty one.
        rounds: how often quiet and faulty phases take turns.
        restarts: of the broker, over all rounds.
        stall_s, outage_s, flood_s, network_s, cut_s, slow_s, refused_s, closing_s: of each
            phase.
        judged: whether times count; a few seconds on a busy machine say nothing about them.
    """

    quiet_s: float = 24.0
    rounds: int = 2
    restarts: int = 50
    stall_s: float = 20.0
    outage_s: float = 90.0
    flood_s: float = 24.0
    network_s: float = 60.0
    cut_s: float = 30.0
    slow_s: float = 24.0
    refused_s: float = 20.0
    closing_s: float = 60.0
    judged: bool = True


SHORT = Lengths(
    quiet_s=1.0,
    rounds=1,
    restarts=3,
    stall_s=3.0,
    outage_s=5.0,
    flood_s=3.0,
    network_s=5.0,
    cut_s=4.0,
    slow_s=2.0,
    refused_s=3.0,
    closing_s=5.0,
    judged=False,
)


@dataclass(slots=True)
class Row:
    """A line of the table.

    Attributes:
        fault: what was done.
        measured: what was seen, in words and figures.
        failed: what doesn't hold.
        skipped: why it couldn't be done; empty = it was.
    """

    fault: str
    measured: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: str = ""

    def say(self, text: str, *, holds: bool) -> None:
        """Note what was seen, and whether it is as promised."""
        self.measured.append(text if holds else f"**{text}**")
        if not holds:
            self.failed.append(text)

    def frames(self, comparison: Comparison, *, judged: bool) -> None:
        """Note what the frame loop felt."""
        self.say(
            f"frame p99 {comparison.quiet:.1f} -> {comparison.faulty:.1f} ms "
            f"({comparison.ratio:.2f}x), longest gap {comparison.longest_gap:.0f} ms",
            holds=comparison.ratio <= P99_RATIO or not judged,
        )

    @property
    def verdict(self) -> str:
        """One word, or why there is none."""
        if self.skipped:
            return f"not run: {self.skipped}"
        return "FAIL" if self.failed else "pass"


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = ["| fault | measured | verdict |", "|---|---|---|"]
    lines += [f"| {row.fault} | {'; '.join(row.measured)} | {row.verdict} |" for row in rows]
    return "\n".join(lines)
