"""The service's process: ``edgehands run`` becomes it, and the systemd unit starts it.

It has no options of its own: ``edgehands run`` parses them.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from edgehands import memory
from edgehands.config import load, paths_for
from edgehands.errors import ConfigError, EdgehandsError, UsageError
from edgehands.safe_text import redact
from edgehands.service.logs import start_logging
from edgehands.service.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import MutableMapping

log = logging.getLogger(__name__)


def main(environment: MutableMapping[str, str] | None = None, camera: str = "") -> int:
    """Run the service; return the exit code.

    Args:
        environment: holds the options of ``edgehands run``; None = the process's own.
        camera: which of several cameras of this device, if not started by ``edgehands run``.
    """
    debug = False
    try:
        options = RunOptions.take(os.environ if environment is None else environment)
        debug = options.debug
        camera = options.camera or camera
        start_logging(verbose=options.verbose)
        config = load(
            paths_for(options.config, camera),
            options={"camera.name": camera or None, **options.settings},
        )
        # Only now: a wrong configuration is reported in a tenth of the time.
        from edgehands.service.serve import serve  # noqa: PLC0415

        serve(config)
    except EdgehandsError as error:
        if debug:
            raise
        sys.stderr.write(f"edgehands: {error}\n")
        return 2 if isinstance(error, (ConfigError, UsageError)) else 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if debug:
            raise
        log.debug("unexpected", exc_info=True)
        if memory.is_shortage(error):
            sys.stderr.write(
                f"edgehands: not enough memory: {memory.limit() or error}: give it more\n"
            )
            return 1
        sys.stderr.write(
            f"edgehands: unexpected {type(error).__name__}: {redact(str(error))}: "
            "run with --debug and report what it prints\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until serve() handles it
    # edgehands.service passes no argument, edgehands@NAME.service the camera's name.
    sys.exit(main(camera=sys.argv[1] if len(sys.argv) > 1 else ""))
