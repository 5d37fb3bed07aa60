"""The service's log on stderr, in the format of its reader."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from edgehands.safe_text import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

# syslog's numbers, which the journal reads in front of a line; sd-daemon(3).
_PRIORITY = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class _Redacting(logging.Formatter):
    """Removes passwords in addresses from everything logged, by us or by a library."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(redact, super().format(record).splitlines()))


class _Journal(_Redacting):
    """Formats a line for the journal, which adds time and name itself."""

    def format(self, record: logging.LogRecord) -> str:
        level = _PRIORITY.get(record.levelno, 6)
        return "\n".join(f"<{level}>{line}" for line in super().format(record).splitlines())


def start_logging(*, verbose: bool = False, env: Mapping[str, str] | None = None) -> None:
    """Log to stderr: for the journal if it reads stderr, otherwise with the time in front."""
    env = os.environ if env is None else env
    handler = logging.StreamHandler(sys.stderr)
    if env.get("JOURNAL_STREAM"):
        handler.setFormatter(_Journal("%(message)s"))
    else:
        handler.setFormatter(
            _Redacting("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")
        )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
