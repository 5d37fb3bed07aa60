"""The command line: one file a verb, and one place where errors become exit codes.

Exit codes: 0 good, 1 failed, 2 wrong usage or configuration. An error is one line on stderr; with
``--debug`` it is a traceback.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING

from edgehands.errors import ConfigError, EdgehandsError, UsageError
from edgehands.process_list import hide_arguments
from edgehands.safe_text import redact

if TYPE_CHECKING:
    from typer import Typer

VERBS = {
    "run": "edgehands.cli.run",
    "demo": "edgehands.cli.demo",
    "track": "edgehands.cli.track",
    "watch": "edgehands.cli.watch",
    "preview": "edgehands.cli.preview",
    "bench": "edgehands.cli.bench",
    "eval": "edgehands.cli.evaluate",
    "check": "edgehands.cli.check",
    "doctor": "edgehands.cli.doctor",
    "cameras": "edgehands.cli.cameras",
    "models": "edgehands.cli.models",
    "gestures": "edgehands.cli.gestures",
    "homeassistant": "edgehands.cli.homeassistant",
    "record": "edgehands.cli.record",
    "annotate": "edgehands.cli.annotate",
    "synth": "edgehands.cli.synth",
    "simulate": "edgehands.cli.simulate",
}
"""Verb -> the module that has a typer application with that one command."""


def main() -> None:
    """Run the command line and exit."""
    hide_arguments()
    debug = "--debug" in sys.argv[1:]
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    if arguments[:1] == ["run"]:
        # The service doesn't carry typer and rich, and until it listens to signals it just ends.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        from edgehands.service.__main__ import main as run  # noqa: PLC0415

        sys.exit(run([*arguments[1:], *(["--debug"] if debug else [])]))
    try:
        try:
            _application(arguments)(arguments)
        finally:
            sys.stdout.flush()  # at the interpreter's end it would be too late for a line of ours
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has had enough, as `head` does: no error.
        _let_go_of_stdout()
    except Exception as error:
        if debug:
            raise
        sys.exit(_tell(error))


def _tell(error: Exception) -> int:
    """Say in one line what went wrong; give the exit code."""
    if isinstance(error, EdgehandsError):
        line = str(error)
    elif isinstance(error, OSError):
        if error.errno == errno.ENOSPC:
            _let_go_of_stdout()
        what = f"{error.filename}: " if error.filename else ""
        line = f"{what}{error.strerror or error}: check path, rights and free space"
    else:
        line = f"unexpected {type(error).__name__}: {error}: run with --debug and report it"
    sys.stderr.write(f"edgehands: {redact(line)}\n")
    return 2 if isinstance(error, (ConfigError, UsageError)) else 1


def _let_go_of_stdout() -> None:
    """Have nothing written there any more: what still waits would raise at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _application(arguments: list[str]) -> Typer:
    """The typer application with the verb that is called; with all of them for the help."""
    import typer  # noqa: PLC0415

    application = typer.Typer(
        help="Real-time 3-D hand landmarks for small computers, over MQTT.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @application.callback(invoke_without_command=True)
    def _options(
        *,
        version: bool = typer.Option(False, "--version", help="Show the version and exit."),  # noqa: FBT003
        _debug: bool = typer.Option(False, "--debug", help="Show tracebacks of errors."),  # noqa: FBT003
    ) -> None:
        if version:
            from edgehands import __version__  # noqa: PLC0415

            typer.echo(f"edgehands {__version__}")
            raise typer.Exit

    verb = next((word for word in arguments if not word.startswith("-")), "")
    for name in [verb] if verb in VERBS else VERBS:
        module = importlib.import_module(VERBS[name])
        if name == "run":
            application.command(name, help=module.HELP)(module.run)
        else:
            application.add_typer(module.app)
    return application
