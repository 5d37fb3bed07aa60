"""Removes secrets from values before people or other machines read them.

Addresses contain passwords and tokens (``rtsp://user:password@host``, ``?token=…``). Every error,
log line, topic and listing that may quote one goes through :func:`redact`. It hides too much rather
than too little.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "***"

LONGEST: Final = 2000
"""Most characters examined; the rest is left out."""

_LONGEST_PLAIN: Final = 5
"""Longest value in a query that is shown whatever its name: ``channel=12``, ``codec=h264``."""

_NAMES = "pass|pwd|token|key|secret|auth|cred|sig|session"
_LOCAL = "file|dir"
_END = r"[/\s\"',;:?#)]|$"

_RULES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # Up to the last @, whatever is between: a password may contain any character, even if invalid.
    # What looks like a port and ends there is one.
    (re.compile(r"(//[^/@:\s]*+):(?!\d{1,5}[:,;)]?(?:\s|$)).*@"), rf"\1:{REDACTED}@"),
    # The same if the scheme is missing, but not in the name of a local file.
    (
        re.compile(rf"((?:^|(?<=[\"'\s=\[]))(?!(?:{_LOCAL}):)[^\s\"'/@:]++):(?!//)[^\s@]++@"),
        rf"\1:{REDACTED}@",
    ),
    # A user alone may be a token.
    (re.compile(r"//[^/@:\s\"']++@"), f"//{REDACTED}@"),
    # No @ at all: the text in place of a port may be a password.
    (
        re.compile(
            rf"(//[^/@:\s\[\]\"']++):(?!{re.escape(REDACTED)}|\d{{1,5}}(?!\d)(?:{_END}))[^/\s\"']*"
        ),
        rf"\1:{REDACTED}",
    ),
    (re.compile(rf"([?&;]\w*?(?:{_NAMES})\w*=)[^&#;\s\"']*", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"(//[^\s\"'#]*+#)[^\s\"']+"), rf"\1{REDACTED}"),
    # The key itself, where its file's name is expected.
    (re.compile(r"-----BEGIN [^\"]*"), f"-----BEGIN {REDACTED}"),
)
_QUERY: Final = re.compile(r"(//[^\s\"'?]*+\?)([^\s\"'#]+)")


def redact(text: str) -> str:
    """An address, or a line that may quote one, without passwords, tokens and keys."""
    if len(text) > LONGEST:
        return f"{redact(text[:LONGEST])}..."
    if not any(mark in text for mark in ("//", "@", "?", "-----")):
        return text
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return _QUERY.sub(lambda found: found[1] + _plain_query(found[2]), text)


def _plain_query(query: str) -> str:
    """A query whose longer values are hidden: names don't always reveal secrets."""
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
    """Foreign text made safe for a terminal, with limited length."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:longest])
    return shown if len(text) <= longest else shown + "…"
