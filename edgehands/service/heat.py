"""When a Raspberry Pi is too hot or short of power: the one place that says so.

The governor, ``health`` and ``edgehands doctor`` judge by it.
"""

from __future__ import annotations

from typing import Final

WARM_C: Final = 80.0
"""From here on the firmware slows the processor down (its soft limit)."""

HOT_C: Final = 85.0
"""Here it slows it down hard."""

UNDER_VOLTAGE: Final = 0x1

TROUBLES: Final = {
    UNDER_VOLTAGE: "under-voltage",
    0x2: "capped frequency",
    0x4: "throttling",
    0x8: "the soft temperature limit",
}
"""Bits of ``vcgencmd get_throttled`` that speak of now; 16 places higher they say "since the
start"."""

SINCE_THE_START: Final = 16


def troubles_of(flags: int) -> tuple[str, ...]:
    """What the flags say of now, in words."""
    return tuple(name for bit, name in TROUBLES.items() if flags & bit)
