"""A limit on how often something may happen: a rate, plus a burst."""

from __future__ import annotations


class TokenBucket:
    """Lets ``rate`` things a second through, and ``burst`` at once. Times are monotonic seconds.

    Args:
        rate: tokens regained a second.
        burst: most tokens that it holds; also the initial number.
        now: the start time.
        debt: refused calls take tokens too, down to this many below zero.

    Attributes:
        rested: whether it was full at the last call.
    """

    def __init__(self, rate: float, burst: float, now: float, *, debt: float = 0.0) -> None:
        self._rate, self._burst, self._debt = rate, burst, debt
        self._level, self._then = float(burst), now
        self.rested = True

    def take(self, now: float) -> bool:
        """Take a token; False if there is none."""
        self._level = min(self._level + (now - self._then) * self._rate, self._burst)
        self._then = now
        self.rested = self._level >= self._burst
        granted = self._level >= 1.0
        if granted or self._debt:
            self._level = max(self._level - 1.0, -self._debt)
        return granted
