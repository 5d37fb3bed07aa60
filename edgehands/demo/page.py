"""The demo's page: the live page, with a choice of camera source.

Usage: python -m edgehands.demo.page NODE PORT PICTURE_SOCKET SOURCES

SOURCES is a JSON list of sources to choose from; a chosen one is printed as a line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from edgehands.config import load
from edgehands.errors import EdgehandsError
from edgehands.preview.page_messages import SourceChoice

CHOSEN = "chosen: "
"""Prefix of a printed line that names the chosen source."""


def main(arguments: list[str]) -> int:
    """Serve the page until SIGINT or SIGTERM; return the exit code."""
    # The demo itself, which reads our lines, needs no web server.
    from edgehands.preview.hub import PageOptions  # noqa: PLC0415
    from edgehands.preview.server import serve_page  # noqa: PLC0415
    from edgehands.preview.serving import PageAddress  # noqa: PLC0415

    node, port, pictures, sources = arguments
    options = PageOptions(
        node=node,
        pictures=Path(pictures),
        sources=msgspec.json.decode(sources, type=tuple[SourceChoice, ...]),
        on_source=lambda uri: _say(f"{CHOSEN}{uri}"),
    )
    try:
        serve_page(load([]).mqtt, PageAddress(port=int(port)), options, ready=_say)
    except EdgehandsError as error:
        _say(f"edgehands: {error}")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
