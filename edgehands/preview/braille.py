"""Draws hands with braille characters: eight dots per character, enough to draw lines in text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.hand import HAND_CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgehands.mqtt.contract.messages import HandMessage

# Bit of each dot in a braille character (Unicode chapter 21.1), by row and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
_FAR = 4.0
"""Points further out than this many picture sizes are left out: lines there would take too long."""


class Canvas:
    """A canvas of ``columns`` x ``rows`` characters, 2 x 4 dots each.

    Attributes:
        owners: for each character the number of the last owner to draw there; -1 = none.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.rows = rows
        self._bits = [[0] * columns for _ in range(rows)]
        self.owners = [[-1] * columns for _ in range(rows)]

    def dot(self, x: int, y: int, owner: int) -> None:
        """Set a dot; dots outside the canvas are ignored."""
        column, row = x // 2, y // 4
        if 0 <= column < self.columns and 0 <= row < self.rows:
            self._bits[row][column] |= _DOTS[y % 4][x % 2]
            self.owners[row][column] = owner

    def line(self, a: tuple[float, float], b: tuple[float, float], owner: int) -> None:
        """Draw a line between two points, given in dots."""
        steps = max(1, round(max(abs(b[0] - a[0]), abs(b[1] - a[1]))))
        for step in range(steps + 1):
            share = step / steps
            self.dot(
                round(a[0] + (b[0] - a[0]) * share), round(a[1] + (b[1] - a[1]) * share), owner
            )

    def text(self) -> list[str]:
        """Return the rows."""
        return ["".join(chr(_BLANK + bits) for bits in row) for row in self._bits]


def fit(columns: int, rows: int, width: int, height: int) -> tuple[int, int]:
    """Return the largest size in characters, within the given one, that keeps the aspect ratio.

    A braille character's dots form a square grid (2 x 4 in a cell about twice as high as wide).
    """
    wide = 2 * columns
    high = wide * height / max(width, 1)
    if high > 4 * rows:
        high = 4 * rows
        wide = int(high * width / max(height, 1))
    return max(wide // 2, 1), max(round(high / 4), 1)


def draw_hands(hands: Sequence[HandMessage], columns: int, rows: int) -> Canvas:
    """Draw hands as the camera sees them; each hand's index in the list is its owner number."""
    canvas = Canvas(columns, rows)
    wide, high = 2 * columns - 1, 4 * rows - 1
    for owner, hand in enumerate(hands):
        points = [(x * wide, y * high) for x, y, _ in hand.landmarks]
        near = [max(abs(x), abs(y)) <= _FAR for x, y, _ in hand.landmarks]
        for a, b in HAND_CONNECTIONS:
            if near[a] and near[b]:
                canvas.line(points[a], points[b], owner)
    return canvas
