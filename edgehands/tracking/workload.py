"""How much a tracker's models have run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Workload:
    """What the models have done so far: number of runs, and seconds spent in them."""

    palm_runs: int
    palm_seconds: float
    landmark_runs: int
    landmark_seconds: float
