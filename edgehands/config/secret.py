"""A value that is never shown: not in a repr, a log line, an error or a dump."""

from __future__ import annotations

from typing import Any

from edgehands.safe_text import REDACTED


class Secret:
    """A password. Only :meth:`reveal` returns it, so every use can be found by that name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({REDACTED!r})"

    def __str__(self) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled: it would leave the process")


def decode_secret(kind: type, value: Any) -> Any:
    """Decode types unknown to msgspec: text becomes a :class:`Secret`."""
    if kind is not Secret:
        raise NotImplementedError(f"no decoder for {kind}")
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise TypeError("expected text")
    return Secret(value)
