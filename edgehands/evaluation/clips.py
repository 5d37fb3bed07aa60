"""The benchmark's clips and their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from edgehands.evaluation.store import SIZE, pictures
from edgehands.evaluation.values import Clip
from edgehands.hand import Handedness
from edgehands.synthetic import CLIPS, plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgehands.evaluation.store import Drawn, Progress
    from edgehands.synthetic import Film, Scene

QUICK_SECONDS: Final = 1.5
"""Length of each clip in a quick run."""


@dataclass(frozen=True, slots=True)
class FilmScript:
    """A film of the suite, as a script."""

    film: str
    seed: int

    @property
    def name(self) -> str:
        """The film's name and seed."""
        return f"{self.film}-{self.seed}"

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self.plan().frames

    def plan(self) -> Film:
        """The film itself."""
        return plan(self.film, self.seed, SIZE)

    def scenes(self, first: int, count: int) -> list[Scene]:
        """The scenes of some of its frames."""
        film = self.plan()
        return [film.scene_at(i) for i in range(first, first + count)]


def load_clips(
    names: Sequence[str] = CLIPS,
    *,
    seed: int = 1,
    quick: bool = False,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> list[Clip]:
    """Load clips of the suite; those missing from the folder are drawn, 0.1-0.3 s of CPU a frame.

    Args:
        names: which clips.
        seed: of the people, the light and the backgrounds.
        quick: only the first :data:`QUICK_SECONDS` of each.
        folder: where they are kept; None: :func:`~edgehands.evaluation.store.default_folder`.
        progress: called with a clip's name, its frames drawn so far, and their total.

    Raises:
        UsageError: there is no clip of that name.
    """
    scripts = [FilmScript(name, seed) for name in names]
    films = [script.plan() for script in scripts]
    counts = [
        min(film.frames, round(QUICK_SECONDS * film.fps)) if quick else film.frames
        for film in films
    ]
    drawn = pictures(list(zip(scripts, counts, strict=True)), folder, progress)
    return [_clip(film, taken) for film, taken in zip(films, drawn, strict=True)]


def _clip(film: Film, drawn: Drawn) -> Clip:
    truths = drawn.truths
    return Clip(
        film.name,
        film.about,
        film.fps,
        drawn.images,
        drawn.file,
        np.array([truth.points for truth in truths]),
        np.array([truth.palms for truth in truths]),
        np.array([truth.shown for truth in truths]),
        tuple(map(Handedness, truths[0].sides)),
    )
