"""Which frames are worth a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from edgehands.hand import FrameHands, Hand

LONGEST_SILENCE_S = 1.0
"""A motionless hand is still published once a second."""


class RateLimiter:
    """Limits the rate of messages by time and by motion; times are those of the frames.

    Attributes:
        rate_limit: most frames a second; 0 = all.
        min_change: least motion of any landmark since the last message, in palm sizes; 0 = any.
    """

    def __init__(self, rate_limit: float = 0.0, min_change: float = 0.0) -> None:
        self.rate_limit = rate_limit
        self.min_change = min_change
        self._due = float("-inf")
        self._last: FrameHands | None = None

    def wants(self, tracked: FrameHands) -> bool:
        """Whether a frame with hands is worth a message; then it is the new reference."""
        t = tracked.frame.t_mono
        interval = 1.0 / self.rate_limit if self.rate_limit else 0.0
        # A frame may be a little early: cameras jitter.
        if t < self._due - 0.1 * interval or not self._moved(tracked):
            return False
        # Scheduled from due time to due time, so that 10 of 30 frames are every third; no catching
        # up.
        planned = self._due + interval
        self._due = planned if planned > t else t + interval
        self._last = tracked
        return True

    def forget(self) -> None:
        """Let the next frame through, after changed settings or when nothing is seen any more."""
        self._due = float("-inf")
        self._last = None

    def _moved(self, tracked: FrameHands) -> bool:
        last = self._last
        if not self.min_change or last is None:
            return True
        if tracked.frame.t_mono - last.frame.t_mono >= LONGEST_SILENCE_S:
            return True
        if [_identity(hand) for hand in tracked.hands] != [_identity(hand) for hand in last.hands]:
            return True
        return any(
            float(np.abs(now.landmarks[:, :2] - then.landmarks[:, :2]).max())
            > self.min_change * then.palm_size
            for now, then in zip(tracked.hands, last.hands, strict=True)
        )


def _identity(hand: Hand) -> tuple[int, str]:
    return hand.id, hand.gesture.name if hand.gesture is not None else ""
