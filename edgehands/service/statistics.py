"""Service statistics: stage times in ring buffers of fixed size, and values from the system."""

from __future__ import annotations

import math
import os
import platform
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgehands.mqtt.contract.messages import QuantilesMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

RING_SIZE = 512
"""Frames that the quantiles cover: 17 s at 30 a second."""

_THERMAL = Path("/sys/class/thermal")
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")


class Ring:
    """The newest times of one stage. Adding allocates nothing."""

    def __init__(self, size: int = RING_SIZE) -> None:
        self._values: NDArray[np.float64] = np.zeros(size)
        self._count = 0

    def add(self, value: float) -> None:
        """Add a time; it replaces the oldest one."""
        self._values[self._count % len(self._values)] = value
        self._count += 1

    def __len__(self) -> int:
        return min(self._count, len(self._values))

    def quantiles(self) -> tuple[float, float, float]:
        """p50, p95 and p99 (the value that this share of times stays at or below); 0 when empty."""
        ordered = np.sort(self._values[: len(self)])
        if not len(ordered):
            return 0.0, 0.0, 0.0
        last = len(ordered) - 1
        p50, p95, p99 = (
            float(ordered[min(math.ceil(q * len(ordered)) - 1, last)]) for q in (0.5, 0.95, 0.99)
        )
        return p50, p95, p99


class StageTimes:
    """Times of the named stages of a frame, in milliseconds. Written by one thread, read by any."""

    def __init__(self, stages: tuple[str, ...]) -> None:
        self._rings = {stage: Ring() for stage in stages}
        self._lock = threading.Lock()

    def add(self, stage: str, seconds: float) -> None:
        """Record how long a stage took."""
        with self._lock:
            self._rings[stage].add(seconds * 1000.0)

    def summary(self) -> dict[str, QuantilesMessage]:
        """Quantiles of every recorded stage."""
        with self._lock:
            found = {stage: ring.quantiles() for stage, ring in self._rings.items() if len(ring)}
        return {
            stage: QuantilesMessage(p50=round(p50, 3), p95=round(p95, 3), p99=round(p99, 3))
            for stage, (p50, p95, p99) in found.items()
        }


def resident_mb() -> float:
    """Resident memory of this process, MB; 0 if unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def restarts(env: Mapping[str, str] | None = None) -> int | None:
    """How often systemd has restarted the service since boot, after a failure; None elsewhere.

    ``edgehands-backoff`` counts them, in memory.
    """
    folder = (os.environ if env is None else env).get("RUNTIME_DIRECTORY", "")
    try:
        return int(Path(folder, "restarts").read_text()) if folder else None
    except (OSError, ValueError):
        return None


def temperature_c(folder: Path = _THERMAL) -> float | None:
    """Temperature of the warmest thermal zone, °C; None if there is none."""
    found = []
    for zone in sorted(folder.glob("thermal_zone*/temp")):
        try:
            found.append(int(zone.read_text()) / 1000.0)
        except (OSError, ValueError):
            continue  # zones without a reading return an error
    return round(max(found), 1) if found else None


def throttled_flags(file: Path = _THROTTLED) -> int | None:
    """A Raspberry Pi's throttling flags (``vcgencmd get_throttled``); None elsewhere.

    The kernel's file is read first: starting a program from a process with models in memory costs
    far more than reading four digits.
    """
    try:
        return int(file.read_text(), 16)
    except (OSError, ValueError):
        pass
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command line
            [program, "get_throttled"], capture_output=True, text=True, timeout=2, check=False
        ).stdout
        return int(answer.partition("=")[2], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def system_name() -> str:
    """Operating system and machine in a few words."""
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        name = platform.system()
    return f"{name} {platform.machine()}"
