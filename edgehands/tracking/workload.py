"""What a tracker's models have done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workload:
    """What the models have done so far: executions, and seconds in them."""

    palm_runs: int
    palm_seconds: float
    landmark_runs: int
    landmark_seconds: float
