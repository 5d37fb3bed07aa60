"""Whether messages come in faster than any sensible client sends them."""

from __future__ import annotations

from typing import Final

PER_S: Final = 100.0
BURST: Final = 50.0
"""So many messages a second, and at once, are no flood."""

OVER_S: Final = 0.1
"""A flood is over when nothing came for this long."""


class FloodDetector:
    """Counts messages; times are monotonic seconds.

    Args:
        now: when counting begins.
    """

    def __init__(self, now: float) -> None:
        self._level = BURST
        self._then = now

    def heard(self, now: float) -> None:
        """Note a message."""
        refilled = min(self._level + (now - self._then) * PER_S, BURST)
        self._level, self._then = max(refilled - 1.0, -1.0), now

    def lasts(self, now: float) -> bool:
        """Whether there is one, and it isn't over."""
        return self._level < 0.0 and now - self._then < OVER_S
