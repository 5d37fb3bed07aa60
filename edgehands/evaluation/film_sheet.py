"""A contact sheet of film frames that are worth a look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from edgehands.errors import UsageError
from edgehands.hand import HAND_CONNECTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.evaluation.film_scores import Doubt
    from edgehands.evaluation.films import Film
    from edgehands.evaluation.values import Run

WIDTH, HEIGHT, CAPTION = 320, 240, 20
"""Size of a picture on the sheet and of the caption below it, pixels."""

COLUMNS: Final = 5
MOST_OF_A_FILM: Final = 8
MOST: Final = 200

_COLOURS = ((90, 220, 90), (240, 120, 240), (240, 220, 80), (100, 180, 255))


class ContactSheet:
    """Collects pictures; the films show people, so the sheet is written only on request."""

    def __init__(self) -> None:
        self._pictures: list[NDArray[np.uint8]] = []

    def add(self, film: Film, run: Run, doubts: list[Doubt]) -> None:
        """Add frames of a film, spread over those worth a look."""
        reasons: dict[int, list[str]] = {}
        for doubt in doubts:
            reasons.setdefault(doubt.frame, []).append(doubt.why)
        frames = sorted(reasons)
        room = min(MOST_OF_A_FILM, MOST - len(self._pictures), len(frames))
        for n in range(room):
            i = frames[n * len(frames) // room]
            caption = f"{film.name} {i}: {', '.join(dict.fromkeys(reasons[i]))}"
            self._pictures.append(_picture(film.images[i], run, i, caption))

    def write(self, path: Path) -> int:
        """Write the sheet as a picture; returns the number of frames on it.

        Raises:
            UsageError: it can't be written there.
        """
        count = len(self._pictures)
        if not count:
            return 0
        blank = np.zeros_like(self._pictures[0])
        cells = self._pictures + [blank] * (-count % COLUMNS)
        rows = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)]
        try:
            written = cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])
        except cv2.error:
            written = False
        if not written:
            raise UsageError(f"--sheet {path} can't be written: name a .png or .jpg in a folder")
        return count


def _picture(image: NDArray[np.uint8], run: Run, frame: int, caption: str) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    cell = np.zeros((HEIGHT + CAPTION, WIDTH, 3), np.uint8)
    cell[: size[1], : size[0]] = cv2.resize(
        np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA
    )
    for hand in run.frames[frame]:
        points = np.rint(hand.points * scale).astype(int).tolist()
        colour = _COLOURS[(hand.id or 0) % len(_COLOURS)]
        for a, b in HAND_CONNECTIONS:
            cv2.line(cell, points[a], points[b], colour, 1, cv2.LINE_AA)
    place = (4, HEIGHT + 14)
    cv2.putText(cell, caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (230, 230, 230), 1)
    return cell
