"""Checks one value against its type, and describes an error in one line."""

from __future__ import annotations

import math
import types
import typing
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

import msgspec

from edgehands.config.secret import Secret, decode_secret
from edgehands.errors import ConfigError
from edgehands.safe_text import REDACTED, redact

_LONGEST_SHOWN = 60
_LONGEST_NUMBER = 10**20


def check_range(where: str, value: float, low: float, high: float) -> None:
    """Raise :class:`ConfigError` naming the setting, its value and its limits."""
    if not low <= value <= high:
        raise ConfigError(f"{where} = {value} is outside {low} to {high}: set one in that range")


def check_value(where: str, value: Any, kind: Any, *, lax: bool = False) -> Any:
    """Return ``value`` as ``kind``, or raise :class:`ConfigError` with value, limit and remedy.

    Args:
        where: the setting's name for the message, such as ``tracking.max_hands``.
        value: from a file, the environment, an option or a caller.
        kind: the field's type, with its limits as :class:`msgspec.Meta`.
        lax: the value is text from the environment or the command line: ``"2"`` counts as a number
            and ``"true"`` as a boolean.
    """
    try:
        done = msgspec.convert(value, kind, strict=not lax, dec_hook=decode_secret)
    except msgspec.ValidationError:
        raise ConfigError(f"{where} = {shown(value, kind)} {_problem(value, kind)}") from None
    if isinstance(done, float) and not math.isfinite(done):
        raise ConfigError(f"{where} = {done} is not a finite number: set a number")
    return done


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration file. Its fields are checked whenever it is created."""

    table: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for key, kind in field_types(type(self)).items():
            given = getattr(self, key)
            checked = check_value(f"{self.table}.{key}", given, kind)
            if checked is not given:  # 30 for 30.0, text for a Secret
                msgspec.structs.force_setattr(self, key, checked)

    def __repr__(self) -> str:
        settings = (
            f"{key}={public_value(key, getattr(self, key), kind)!r}"
            for key, kind in field_types(type(self)).items()
        )
        return f"{type(self).__name__}({', '.join(settings)})"


@cache
def field_types(section: type[Section]) -> dict[str, Any]:
    """The settings of a table by name, each with its type and limits; its own before inherited."""
    hints = typing.get_type_hints(section, include_extras=True)
    own = [name for name in section.__struct_fields__ if name in section.__annotations__]
    inherited = [name for name in section.__struct_fields__ if name not in own]
    return {name: hints[name] for name in (*own, *inherited)}


def limits(kind: Any) -> tuple[float | None, float | None]:
    """Least and greatest value that a type allows; None if there is none."""
    low = high = None
    if get_origin(kind) is Annotated:
        for meta in get_args(kind)[1:]:
            if isinstance(meta, msgspec.Meta):
                low = meta.ge if meta.ge is not None else low
                high = meta.le if meta.le is not None else high
    return low, high


def choices(kind: Any) -> tuple[Any, ...]:
    """The values that a ``Literal`` type allows; empty for other types."""
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_args(bare) if get_origin(bare) is Literal else ()


def type_name(kind: Any) -> str:
    """A type in plain words, without its limits."""
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(bare) in {typing.Union, types.UnionType}:
        return " or ".join(type_name(part) for part in get_args(bare) if part is not type(None))
    if get_origin(bare) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(bare))
    if get_origin(bare) is tuple:
        return "a list of texts"
    return {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "text in quotes",
        Secret: "text in quotes",
    }.get(bare, str(bare))


def is_secret(kind: Any) -> bool:
    """Whether values of this type must never be shown."""
    return kind is Secret or Secret in get_args(kind)


def toml_value(value: Any) -> str:
    """A setting's value in TOML syntax."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return str(value)


def public_value(key: str, value: Any, kind: Any) -> Any:
    """A setting's value for people and other machines: its secrets hidden."""
    if is_secret(kind):
        return None if value is None else REDACTED
    if key == "password_file":
        return shown_path(value)
    if isinstance(value, tuple):
        return tuple(redact(item) if isinstance(item, str) else item for item in value)
    return redact(value) if isinstance(value, str) else value


def shown(value: Any, kind: Any = None) -> str:
    """A value given by a user, for a message: short, and without secrets."""
    if is_secret(kind):
        return REDACTED
    if isinstance(value, str):
        text = f'"{redact(value[:1000])}"'
    elif isinstance(value, list | tuple | set):
        return "[...]"
    elif isinstance(value, dict):
        return "{...}"
    elif isinstance(value, int) and abs(value) > _LONGEST_NUMBER:
        return "a number of more than 20 digits"
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def shown_path(path: str) -> str:
    """The name of a file with a secret, unless it looks like the secret itself."""
    return redact(path) if "/" in path or not path else REDACTED


def _problem(value: Any, kind: Any) -> str:
    low, high = limits(kind)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str):
        number = _is_number(value)
    limited = number and (low is not None or high is not None)
    if limited and not (get_args(kind)[0] is int and _has_fraction(value)):
        return f"is outside {_span(low, high)}: set one in that range"
    remedy = "choose one of them" if choices(kind) else "set " + type_name(kind)
    if low is not None or high is not None:
        remedy += f" from {_span(low, high)}"
    return f"is not {type_name(kind)}: {remedy}"


def _span(low: float | None, high: float | None) -> str:
    if high is None:
        return f"{low} and more"
    return f"{low} to {high}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _has_fraction(value: Any) -> bool:
    try:
        number = float(value)
    except OverflowError:
        return False
    return math.isfinite(number) and not number.is_integer()
