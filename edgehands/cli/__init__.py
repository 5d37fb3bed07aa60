"""The command line: one file per verb, and one place where errors become exit codes.

Exit codes: 0 success, 1 failure, 2 wrong usage or configuration. An error is one line on stderr;
with ``--debug`` it is a traceback.
"""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgehands import memory
from edgehands.errors import ConfigError, EdgehandsError, UsageError
from edgehands.process_list import hide_arguments
from edgehands.safe_text import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer import Typer


@dataclass(frozen=True, slots=True)
class Verb:
    """A command.

    Attributes:
        module: contains ``app``, a typer application with that one command.
        summary: its line in the list of commands; short enough not to be truncated.
    """

    module: str
    summary: str


VERBS = {
    "run": Verb("run", "Track hands from a camera and publish them over MQTT."),
    "demo": Verb("demo", "Show moving hands at once, with nothing set up."),
    "track": Verb("track", "Find the hands in photos and videos."),
    "watch": Verb("watch", "Watch in the terminal what is being published."),
    "preview": Verb("preview", "Serve the live page: watch in a browser."),
    "bench": Verb("bench", "Measure how fast this machine is."),
    "eval": Verb("evaluate", "Measure tracking accuracy on films with known truth."),
    "check": Verb("check", "Validate the configuration and show what is in force."),
    "doctor": Verb("doctor", "Find out what is wrong with this machine."),
    "cameras": Verb("cameras", "List the cameras; calibrate one."),
    "models": Verb("models", "List and verify the model files."),
    "gestures": Verb("gestures", "Teach, test and manage gestures of your own."),
    "bridge": Verb("bridge", "Pass hands on in another protocol: OSC."),
    "homeassistant": Verb("homeassistant", "Remove a node from Home Assistant."),
    "record": Verb("record", "Record pictures with what the tracker says of them."),
    "annotate": Verb("annotate", "Correct recorded pictures on a page."),
    "convert": Verb("convert", "Convert labelled pictures from and to public formats."),
    "synth": Verb("synth", "Draw synthetic hands with their exact truth."),
    "simulate": Verb("simulate", "Size a broker: publish what many nodes would."),
}
"""The commands in help order. Only the one called is imported."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Args:
        arguments: after the program's name; None = the process's own.
    """
    hide_arguments()
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    code: object = 0
    try:
        try:
            code = _application(words, debug=debug)(
                args=[word for word in words if word != "--debug"],
                prog_name="edgehands",
                standalone_mode=False,
            )
        finally:
            sys.stdout.flush()  # flush now: at interpreter exit it's too late for our own message
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        code = 130
    except BrokenPipeError:
        # The reader of a pipe closed it, as `head` does: not an error.
        _let_go_of_stdout()
    except Exception as error:
        code = _wrong_usage(error)
        if code is None:
            if debug:
                raise
            code = _print_error(error)
    sys.exit(code if isinstance(code, int) else 0)


def _print_error(error: Exception) -> int:
    """Print the error in one line; return the exit code."""
    if isinstance(error, EdgehandsError):
        line = str(error)
    elif memory.is_shortage(error):
        line = f"not enough memory: {memory.limit() or error}: give it more, or end other programs"
    elif isinstance(error, OSError):
        if error.errno == errno.ENOSPC:
            _let_go_of_stdout()
        what = f"{error.filename}: " if error.filename else ""
        line = f"{what}{error.strerror or error}: check path, permissions and free space"
    else:
        line = f"unexpected {type(error).__name__}: {error}: run with --debug and report it"
    _complain(line)
    return 2 if isinstance(error, (ConfigError, UsageError)) else 1


def _let_go_of_stdout() -> None:
    """Discard further output there: buffered data would raise at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _application(words: Sequence[str], *, debug: bool) -> Typer:
    """The typer application with the called verb; for the help, with all verbs' names only."""
    import typer

    application = typer.Typer(
        help="Real-time 3-D hand landmarks for small computers, over MQTT.",
        epilog="'edgehands COMMAND --help' explains a command.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "obj": {"debug": debug}},
    )

    @application.callback(invoke_without_command=True)
    def _options(
        *,
        version: bool = typer.Option(False, "--version", help="Show the version and exit."),  # noqa: FBT003
        _debug: bool = typer.Option(False, "--debug", help="Show tracebacks of errors."),  # noqa: FBT003
    ) -> None:
        if version:
            from edgehands import __version__

            typer.echo(f"edgehands {__version__}")
            raise typer.Exit

    called = _called(words)
    for name, verb in VERBS.items():
        if name == called:
            module = importlib.import_module(f"edgehands.cli.{verb.module}")
            application.add_typer(module.app)
        else:
            application.command(name, help=verb.summary)(_not_called)
    return application


def _called(words: Sequence[str]) -> str:
    """The verb of a command line, or of one that a shell is completing."""
    if "_EDGEHANDS_COMPLETE" in os.environ:
        line = os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")
        words = line.split()[1:]
    return next((word for word in words if not word.startswith("-")), "")


def _not_called() -> None:
    """Stands for a verb in the list of commands."""


def _wrong_usage(error: Exception) -> int | None:
    """Print typer's error about the command line; return the exit code, None for other errors.

    Typer's exceptions have no public base class: they are recognised by their methods.
    """
    if type(error).__name__ == "Abort":  # Ctrl-C while typer was running
        return 130
    said = getattr(error, "format_message", None)
    if said is None:
        return None
    text = str(said())
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{text}\n")
        return 2
    text = text.rstrip(".").replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "edgehands"
    _complain(f"{text[:1].lower()}{text[1:]}: see '{command} --help'")
    return 2


def _complain(text: str) -> None:
    sys.stderr.write(f"edgehands: {redact(text)}\n")
