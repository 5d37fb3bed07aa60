"""Whether the broker answers *now*: checked before sending anything that must not arrive late.

Bytes passed to the kernel can't be taken back: when the broker or the network stalls, whatever is
in a socket's buffers is delivered after the stall, however old by then. So a live message is only
sent if the broker has just answered a ping (0.1 ms on one machine, a few ms over Wi-Fi): a stall
then finds at most the message of that moment in flight. On slow links, where asking first would
halve the rate, an answer counts for one and a half round trips.
"""

from __future__ import annotations

FAST_RTT_S = 0.015
"""Round trips up to this are awaited before every live message."""

FRESH_S = 0.005
"""On a fast link an answer counts this long."""

MAX_WINDOW_S = 0.4
"""On the slowest link an answer counts this long."""


class Link:
    """Pings, answers and round trip times. All times are monotonic seconds.

    Attributes:
        pings, answers: their numbers. A broker handles messages in order: the answer to a ping also
            confirms everything sent before that ping.
    """

    def __init__(self) -> None:
        self.pings = 0
        self.answers = 0
        self._asked: float | None = None
        self._answered: float | None = None
        self._rtt = 0.0  # smoothed round trip time, seconds; 0 before the first answer

    @property
    def waiting(self) -> bool:
        """Whether a ping is unanswered."""
        return self._asked is not None

    @property
    def slow(self) -> bool:
        """Whether a ping before every live message would take too long."""
        return self._rtt > FAST_RTT_S

    def unanswered(self, now: float) -> float:
        """Seconds for which a ping has been unanswered; 0 if none is."""
        return 0.0 if self._asked is None else now - self._asked

    def asked(self, now: float) -> None:
        """Record that a ping was sent."""
        if self._asked is None:
            self._asked = now
            self.pings += 1

    def answered(self, now: float) -> None:
        """Record that the answer came."""
        if self._asked is None:
            return
        self.answers += 1
        sample = now - self._asked
        # One late answer must not keep the window open for long: rise slowly, fall fast.
        weight = 0.125 if sample > self._rtt and self._answered is not None else 0.5
        self._rtt += weight * (min(sample, MAX_WINDOW_S) - self._rtt)
        self._asked = None
        self._answered = now

    def clear(self, now: float) -> bool:
        """Whether a live message may go out now."""
        if self._answered is None:
            return False
        window = min(0.05 + 1.5 * self._rtt, MAX_WINDOW_S) if self.slow else FRESH_S
        return now - self._answered <= window
