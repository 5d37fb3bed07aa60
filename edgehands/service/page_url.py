"""Where people find the live page of this node."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgehands.config import Config

PAGE_UNIT = Path("/usr/lib/systemd/system/edgehands-page.service")
"""The package's unit that serves the page."""

PAGE_PORT = 8765
"""Where that unit serves it."""


def page_url(config: Config, unit: Path = PAGE_UNIT) -> str:
    """Address of the page, without its token; empty where none is known.

    Args:
        config: says it, where somebody has set ``preview.url``.
        unit: whose presence means that the package serves one.
    """
    if config.preview.url or not unit.exists():
        return config.preview.url
    return f"http://{socket.gethostname().split('.')[0]}.local:{PAGE_PORT}"
