"""Checks the systemd service: is it running, is it started at boot, why did it last end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edgehands.doctor.finding import doubtful, good, wrong
from edgehands.doctor.system import UNIT
from edgehands.safe_text import redact
from edgehands.wording import counted

if TYPE_CHECKING:
    from edgehands.config import Config
    from edgehands.doctor.finding import Finding
    from edgehands.doctor.system import System

_LOG = "see: journalctl -u edgehands -n 50"
_STATE = ("LoadState", "ActiveState", "SubState", "UnitFileState", "StatusText", "Result")


def check_service(system: System, _config: Config) -> tuple[Finding, ...]:
    """Whether the service is running, and starts at boot."""
    state = system.properties(*_STATE)
    if not state or state.get("LoadState") == "not-found":
        return (good("service", "not installed as a service; 'edgehands run' starts it by hand"),)
    active = state.get("ActiveState", "")
    text = f"{active} ({state.get('SubState', '')})"
    if state.get("StatusText"):
        text += f": {redact(state['StatusText'])}"
    if active == "activating":
        return (doubtful("service", text, f"wait a minute; if it stays so, {_LOG}"),)
    if active == "failed":
        return (wrong("service", f"{text}, {state.get('Result', '')}", _LOG),)
    if active != "active":
        return (wrong("service", text, "sudo systemctl enable --now edgehands"),)
    if state.get("UnitFileState") != "enabled":
        return (
            doubtful(
                "service",
                f"{text}, but it doesn't start at boot ({state.get('UnitFileState')})",
                "sudo systemctl enable edgehands",
            ),
        )
    return (good("service", text),)


def check_last_crash(system: System, _config: Config) -> tuple[Finding, ...]:
    """Why the service ended unexpectedly, if it ever did."""
    state = system.properties("LoadState", "NRestarts")
    if not state or state.get("LoadState") == "not-found":
        return ()
    answer = system.run(
        ("journalctl", "-u", UNIT, "-o", "short-iso", "-n", "2000", "--no-pager"), 15.0
    )
    if answer is None or answer.code:
        return (
            doubtful(
                "last crash",
                "the journal can't be read",
                "run it as root: sudo edgehands doctor",
            ),
        )
    lines = answer.text.splitlines()
    ends = [number for number, line in enumerate(lines) if _is_crash(line)]
    if not ends:
        return (good("last crash", "no crash in the journal"),)
    last = ends[-1]
    when = lines[last].split(" ", 1)[0]
    why = re.sub(r"^.*?\]: ", "", lines[last])
    said = _last_words(lines[:last])
    restarts = state.get("NRestarts", "0")
    return (
        doubtful(
            "last crash",
            redact(f"{when}: {why}{said}; {counted(int(restarts), 'automatic restart')} so far"),
            _LOG,
        ),
    )


def _is_crash(line: str) -> bool:
    return bool(re.search(r"Main process exited|Watchdog timeout|Failed with result", line)) and (
        "status=0/SUCCESS" not in line
    )


def _last_words(lines: list[str]) -> str:
    """The service's last log line before it ended."""
    for line in reversed(lines[-30:]):
        match = re.search(r"edgehands(?:\[\d+\])?: (edgehands: .*)$", line)
        if match:
            return f" ({match[1].removeprefix('edgehands: ')[:160]})"
    return ""
