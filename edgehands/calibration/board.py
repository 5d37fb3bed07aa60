"""The checkerboard for calibrating a camera, and sheets of it to print.

A sheet carries its dimensions and a ruler of 100 mm, which reveals a printer that "fits to page".
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from edgehands.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PAPERS: Final = {"a4": (297.0, 210.0), "a3": (420.0, 297.0), "letter": (279.4, 215.9)}
"""Width and height in millimetres, landscape."""

FORMATS: Final = (".pdf", ".svg", ".png")

DOTS_PER_MM: Final = 11.81
"""300 dpi."""

_EDGE_MM: Final = 5.0  # the margin that most printers can't reach
_RULER_MM: Final = 100.0
_POINTS_PER_MM: Final = 72.0 / 25.4


@dataclass(frozen=True, slots=True)
class Board:
    """A checkerboard.

    Attributes:
        columns, rows: inner corners (where four squares meet), 3 to 30, two different numbers;
            there is one more square each way. Odd by even has a unique way up.
        square: side of a square, metres.
    """

    columns: int = 9
    rows: int = 6
    square: float = 0.025

    def __post_init__(self) -> None:
        if not (3 <= self.columns <= 30 and 3 <= self.rows <= 30):
            raise UsageError(
                f"board {self.columns}x{self.rows} is outside 3 to 30 inner corners: count the "
                "points where four squares meet"
            )
        if self.columns == self.rows:
            raise UsageError(
                f"board {self.columns}x{self.rows} is square, its turn can't be told: use one "
                "with one row less"
            )
        if not 0.002 <= self.square <= 0.5:
            raise UsageError(
                f"squares of {self.square:g} m are outside 0.002 to 0.5: give the side in metres"
            )

    @classmethod
    def parse(cls, text: str, square: float = 0.025) -> Board:
        """A board from text such as ``9x6``.

        Raises:
            UsageError: not two numbers, or numbers out of range.
        """
        match = re.fullmatch(r"\s*(\d{1,3})\s*[xX*]\s*(\d{1,3})\s*", text)
        if match is None:
            raise UsageError(f"board {text!r}: give the inner corners as COLUMNSxROWS, such as 9x6")
        return cls(int(match[1]), int(match[2]), square)

    @property
    def corners(self) -> NDArray[np.float32]:
        """(columns * rows, 3) the inner corners on the board, in squares."""
        grid = np.zeros((self.columns * self.rows, 3), np.float32)
        grid[:, :2] = np.mgrid[0 : self.columns, 0 : self.rows].T.reshape(-1, 2)
        return grid


@dataclass(frozen=True, slots=True)
class _Box:
    """A black rectangle on the sheet, millimetres from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The printed content: black boxes and a line of text."""

    width: float
    height: float
    boxes: tuple[_Box, ...]
    text: str
    text_x: float
    text_y: float


def write_board(path: Path, board: Board, paper: str = "a4") -> None:
    """Write a sheet to print: PDF, SVG or PNG (300 dpi), by the file's ending.

    Raises:
        UsageError: another ending, an unknown paper, a board that doesn't fit on it, or a file
            that can't be written.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"{path}: unknown kind of file; end its name in {', '.join(FORMATS)}")
    sheet = _sheet(board, paper)
    if suffix == ".pdf":
        content = _pdf(sheet)
    elif suffix == ".svg":
        content = _svg(sheet)
    else:
        content = _png(_picture(sheet, DOTS_PER_MM), DOTS_PER_MM)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a file that can be written") from error


def board_picture(
    board: Board | None = None, dots_per_mm: float = DOTS_PER_MM, paper: str = "a4"
) -> NDArray[np.uint8]:
    """The sheet as a grey picture.

    Raises:
        UsageError: the board doesn't fit on the paper.
    """
    return _picture(_sheet(board or Board(), paper), dots_per_mm)


