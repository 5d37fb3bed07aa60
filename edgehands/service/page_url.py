"""The address of this node's live page."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgehands.config import Config

PAGE_UNIT = Path("/usr/lib/systemd/system/edgehands-page.service")
"""The package's unit that serves the page."""

PAGE_PORT = 8765
"""The port on which that unit serves it."""


def page_url(config: Config, unit: Path = PAGE_UNIT) -> str:
    """Address of the page, without its token; empty if none is known.

    Args:
        config: has it, if ``preview.url`` is set.
        unit: if it exists, the package serves a page.
    """
    if config.preview.url or not unit.exists():
        return config.preview.url
    return f"http://{socket.gethostname().split('.')[0]}.local:{PAGE_PORT}"
