"""A limit on how often something may happen: a rate, and a burst on top."""

from __future__ import annotations


class TokenBucket:
    """Lets ``rate`` things a second through, and ``burst`` at once. Times are monotonic seconds.

    Args:
        rate: tokens a second that come back.
        burst: tokens that it holds at most, and at the beginning.
        now: when it begins.
        debt: tokens that refused things take too, down to this many below zero.

    Attributes:
        rested: whether it was full when it was last asked.
    """

    def __init__(self, rate: float, burst: float, now: float, *, debt: float = 0.0) -> None:
        self._rate, self._burst, self._debt = rate, burst, debt
        self._level, self._then = float(burst), now
        self.rested = True

    def take(self, now: float) -> bool:
        """Take a token; false where there is none."""
        self._level = min(self._level + (now - self._then) * self._rate, self._burst)
        self._then = now
        self.rested = self._level >= self._burst
        granted = self._level >= 1.0
        if granted or self._debt:
            self._level = max(self._level - 1.0, -self._debt)
        return granted