def _sheet(board: Board, paper: str) -> _Sheet:
    if paper not in PAPERS:
        raise UsageError(f"paper {paper!r}: give one of {', '.join(PAPERS)}")
    width, height = PAPERS[paper]
    side = 1000.0 * board.square
    # A white margin of at least half a square, or the outer corners aren't found.
    room = min(
        (width - 2.0 * _EDGE_MM) / (board.columns + 1),
        (height - 2.0 * _EDGE_MM - 8.0) / (board.rows + 1),
    )
    if side > room:
        raise UsageError(
            f"{board.columns + 1} x {board.rows + 1} squares of {side:g} mm don't fit on {paper}: "
            f"give --square {int(room * 10) / 10_000:g}, fewer corners or a larger paper"
        )
    left = 0.5 * (width - (board.columns + 1) * side)
    top = 0.5 * (height - 8.0 - (board.rows + 1) * side)
    boxes = [
        _Box(left + column * side, top + row * side, side, side)
        for row in range(board.rows + 1)
        for column in range(board.columns + 1)
        if (row + column) % 2 == 0
    ]
    foot = height - _EDGE_MM
    boxes += [
        _Box(left, foot - 2.0, _RULER_MM, 0.3),
        _Box(left, foot - 4.0, 0.3, 4.0),
        _Box(left + _RULER_MM - 0.3, foot - 4.0, 0.3, 4.0),
    ]
    text = (
        f"100 mm.  {board.columns} x {board.rows} inner corners, squares of {side:g} mm. "
        "Print at 100 %."
    )
    return _Sheet(width, height, tuple(boxes), text, left + _RULER_MM + 4.0, foot - 1.0)


def _picture(sheet: _Sheet, dots_per_mm: float) -> NDArray[np.uint8]:
    page = np.full(
        (round(sheet.height * dots_per_mm), round(sheet.width * dots_per_mm)), 255, np.uint8
    )
    for box in sheet.boxes:
        y0, y1 = (round(v * dots_per_mm) for v in (box.y, box.y + box.height))
        x0, x1 = (round(v * dots_per_mm) for v in (box.x, box.x + box.width))
        page[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = 0
    place = (round(sheet.text_x * dots_per_mm), round(sheet.text_y * dots_per_mm))
    scale = 0.12 * dots_per_mm
    thick = max(1, round(0.25 * dots_per_mm))
    cv2.putText(page, sheet.text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 0, thick, cv2.LINE_AA)
    return page


def _png(page: NDArray[np.uint8], dots_per_mm: float) -> bytes:
    """PNG with its physical size: OpenCV leaves that out, and printers guess."""
    plain = cv2.imencode(".png", page)[1].tobytes()
    dots = round(1000.0 * dots_per_mm)
    chunk = b"pHYs" + struct.pack(">IIB", dots, dots, 1)
    sized = struct.pack(">I", 9) + chunk + struct.pack(">I", zlib.crc32(chunk))
    head = 8 + 25  # signature and IHDR
    return plain[:head] + sized + plain[head:]


def _svg(sheet: _Sheet) -> bytes:
    boxes = "\n".join(
        f'<rect x="{b.x:g}" y="{b.y:g}" width="{b.width:g}" height="{b.height:g}"/>'
        for b in sheet.boxes
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width:g}mm" '
        f'height="{sheet.height:g}mm" viewBox="0 0 {sheet.width:g} {sheet.height:g}">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{boxes}\n'
        f'<text x="{sheet.text_x:g}" y="{sheet.text_y:g}" font-family="sans-serif" '
        f'font-size="3.5">{sheet.text}</text>\n</svg>\n'
    ).encode()


def _pdf(sheet: _Sheet) -> bytes:
    """A hand-written PDF page: it has only boxes and a line of text."""
    k = _POINTS_PER_MM
    drawn = "\n".join(
        f"{b.x * k:.3f} {(sheet.height - b.y - b.height) * k:.3f} {b.width * k:.3f} "
        f"{b.height * k:.3f} re"
        for b in sheet.boxes
    )
    words = (
        f"BT /F1 {3.5 * k:.2f} Tf {sheet.text_x * k:.3f} {(sheet.height - sheet.text_y) * k:.3f} "
        f"Td ({sheet.text}) Tj ET"
    )
    stream = f"0 g\n{drawn}\nf\n{words}\n".encode()
    size = f"[0 0 {sheet.width * k:.3f} {sheet.height * k:.3f}]"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox {size} /Contents 4 0 R "
            "/Resources << /Font << /F1 5 0 R >> >> >>"
        ).encode(),
        f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"endstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += (
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ).encode()
    return bytes(out)
