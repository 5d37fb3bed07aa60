"""A check's result: pass, warning or failure, with a remedy."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["PASS", "WARN", "FAIL"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check.

    Attributes:
        check: what was checked, in a word or two; stable, for programs.
        level: ``PASS``, ``WARN`` (works, but not well or not for long) or ``FAIL``.
        message: the finding, one line.
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
    """A pass."""
    return Finding(check=check, level="PASS", message=message)


def doubtful(check: str, message: str, remedy: str) -> Finding:
    """A warning: it works, but not well or not for long, or the check is inconclusive."""
    return Finding(check=check, level="WARN", message=message, remedy=remedy)


def wrong(check: str, message: str, remedy: str) -> Finding:
    """A failure."""
    return Finding(check=check, level="FAIL", message=message, remedy=remedy)


def wrong_line(check: str, text: str, otherwise: str) -> Finding:
    """A failure described by one of our error lines: the part after its last colon is the remedy.

    Args:
        check: what was checked.
        text: value, limit, remedy, as in errors of edgehands.
        otherwise: the remedy if the line has none.
    """
    what, _, remedy = text.rpartition(": ")
    if what.endswith((" see", " use")):
        what, _, first = what.rpartition(": ")
        remedy = f"{first}: {remedy}"
    return wrong(check, what or text, remedy or otherwise)


def worst(findings: tuple[Finding, ...]) -> Level:
    """The worst level of the findings."""
    levels = {finding.level for finding in findings}
    return "FAIL" if "FAIL" in levels else "WARN" if "WARN" in levels else "PASS"
