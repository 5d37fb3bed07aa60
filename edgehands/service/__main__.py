"""``edgehands run``: the service's own command line, without anything that the loop doesn't need.

Written with argparse, and reached before typer is imported: a process that runs for years on a
small computer doesn't carry the libraries that draw tables.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from edgehands.config import DEFAULT_PATHS, load
from edgehands.errors import ConfigError, EdgehandsError, UsageError
from edgehands.service.serve import serve

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVELS = ("debug", "info", "warning", "error")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service; 0 after a clean end, 1 when it failed, 2 for wrong usage or settings."""
    parser = argparse.ArgumentParser(
        prog="edgehands run",
        description="Track hands from a camera and publish them over MQTT until Ctrl-C or SIGTERM.",
        epilog="Settings come from /etc/edgehands/edgehands.toml, /boot/firmware/edgehands.toml,"
        " EDGEHANDS_SECTION__KEY variables and these options, each over the one before."
        " 'edgehands check' shows the result.",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="read this file only")
    parser.add_argument(
        "--source",
        metavar="URI",
        help="v4l2:/dev/video0, picamera2:0, rtsp://…, file:clip.mp4, dir:images/, demo:",
    )
    parser.add_argument("--mqtt", metavar="URL", help="mqtt://host:1883, mqtts://host:8883 …")
    parser.add_argument("--node", metavar="NAME", help="this device's level in every topic")
    parser.add_argument("--model", choices=("lite", "full"), help="faster, or more accurate")
    parser.add_argument("--max-hands", type=int, metavar="N", help="hands followed at once")
    parser.add_argument("--log-level", choices=_LEVELS, default="info", help="default: info")
    parser.add_argument("--debug", action="store_true", help="tracebacks, and log everything")
    options = parser.parse_args(argv)
    _log_to_stderr("debug" if options.debug else options.log_level)
    try:
        config = load(
            [options.config] if options.config else DEFAULT_PATHS,
            options={
                "camera.source": options.source,
                "mqtt.url": options.mqtt,
                "node.name": options.node,
                "tracking.model": options.model,
                "tracking.max_hands": options.max_hands,
            },
        )
        # One thread for the small warps of a frame: more only wake each other up.
        cv2.setNumThreads(1)
        serve(config)
    except EdgehandsError as error:
        if options.debug:
            raise
        sys.stderr.write(f"edgehands: {error}\n")
        return 2 if isinstance(error, (ConfigError, UsageError)) else 1
    return 0


def _log_to_stderr(level: str) -> None:
    # The journal has its own clock.
    clock = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    logging.basicConfig(
        level=level.upper(), format=f"{clock}%(levelname)s %(name)s: %(message)s", force=True
    )


if __name__ == "__main__":
    sys.exit(main())
