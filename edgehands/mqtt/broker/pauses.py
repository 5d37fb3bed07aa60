"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import enum
import random

LASTING_S = 10.0
"""A connection that lasted this long counts as good."""

AWAY_RETRY_S = (0.2, 2.0)
"""First and longest pause while nobody answers: a returning broker is found within 3 s."""

REFUSED_RETRY_S = (1.0, 30.0)
"""The same if the broker or we refused: neither is likely to change soon."""

CLOSED_RETRY_S = (0.2, 30.0)
"""The same if the broker closes its connections."""

CLOSED_FACTOR = 4.0
"""Growth of that pause: the first reconnect comes at once, the sixth after half a minute."""


MAX_RELIEFS = 3
"""How often the pauses restart because a cause was found, until a connection has lasted."""


class Ending(enum.Enum):
    """How an attempt, or a connection, ended."""

    AWAY = enum.auto()
    """No broker could be reached, or the network went silent."""
    REFUSED = enum.auto()
    """The broker refused us, or its certificate isn't trusted."""
    CLOSED = enum.auto()
    """The broker closed the connection, before or after it had accepted us."""


class Pauses:
    """Pauses that grow with each consecutive failure, with jitter to spread out a fleet.

    A connection that is accepted and then closed is no success: the pause keeps growing until one
    has lasted :data:`LASTING_S`, or until the broker was away in between (restarted).
    """

    def __init__(self) -> None:
        self._failures = dict.fromkeys(Ending, 0)
        self._reliefs = 0

    @property
    def calm(self) -> bool:
        """Whether no connection was closed since the last good one."""
        return not self._failures[Ending.CLOSED]

    def reset(self) -> None:
        """Record a good connection."""
        self._failures = dict.fromkeys(Ending, 0)
        self._reliefs = 0

    def relieve(self) -> None:
        """Record that the cause of closed connections was found: the next one may well last."""
        if self._reliefs < MAX_RELIEFS:
            self._reliefs += 1
            self._failures[Ending.CLOSED] = min(self._failures[Ending.CLOSED], 1)

    def next(self, ending: Ending) -> float:
        """Record a failure and return the pause after it, seconds."""
        before = self._failures[ending]
        if ending is Ending.CLOSED:
            (first, longest), factor = CLOSED_RETRY_S, CLOSED_FACTOR
        else:
            self._failures[Ending.CLOSED] = 0
            (first, longest), factor = (
                (AWAY_RETRY_S if ending is Ending.AWAY else REFUSED_RETRY_S),
                2.0,
            )
        self._failures[ending] = before + 1
        seconds: float = min(first * factor ** min(before, 20), longest)
        return seconds * random.uniform(0.5, 1.0)  # noqa: S311
