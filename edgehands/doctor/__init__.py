"""Why doesn't it work? Read-only checks, each with a remedy."""

from __future__ import annotations

from edgehands.doctor.examine import CHECKS, Check, examine
from edgehands.doctor.finding import Finding, Level, Report
from edgehands.doctor.system import Answer, System

__all__ = ["CHECKS", "Answer", "Check", "Finding", "Level", "Report", "System", "examine"]
