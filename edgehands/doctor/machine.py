"""Checks the machine: clock, temperature, power, and the card."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from edgehands import memory
from edgehands.doctor.finding import doubtful, good, wrong
from edgehands.service.heat import HOT_C, SINCE_THE_START, UNDER_VOLTAGE, WARM_C, troubles_of
from edgehands.service.statistics import temperature_c
from edgehands.wording import counted

if TYPE_CHECKING:
    from edgehands.config import Config
    from edgehands.doctor.finding import Finding
    from edgehands.doctor.system import System

LEAST_MEMORY_MB = 50
"""With less than this next to a running service, some process will soon be killed."""

LEAST_FREE_MB = 200
"""With less than this, an upgrade or the journal fills the card."""

_RELEASED = dt.datetime(2025, 1, 1, tzinfo=dt.UTC).timestamp()


def check_clock(system: System, _config: Config) -> tuple[Finding, ...]:
    """Whether the time is plausible and synchronised."""
    now = system.now()
    shown = dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    sync = "connect it to the network, then: sudo timedatectl set-ntp true"
    if now < _RELEASED:
        return (wrong("clock", f"{shown} is in the past: certificates won't be accepted", sync),)
    if system.path("/run/systemd/timesync/synchronized").exists():
        return (good("clock", f"{shown}, synchronised"),)
    answer = system.run(("timedatectl", "show", "--property", "NTPSynchronized"), 5.0)
    if answer is not None and "NTPSynchronized=yes" in answer.text:
        return (good("clock", f"{shown}, synchronised"),)
    if answer is not None and "NTPSynchronized=no" in answer.text:
        return (doubtful("clock", f"{shown}, not synchronised", sync),)
    return (good("clock", f"{shown}; can't tell whether it is synchronised"),)


def check_temperature(system: System, _config: Config) -> tuple[Finding, ...]:
    """The warmest thermal zone."""
    warmest = temperature_c(system.path("/sys/class/thermal"))
    if warmest is None:
        return (good("temperature", "this machine has no temperature sensor to read"),)
    if warmest >= HOT_C:
        return (
            wrong(
                "temperature",
                f"{warmest:g} °C; the limit is {HOT_C:g} °C",
                "switch it off, then add a heat sink or a fan",
            ),
        )
    if warmest >= WARM_C:
        return (
            doubtful(
                "temperature",
                f"{warmest:g} °C; it slows down from {WARM_C:g} °C on",
                "add a heat sink or a fan, or improve the airflow",
            ),
        )
    return (good("temperature", f"{warmest:g} °C"),)


def check_memory(system: System, _config: Config) -> tuple[Finding, ...]:
    """Whether there is enough memory for the models, and no limit below that."""
    limit = memory.limit(system.path("/proc/self/cgroup"), system.path("/sys/fs/cgroup"))
    if limit:
        return (wrong("memory", limit, "raise the limit: the kernel ends what exceeds it"),)
    found = re.search(
        r"^MemAvailable:\s+(\d+) kB", system.read("/proc/meminfo") or "", re.MULTILINE
    )
    if found is None:
        return (good("memory", "this machine doesn't tell how much is free"),)
    free = int(found[1]) // 1000
    if free < LEAST_MEMORY_MB:
        return (
            doubtful(
                "memory",
                f"{free} MB are free, {LEAST_MEMORY_MB} should be",
                "end other programs, or leave the desktop out (raspi-config)",
            ),
        )
    return (good("memory", f"{free} MB free"),)


def check_power(system: System, _config: Config) -> tuple[Finding, ...]:
    """Throttling and under-voltage, now and since boot."""
    flags = _throttled(system)
    if flags is None:
        return (good("power", "this machine doesn't report throttling or under-voltage"),)
    now, before = troubles_of(flags), troubles_of(flags >> SINCE_THE_START)
    supply = "use the official power supply, and unplug USB devices that draw much current"
    if flags & UNDER_VOLTAGE:
        return (wrong("power", f"now: {', '.join(now)}", supply),)
    if now:
        return (doubtful("power", f"now: {', '.join(now)}", "cool it: add a heat sink or a fan"),)
    if before:
        remedy = (
            supply
            if flags >> SINCE_THE_START & UNDER_VOLTAGE
            else "cool it: add a heat sink or a fan"
        )
        return (doubtful("power", f"since boot: {', '.join(before)}", remedy),)
    return (good("power", "no throttling or under-voltage since boot"),)


def check_storage(system: System, _config: Config) -> tuple[Finding, ...]:
    """Signs of a failing or full card; nothing is written for the check."""
    back_up = "back up the configuration and prepare a new card"
    found = []
    if _root_is_read_only(system):
        found.append(
            wrong(
                "storage", "the root file system has become read-only after a write error", back_up
            )
        )
    errors = sum(
        int(text)
        for file in system.glob("/sys/fs/ext4/*/errors_count")
        if (text := system.read(file) or "0").isdecimal()
    )
    if errors:
        found.append(
            doubtful("storage", f"the file system has counted {counted(errors, 'error')}", back_up)
        )
    said = system.run(
        ("journalctl", "-k", "-b", "-p", "err", "-o", "cat", "-n", "500", "--no-pager"), 10.0
    )
    lines = [] if said is None or said.code else said.text.splitlines()
    bad = [line for line in lines if re.search(r"mmc\d|I/O error|EXT4-fs error", line)]
    if bad:
        found.append(
            doubtful(
                "storage",
                f"{counted(len(bad), 'error')} in the kernel's log, the last: {bad[-1][:120]}",
                back_up,
            )
        )
    worn = _worn_percent(system)
    if worn is not None and worn >= 90:
        found.append(doubtful("storage", f"{worn} % of the storage's life is used up", back_up))
    free = system.free(system.root) // 1_000_000
    if free < LEAST_FREE_MB:
        found.append(
            doubtful(
                "storage",
                f"{free} MB free; at least {LEAST_FREE_MB} MB are needed",
                "sudo apt clean; sudo journalctl --vacuum-size=50M",
            )
        )
    life = "" if worn is None else f", {worn} % of its life used up"
    return tuple(found) or (good("storage", f"{free} MB free, no errors{life}"),)


def _throttled(system: System) -> int | None:
    """The firmware's flags: from the kernel's file, else vcgencmd, else the voltage sensor."""
    text = system.read("/sys/devices/platform/soc/soc:firmware/get_throttled")
    if text is None:
        answer = system.run(("vcgencmd", "get_throttled"), 5.0)
        text = answer.text.partition("=")[2].strip() if answer and not answer.code else None
    if text is not None:
        try:
            return int(text, 16)
        except ValueError:
            pass
    for sensor in system.glob("/sys/class/hwmon/hwmon*/name"):
        if system.read(sensor) == "rpi_volt":
            alarm = system.read(sensor.parent / "in0_lcrit_alarm")
            return UNDER_VOLTAGE if alarm == "1" else 0
    return None


def _root_is_read_only(system: System) -> bool:
    """Unintentionally read-only: not by an overlay or ``ro`` in fstab."""
    wished = "ro" in _root_options(system.read("/etc/fstab"))
    return "ro" in _root_options(system.read("/proc/mounts")) and not wished


def _root_options(table: str | None) -> list[str]:
    """Mount options of the root file system in an fstab-like table; the last entry counts."""
    rows = [words for line in (table or "").splitlines() if len(words := line.split()) > 3]
    options = [row[3] for row in rows if row[1] == "/" and row[2] != "overlay"]
    return options[-1].split(",") if options else []


def _worn_percent(system: System) -> int | None:
    """Life used, as estimated by eMMC memory in steps of ten; SD cards don't report it."""
    for file in system.glob("/sys/block/mmcblk*/device/life_time"):
        steps = [int(word, 16) for word in (system.read(file) or "").split()]
        worst = max(steps, default=0)
        if worst:
            return 10 * worst
    return None
