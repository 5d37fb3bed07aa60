"""Reduces the frame rate while the board is too hot or short of power, before it is throttled.

A throttled board halves its clock and doubles every frame's age. A service that processes fewer
frames by itself keeps their age the same, and lets the board cool down.
"""

from __future__ import annotations

import logging
from typing import Final

from edgehands.service.heat import WARM_C, troubles_of

log = logging.getLogger(__name__)

SHARES: Final = (1.0, 0.75, 0.5, 0.35, 0.25)
"""Shares of the previous rate, step by step."""

LEAST_FPS: Final = 2.0
"""The lowest limit: at lower rates no hand could be tracked."""

COOL_C: Final = 75.0
"""It must be cooler than this before the next faster step, to avoid oscillation."""

COOL_S: Final = 60.0
"""And for this long."""


class Governor:
    """A state machine: reports in, allowed rate out. It has no clock and calls nothing.

    Attributes:
        limit: most frames a second to process; 0 = all.
        reason: why there is a limit; empty if there is none.
    """

    def __init__(self) -> None:
        self.limit = 0.0
        self.reason = ""
        self._step = 0
        self._full = 0.0
        self._cool_since: float | None = None

    def update(
        self, t: float, fps: float, *, temperature_c: float | None, throttled: int | None
    ) -> None:
        """Process a report; called every ten seconds.

        Args:
            t: seconds, monotonic.
            fps: frames a second processed since the last report.
            temperature_c: of the processor, °C; None = unknown.
            throttled: flags as ``vcgencmd get_throttled`` gives them; None = unknown.
        """
        trouble = _trouble(temperature_c, throttled)
        if trouble:
            self._cool_since = None
            if self._step == 0:
                self._full = fps
            self._go(self._step + 1, trouble)
        elif temperature_c is not None and temperature_c >= COOL_C:
            self._cool_since = None
        elif self._step:
            if self._cool_since is None:
                self._cool_since = t
            elif t - self._cool_since >= COOL_S:
                self._cool_since = t
                self._go(self._step - 1, self.reason)

    def _go(self, step: int, reason: str) -> None:
        step = min(step, len(SHARES) - 1)
        if self._full <= LEAST_FPS:
            return  # there is nothing to reduce, or no frame arrived
        if step == self._step:
            self.reason = reason
            return
        self._step = step
        self.reason = reason if step else ""
        self.limit = max(self._full * SHARES[step], LEAST_FPS) if step else 0.0
        if step:
            log.warning("%s: %.1f frames a second from now on", self.reason, self.limit)
        else:
            log.info("cool again: full rate")


def _trouble(temperature_c: float | None, throttled: int | None) -> str:
    """What is wrong now; empty if nothing is."""
    troubles = troubles_of(throttled or 0)
    if troubles:
        return ", ".join(troubles)
    if temperature_c is not None and temperature_c >= WARM_C:
        return f"{temperature_c:g} °C"
    return ""
