"""The exception types.

Every error derives from :class:`EdgehandsError` and from the builtin it resembles, so
``except ValueError`` and ``except OSError`` work as expected. A message is one line: the wrong
value, the limit it violates, and what to do about it. It contains no secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgehands.safe_text import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 1000
"""Most characters of a message."""


class EdgehandsError(Exception):
    """The root of every error that edgehands raises on purpose."""

    def __init__(self, message: str = "", *more: object) -> None:
        # It may quote foreign text: a password, line ends, a whole file.
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message[:LONGEST])
        super().__init__(redact(line if len(message) <= LONGEST else f"{line}..."), *more)


class ConfigError(EdgehandsError, ValueError):
    """A setting is unknown, of the wrong type, or out of its range.

    Attributes:
        mistakes: all errors, a line each; the message is the first of them.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.mistakes: tuple[str, ...] = (str(self),)

    @classmethod
    def of(cls, errors: Sequence[ConfigError]) -> ConfigError:
        """Make one error of several."""
        first, *others = [line for error in errors for line in error.mistakes]
        error = cls(first)
        if others:
            plural = "s" if len(others) > 1 else ""
            error.args = (f"{error} ({len(others)} more mistake{plural}: see 'edgehands check')",)
        error.mistakes = (first, *others)
        return error


class UsageError(EdgehandsError, ValueError):
    """A command line that can't be carried out as given."""


class FrameError(EdgehandsError, ValueError):
    """An image that isn't a (H, W, 3) uint8 RGB array, or a timestamp that runs backwards."""


class ModelNotFound(EdgehandsError, FileNotFoundError):
    """A model file, or the manifest that describes it, is missing."""

    def __str__(self) -> str:  # OSError's own form drops the message when it has no errno
        return str(self.args[0]) if self.args else ""


class ModelCorrupt(EdgehandsError, ValueError):
    """A model file's sha256, tensors or manifest entry isn't as expected."""


class BackendUnavailable(EdgehandsError, RuntimeError):
    """The runtime or the device to execute the models isn't available."""


class SourceNotFound(EdgehandsError, FileNotFoundError):
    """An image, folder, video or camera that doesn't exist."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class SourceError(EdgehandsError, OSError):
    """A source that exists but can't be read: damaged file, camera that stopped answering."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BrokerError(EdgehandsError, ConnectionError):
    """The MQTT broker can't be reached, refuses us, or can't be trusted."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ServiceBusy(EdgehandsError, TimeoutError):
    """The running service didn't carry out a command in time."""


class GestureError(EdgehandsError, ValueError):
    """Landmarks that aren't a shape, or a taught gesture that can't be stored or found."""


class CalibrationError(EdgehandsError, ValueError):
    """Camera intrinsics that are implausible, or pictures that don't show the checkerboard."""


class DatasetError(EdgehandsError, ValueError):
    """A folder of labelled pictures that can't be read, or an annotation that can't be stored."""
