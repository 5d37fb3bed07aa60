"""The benchmark's clips: short films of hands, each difficult in one way.

    from edgehands.synthetic.suite import NAMES, plan

    for name in NAMES:
        film = plan(name, seed=1)
        for picture in film.render():
            ...                       # picture.image, picture.truth, picture.truth.t

The same name and seed give the same film.
"""

from __future__ import annotations

from edgehands.errors import UsageError
from edgehands.synthetic.film import Film, stage_of
from edgehands.synthetic.films import ABOUT, MAKERS

__all__ = ["ABOUT", "NAMES", "Film", "plan"]

NAMES: tuple[str, ...] = tuple(MAKERS)
"""The clips of the suite."""


def plan(name: str, seed: int = 1, size: tuple[int, int] = (640, 480)) -> Film:
    """A clip of the suite.

    Args:
        name: one of :data:`NAMES`.
        seed: of the people, the light and the background.
        size: width and height, pixels.

    Raises:
        UsageError: there is no clip of that name.
    """
    if name not in MAKERS:
        raise UsageError(f"clip {name!r}: unknown; give one of {', '.join(NAMES)}")
    return MAKERS[name](stage_of(name, ABOUT[name], seed, size))
