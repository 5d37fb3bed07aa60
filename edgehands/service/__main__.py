"""``edgehands run``: the service's own small command line, without typer and rich in memory."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from typing import TYPE_CHECKING

from edgehands.config import load, paths_for
from edgehands.errors import ConfigError, EdgehandsError, UsageError
from edgehands.process_list import hide_arguments
from edgehands.safe_text import redact
from edgehands.service.logs import start_logging

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

_EPILOG = """\
The configuration is read from /etc/edgehands/edgehands.toml, then /boot/firmware/edgehands.toml,
then EDGEHANDS_SECTION__KEY variables, then these options; 'edgehands check' shows what is in force.
SIGTERM and Ctrl-C end it cleanly. Exit codes: 0 good, 1 failed, 2 wrong usage or configuration.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service; give the exit code."""
    hide_arguments()
    options = _parser().parse_args(arguments)
    start_logging(verbose=options.verbose)
    try:
        config = load(
            paths_for(options.config, options.camera),
            options={
                "camera.name": options.camera or None,
                "camera.source": options.source,
                "mqtt.url": options.mqtt,
            },
        )
        # Only now: a wrong configuration is told in a tenth of the time.
        from edgehands.service.serve import serve  # noqa: PLC0415

        serve(config)
    except EdgehandsError as error:
        if options.debug:
            raise
        sys.stderr.write(f"edgehands: {error}\n")
        return 2 if isinstance(error, (ConfigError, UsageError)) else 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if options.debug:
            raise
        log.debug("unexpected", exc_info=True)
        sys.stderr.write(
            f"edgehands: unexpected {type(error).__name__}: {redact(str(error))}: "
            "run with --debug and report what it prints\n"
        )
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgehands run",
        description="Track hands from a camera and publish them over MQTT, until it is stopped.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config", metavar="FILE", help="read this file only, instead of the usual two"
    )
    parser.add_argument(
        "--camera",
        metavar="NAME",
        default="",
        help="one of several cameras of this device: its name, and the name of its own file "
        "(/etc/edgehands/NAME.toml, /boot/firmware/edgehands-NAME.toml)",
    )
    parser.add_argument(
        "--source",
        metavar="URI",
        help="picamera2:0, v4l2:/dev/video0, rtsp://…, file:clip.mp4, dir:images/ or demo:",
    )
    parser.add_argument("--mqtt", metavar="URL", help="mqtt://host:1883; mqtts:// for TLS")
    parser.add_argument("--verbose", "-v", action="store_true", help="log more")
    parser.add_argument("--debug", action="store_true", help="show tracebacks of errors")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until serve() listens to it
    sys.exit(main())
