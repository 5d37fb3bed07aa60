"""Whether messages come in faster than any sensible client sends them."""

from __future__ import annotations

from typing import Final

from edgehands.mqtt.broker.token_bucket import TokenBucket

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
        # What is too much counts too: a flood at just above the rate is one all the time.
        self._bucket = TokenBucket(PER_S, BURST, now, debt=1.0)
        self._over = False
        self._then = now

    def heard(self, now: float) -> None:
        """Note a message."""
        self._over = not self._bucket.take(now)
        self._then = now

    def lasts(self, now: float) -> bool:
        """Whether there is one, and it isn't over."""
        return self._over and now - self._then < OVER_S
