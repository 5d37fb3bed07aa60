"""What stands between a value and any text that people or other machines read.

Addresses carry passwords and tokens (``rtsp://user:password@host``, ``?token=…``). Every error, log
line, topic and listing that may quote one goes through :func:`redact`. It hides rather too much
than too little.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "***"

LONGEST: Final = 2000
"""Characters that are looked at; what follows is left out."""

_LONGEST_PLAIN: Final = 5
"""Characters of a query's value that is shown whatever its name: ``channel=12``, ``codec=h264``."""

_NAMES = "pass|pwd|token|key|secret|auth|cred|sig|session"
_LOCAL = "file|dir"
_END = r"[/\s\"',;:?#)]|$"

_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # Up to the last @, whatever stands between: a password may hold any character, if wrongly.
    # What looks like a port and ends there is one.
    (re.compile(r"(//[^/@:\s]*+):(?!\d{1,5}[:,;)]?(?:\s|$)).*@"), rf"\1:{REDACTED}@"),
    # The same where the scheme was left out, but not in the name of a local file.
    (
        re.compile(rf"((?:^|(?<=[\"'\s=\[]))(?!(?:{_LOCAL}):)[^\s\"'/@:]++):(?!//)[^\s@]++@"),
        rf"\1:{REDACTED}@",
    ),
    # A user alone may be a token.
    (re.compile(r"//[^/@:\s\"']++@"), f"//{REDACTED}@"),
    # No @ at all: what stands in place of a port may be a password.
    (
        re.compile(
            rf"(//[^/@:\s\[\]\"']++):(?!{re.escape(REDACTED)}|\d{{1,5}}(?!\d)(?:{_END}))[^/\s\"']*"
        ),
        rf"\1:{REDACTED}",
    ),
    (re.compile(rf"([?&;]\w*?(?:{_NAMES})\w*=)[^&#;\s\"']*", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"(//[^\s\"'#]*+#)[^\s\"']+"), rf"\1{REDACTED}"),
    # The key itself, where its file's name was wanted.
    (re.compile(r"-----BEGIN [^\"]*"), f"-----BEGIN {REDACTED}"),
)
_QUERY: Final = re.compile(r"(//[^\s\"'?]*+\?)([^\s\"'#]+)")


def redact(text: str) -> str:
    """Give an address, or a line that may quote one, without passwords, tokens and keys."""
    if len(text) > LONGEST:
        return f"{redact(text[:LONGEST])}..."
    if not any(mark in text for mark in ("//", "@", "?", "-----")):
        return text
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return _QUERY.sub(lambda found: found[1] + _plain_query(found[2]), text)


def _plain_query(query: str) -> str:
    """A query whose longer values are hidden: a name doesn't always say that it names a secret."""
    parts = []
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if not equals:
            parts.append(REDACTED)
        elif len(value) > _LONGEST_PLAIN:
            parts.append(f"{name}={REDACTED}")
        else:
            parts.append(part)
    return "&".join(parts)


def printable(text: str, longest: int = 64) -> str:
    """A line of somebody else without what could move a terminal's cursor, and not without end."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:longest])
    return shown if len(text) <= longest else shown + "…"
