"""Waiting for another thread or process: the only polling loop of tests and tools."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_for(true: Callable[[], object], seconds: float = 5.0, every: float = 0.01) -> bool:
    """Wait until a condition holds; false if it doesn't within ``seconds``.

    It is checked at least once, and once more when the time is over.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(every)
    return bool(true())


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until a condition holds that must become true, however busy the machine is.

    It is checked every 2 ms, as a state may be short.
    """
    assert wait_for(true, seconds, every=0.002), f"not within {seconds:.0f} s"
