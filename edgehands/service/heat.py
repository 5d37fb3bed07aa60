"""The limits at which a Raspberry Pi counts as too hot or short of power.

Used by the governor, ``health`` and ``edgehands doctor``.
"""

from __future__ import annotations

from typing import Final

WARM_C: Final = 80.0
"""From this temperature the firmware slows the processor down (its soft limit)."""

HOT_C: Final = 85.0
"""From this temperature it slows it down strongly."""

UNDER_VOLTAGE: Final = 0x1

TROUBLES: Final = {
    UNDER_VOLTAGE: "under-voltage",
    0x2: "capped frequency",
    0x4: "throttling",
    0x8: "the soft temperature limit",
}
"""Bits of ``vcgencmd get_throttled`` for the present; 16 places higher, the same bits mean "since
the start"."""

SINCE_THE_START: Final = 16


def troubles_of(flags: int) -> tuple[str, ...]:
    """The current troubles in the flags, in words."""
    return tuple(name for bit, name in TROUBLES.items() if flags & bit)
