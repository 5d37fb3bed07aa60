"""Fixtures that more than one test file uses."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import cv2
import pytest

from tests.chromium import ARGUMENTS, CHROMIUM
from tests.documented_broker import documented_lines
from tests.example_programs import examples_served, tab_with_mqtt_js
from tests.hands import frame
from tools.common.certificates import make_authority, make_certificate
from tools.common.mosquitto import PROGRAM, Mosquitto, free_port, listens
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

FAST = frozenset(
    {
        "architecture",
        "association",
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
        "mqtt_reasons",
        "pose",
        "preview_state",
        "public_api",
        "schedule",
        "service_commands",
        "service_loop",
        "smoothing",
        "synthetic_hand",
        "track",
        "tracker",
        "tracker_doubt",
        "tracker_robust",
    }
)
"""The modules of ``scripts/test --fast``: no broker, browser or process of ours is started in them
that takes longer than a second."""


LONGEST_S = 10.0
"""Longer tests have the marker ``slow`` with a reason."""

_LONG = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the inner loop, and see that slow ones say why they are."""
    for item in items:
        slow = item.get_closest_marker("slow")
        if slow is not None and not (len(slow.args) == 1 and str(slow.args[0]).strip()):
            raise pytest.UsageError(f"{item.nodeid}: pytest.mark.slow needs its reason")
        if item.path.stem.removeprefix("test_") in FAST and slow is None:
            item.add_marker("fast")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the names of tests that take long and don't say why."""
    if (
        call.when == "call"
        and call.duration > LONGEST_S
        and item.get_closest_marker("slow") is None
    ):
        long = item.config.stash.setdefault(_LONG, [])
        long.append(f"{call.duration:6.1f} s  {item.nodeid}")
    return (yield)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the tests that took long; a busy machine may be the reason."""
    if long := config.stash.get(_LONG, []):
        terminalreporter.section(f"over {LONGEST_S:.0f} s without pytest.mark.slow")
        for line in long:
            terminalreporter.line(line)


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as runtime:
        browser = runtime.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield browser
        browser.close()


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with an authority, the broker's and a device's certificate."""
    make_authority(tmp_path)
    make_certificate(tmp_path, "broker")
    make_certificate(tmp_path, "device")
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures in which the fake backend sees a hand."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, x in enumerate((300, 320)):
        cv2.imwrite(str(pictures / f"{number}.png"), frame((x, 240)))
    return pictures


@pytest.fixture
def web_port() -> int:
    """Where pages reach the broker of ``fortress``."""
    return free_port()


@pytest.fixture
def fortress(make_broker: MakeBroker, certificates: Path, web_port: int) -> Mosquitto:
    """A mosquitto with the documented configuration."""
    broker = make_broker(*documented_lines(certificates, web_port), scheme="mqtts")
    # make_broker waits for the first listener only.
    assert wait_for(lambda: listens(web_port)), broker.log.read_text()
    return broker


@pytest.fixture
def examples_site() -> Iterator[str]:
    """The address of the examples' first page."""
    with examples_served() as address:
        yield address


@pytest.fixture
def examples_tab(browser: Browser) -> Iterator[Tab]:
    """A tab that needs no network for the examples' page."""
    with tab_with_mqtt_js(browser) as tab:
        yield tab


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Stand in for the package."""
    path = tmp_path / "edgehands_0.1.0_arm64.deb"
    path.write_bytes(b"package" * 1000)
    return path
