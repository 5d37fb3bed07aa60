"""Checks the package's live page: its address, and where its token is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.doctor.finding import doubtful, good
from edgehands.service.page_token import TOKEN_FILE
from edgehands.service.page_url import PAGE_UNIT, page_url

if TYPE_CHECKING:
    from edgehands.config import Config
    from edgehands.doctor.finding import Finding
    from edgehands.doctor.system import System


def check_page(system: System, config: Config) -> tuple[Finding, ...]:
    """No finding if the package's unit isn't installed. The token itself isn't shown."""
    unit = system.path(str(PAGE_UNIT))
    if not unit.exists():
        return ()
    url = page_url(config, unit)
    if not system.path(str(TOKEN_FILE)).exists():
        return (
            doubtful(
                "page",
                f"{url} has no token yet, so it isn't served",
                "sudo systemctl restart edgehands-settings edgehands-page",
            ),
        )
    return (
        good(
            "page",
            f"{url}; its token is in {TOKEN_FILE}, and in edgehands-info.txt on the card"
            " (sudo edgehands doctor --show-token prints it)",
        ),
    )
