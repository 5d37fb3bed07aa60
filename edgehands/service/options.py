"""The options of ``edgehands run``, passed to the service's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edgehands.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_VARIABLE = "_EDGEHANDS_RUN"


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``edgehands run``.

    Attributes:
        config: read only this file; None = the usual ones.
        camera: which of several cameras of this device; empty = the usual one.
        settings: by dotted key, as :func:`edgehands.config.load` takes them; None is left out.
        verbose: log more.
        debug: show tracebacks of errors.
    """

    config: str | None = None
    camera: str = ""
    settings: dict[str, str | int | None] = {}
    verbose: bool = False
    debug: bool = False

    def to_environment(self) -> dict[str, str]:
        """The variable that passes them to ``python -m edgehands.service``."""
        return {_VARIABLE: msgspec.json.encode(self).decode()}

    @classmethod
    def take(cls, environment: MutableMapping[str, str]) -> RunOptions:
        """Remove the options from an environment and return them; the defaults if there are none.

        Raises:
            UsageError: the variable holds something else.
        """
        text = environment.pop(_VARIABLE, "{}")
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:
            raise UsageError(f"{_VARIABLE} isn't what 'edgehands run' sets: unset it") from error
