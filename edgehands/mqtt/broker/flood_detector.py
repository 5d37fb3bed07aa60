"""Whether messages arrive faster than any sensible client sends them."""

from __future__ import annotations

from typing import Final

from edgehands.mqtt.broker.token_bucket import TokenBucket

PER_S: Final = 100.0
BURST: Final = 50.0
"""Messages a second, and at once, that are no flood."""

OVER_S: Final = 0.1
"""A flood is over when nothing has come for this long."""


class FloodDetector:
    """Counts messages; times are monotonic seconds.

    Args:
        now: when counting begins.
    """

    def __init__(self, now: float) -> None:
        # Excess messages count too: a flood just above the rate lasts all the time.
        self._bucket = TokenBucket(PER_S, BURST, now, debt=1.0)
        self._over = False
        self._then = now

    def heard(self, now: float) -> None:
        """Record a message."""
        self._over = not self._bucket.take(now)
        self._then = now

    def lasts(self, now: float) -> bool:
        """Whether a flood is going on."""
        return self._over and now - self._then < OVER_S
