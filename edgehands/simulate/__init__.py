"""Simulates many nodes without cameras and models, with real messages, to size a broker."""

from __future__ import annotations

from edgehands.simulate.report import Plan, SimulationReport
from edgehands.simulate.run import simulate

__all__ = ["Plan", "SimulationReport", "simulate"]
