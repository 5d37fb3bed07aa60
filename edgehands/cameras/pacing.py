"""Playing recorded frames at their original pace."""

from __future__ import annotations

import time

LATE_S = 1.0
"""More lateness than this counts as an interruption: playing continues where it stopped, without
dropping everything missed (a small computer that decodes slower than real time would never catch
up)."""


class Clock:
    """The machine's clocks. Tests pass one that doesn't wait."""

    def monotonic(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Pacer:
    """Ties the recording's own time to the clock's; starts with the first :meth:`wait`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start: float | None = None

    def wait(self, t: float, timeout: float) -> float | None:
        """Wait until second ``t`` of the recording is due, at most ``timeout`` seconds.

        Returns:
            How late it is (0 or more, seconds), or None when it isn't due within the timeout.
        """
        now = self._clock.monotonic()
        if self._start is None:
            self._start = now - t
        early = self._start + t - now
        if early > timeout:
            self._clock.sleep(max(timeout, 0.0))
            return None
        if early > 0:
            self._clock.sleep(early)
            return 0.0
        if early < -LATE_S:
            self._start = now - t
            return 0.0
        return -early

    def times(self, t: float) -> tuple[float, float]:
        """Monotonic and wall time at which second ``t`` was due."""
        mono = (self._start or 0.0) + t
        return mono, self._clock.wall() - max(self._clock.monotonic() - mono, 0.0)
