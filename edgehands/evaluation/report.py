"""Scores as text: columns with units, for the terminal and for Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.evaluation.metrics import Score


@dataclass(frozen=True, slots=True)
class Column:
    """A score that can be shown and compared.

    Attributes:
        title: with its unit.
        short: a title that fits on a terminal.
        about: one sentence.
        value: the number; None where a clip has none.
        show: that number as text.
        better: 1 where more is better, -1 where less is.
        margin: differences up to this are ignored.
    """

    title: str
    short: str
    about: str
    value: Callable[[Score], float | None]
    show: Callable[[float], str]
    better: int
    margin: float = 0.0

    def text(self, score: Score) -> str:
        """The score as text, ``-`` where there is none."""
        number = self.value(score)
        return "-" if number is None else self.show(number)

    def worse(self, one: Score, other: Score) -> bool:
        """Whether ``one`` has the worse score by more than the margin."""
        mine, theirs = self.value(one), self.value(other)
        if mine is None or theirs is None:
            return False
        return (theirs - mine) * self.better > self.margin


def _percent(digits: int) -> Callable[[float], str]:
    return lambda number: f"{number * 100:.{digits}f}"


def _fixed(digits: int) -> Callable[[float], str]:
    return lambda number: f"{number:.{digits}f}"


COLUMNS: dict[str, Column] = {
    "tracked": Column(
        "tracked %",
        "tracked %",
        "visible hand-frames in which the hand was tracked: landmarks within 0.5 palm sizes",
        lambda s: s.tracked_share,
        _percent(1),
        1,
    ),
    "false": Column(
        "false hands",
        "false",
        "reports of no hand, or of one that had a better report",
        lambda s: s.false_hands,
        _fixed(0),
        -1,
    ),
    "wait": Column(
        "acquire, frames",
        "acq",
        "frames from a hand's coming into view until it is first tracked, mean",
        lambda s: s.wait,
        _fixed(1),
        -1,
    ),
    "gap": Column(
        "longest gap, frames",
        "gap",
        "the longest time that a visible hand wasn't tracked",
        lambda s: s.longest_gap,
        _fixed(0),
        -1,
    ),
    "switches": Column(
        "id switches",
        "ids",
        "a visible hand's id changed, or an id went over to another hand",
        lambda s: s.id_switches,
        _fixed(0),
        -1,
    ),
    "sides": Column(
        "wrong side %",
        "side %",
        "tracked hand-frames with the wrong handedness",
        lambda s: s.handedness_errors / s.tracked if s.tracked else None,
        _percent(1),
        -1,
    ),
    "nme": Column(
        "NME %",
        "NME %",
        "mean landmark error of tracked hand-frames, of palm size",
        lambda s: s.nme,
        _percent(2),
        -1,
        0.001,
    ),
    "jitter": Column(
        "jitter %",
        "jitter %",
        "a still hand's motion from frame to frame, rms, of palm size",
        lambda s: s.jitter,
        _percent(2),
        -1,
    ),
    "lag": Column(
        "lag, ms",
        "lag ms",
        "how far reported motion is behind the true one",
        lambda s: s.lag_ms,
        _fixed(1),
        -1,
        1.0,
    ),
    "cpu": Column(
        "CPU, ms",
        "CPU ms",
        "CPU time a frame, all threads",
        lambda s: s.cpu_ms,
        _fixed(1),
        -1,
    ),
}
"""The scores in display order."""


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
