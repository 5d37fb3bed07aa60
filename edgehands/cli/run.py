"""``edgehands run`` as the list of verbs shows it; :mod:`edgehands.service` is the real one."""

from __future__ import annotations

HELP = "Track hands from a camera and publish them over MQTT: the service."


def run() -> None:
    """Never called: ``run`` is dispatched before typer is imported."""
    raise AssertionError("run is dispatched in edgehands.cli.main")
