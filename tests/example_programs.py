"""What the tests of the examples share: a node that sees a hand, npm's packages, a web server."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgehands.mqtt.publisher import MqttPublisher
from tests.mqtt_hands import make_frame, make_hand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

    from edgehands.config import Config
    from edgehands.gestures.events import GestureEvent

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
CACHE = ROOT / ".cache"
MQTT_JS = "5.16.0"


@contextmanager
def publishing(config: Config, *events: GestureEvent) -> Iterator[MqttPublisher]:
    """A node that sees hand 3 thirty times a second, and events every second, in a thread."""
    ended = threading.Event()

    def run(publisher: MqttPublisher) -> None:
        count = 0
        while not ended.wait(0.03):
            hand = make_hand(3, gesture="open_palm")
            publisher.publish(make_frame(hand, seq=count), events if count % 30 == 0 else ())
            count += 1

    with MqttPublisher(config) as publisher:
        publisher.camera_status("online")
        thread = threading.Thread(target=run, args=(publisher,))
        thread.start()
        try:
            yield publisher
        finally:
            ended.set()
            thread.join()


@functools.cache
def npm(name: str, version: str) -> Path:
    """The folder of an npm package in .cache; installed there if the network allows it."""
    place = CACHE / "npm" / f"{name}-{version}"
    folder = place / "node_modules" / name
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("Node.js isn't installed: apt-get install nodejs npm")
    if not (place / "done").exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text('{"private": true}')
        words = ["npm", "install", "--no-audit", "--no-fund", "--fetch-retries=0"]
        done = subprocess.run(
            [*words, f"{name}@{version}"], cwd=place, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"{name} can't be installed: {done.stderr.strip().splitlines()[-1:]}")
        (place / "done").touch()
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def examples_served() -> Iterator[str]:
    """The examples' folder, served as any web server would; the address of the first page."""
    handler = functools.partial(Quiet, directory=str(EXAMPLES))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/page/index.html"
        server.shutdown()
        thread.join()


@contextmanager
def tab_with_mqtt_js(browser: Browser) -> Iterator[Tab]:
    """A tab in which the page's mqtt.js comes from npm: the very file that its address gives."""
    program = npm("mqtt", MQTT_JS) / "dist" / "mqtt.min.js"
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    # The page's own checksum of the file is checked on the way.
    page.route(
        f"https://unpkg.com/mqtt@{MQTT_JS}/dist/mqtt.min.js",
        lambda route: route.fulfill(
            path=program,
            content_type="text/javascript",
            headers={"Access-Control-Allow-Origin": "*"},
        ),
    )
    yield page
    context.close()
