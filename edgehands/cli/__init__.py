"""The command line: one file a verb, and one place where errors become exit codes.

Exit codes: 0 good, 1 failed, 2 wrong usage or configuration. An error is one line on stderr; with
``--debug`` it is a traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from edgehands.errors import ConfigError, EdgehandsError, UsageError

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
    "synth": "edgehands.cli.synth",
    "simulate": "edgehands.cli.simulate",
}
"""Verb -> the module that has a typer application with that one command."""


def main() -> None:
    """Run the command line and exit."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["run"]:
        # The service doesn't carry typer and rich.
        from edgehands.service.__main__ import main as run  # noqa: PLC0415

        sys.exit(run(arguments[1:]))
    debug = "--debug" in arguments
    try:
        _application(arguments)([word for word in arguments if word != "--debug"])
    except EdgehandsError as error:
        if debug:
            raise
        sys.stderr.write(f"edgehands: {error}\n")
        sys.exit(2 if isinstance(error, (ConfigError, UsageError)) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has had enough, as `head` does: no error.
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
