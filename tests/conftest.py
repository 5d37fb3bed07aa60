"""Fixtures that more than one test file uses."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.mosquitto import PROGRAM, Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAST = frozenset(
    {
        "architecture",
        "backends",
        "cameras_capture",
        "cameras_files",
        "cameras_films",
        "cameras_images",
        "cameras_picamera2",
        "cameras_v4l2",
        "config_document",
        "config_load",
        "dataset_convert",
        "dataset_folder",
        "docs_promises",
        "drawing",
        "evaluation_metrics",
        "geometry",
        "gestures_dynamic",
        "gestures_static",
        "gestures_taught",
        "governor",
        "heads",
        "layout",
        "model_sizes",
        "mqtt_compact",
        "mqtt_contract",
        "mqtt_messages",
        "mqtt_outbox",
        "mqtt_publisher",
        "pose",
        "preview_state",
        "public_api",
        "schedule",
        "service_commands",
        "service_loop",
        "smoothing",
        "synthetic_hand",
        "tracker",
        "tracker_doubt",
        "tracker_robust",
    }
)
"""The modules of ``scripts/test --fast``: no broker, browser or process of ours is started in them
that takes longer than a second."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the inner loop."""
    for item in items:
        if item.path.stem.removeprefix("test_") in FAST:
            item.add_marker("fast")


class MakeBroker(Protocol):
    """Starts a mosquitto with these configuration lines."""

    def __call__(self, *lines: str, scheme: str = "mqtt", start: bool = True) -> Mosquitto:
        """Give a broker of one's own; it ends with the test."""


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[MakeBroker]:
    """Real brokers, ended with the test."""
    if PROGRAM is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    with ExitStack() as stack:

        def make(*lines: str, scheme: str = "mqtt", start: bool = True) -> Mosquitto:
            broker = Mosquitto(tmp_path, lines or ("allow_anonymous true",), scheme=scheme)
            stack.callback(broker.kill)
            return broker.start() if start else broker

        yield make


@pytest.fixture
def broker(make_broker: MakeBroker) -> Mosquitto:
    """A real broker on which anybody may do anything."""
    return make_broker()
