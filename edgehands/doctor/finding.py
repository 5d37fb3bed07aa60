"""What a check says: good, doubtful or wrong, and what to do about it."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["PASS", "WARN", "FAIL"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check.

    Attributes:
        check: what was looked at, in a word or two; stable, for programs.
        level: ``PASS``, ``WARN`` (works, but not well or not for long) or ``FAIL``.
        message: what was found, one line.
        remedy: what to do about it; empty for ``PASS``.
    """

    check: str
    level: Level
    message: str
    remedy: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``edgehands doctor --json`` prints.

    Attributes:
        version: of edgehands.
        result: the worst level of all findings.
        findings: in the order in which things depend on each other.
    """

    version: str
    result: Level
    findings: tuple[Finding, ...]


def good(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check=check, level="PASS", message=message)


def doubtful(check: str, message: str, remedy: str) -> Finding:
    """It works, but not well, or not for long, or it can't be told."""
    return Finding(check=check, level="WARN", message=message, remedy=remedy)


def wrong(check: str, message: str, remedy: str) -> Finding:
    """It doesn't work."""
    return Finding(check=check, level="FAIL", message=message, remedy=remedy)


def wrong_line(check: str, text: str, otherwise: str) -> Finding:
    """It doesn't work, as one line of ours says: the part behind its last colon is the remedy.

    Args:
        check: what was looked at.
        text: value, limit, remedy, as errors of edgehands have them.
        otherwise: the remedy where the line has none.
    """
    what, _, remedy = text.rpartition(": ")
    if what.endswith((" see", " use")):
        what, _, first = what.rpartition(": ")
        remedy = f"{first}: {remedy}"
    return wrong(check, what or text, remedy or otherwise)


def worst(findings: tuple[Finding, ...]) -> Level:
    """The worst level of some findings."""
    levels = {finding.level for finding in findings}
    return "FAIL" if "FAIL" in levels else "WARN" if "WARN" in levels else "PASS"
