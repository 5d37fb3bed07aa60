"""The live page in a real browser."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.preview_node import node
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import free_port
from tools.common.waiting import wait_for

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright isn't installed: pip install playwright"
)
pytest.importorskip("uvicorn", reason="the page's server isn't installed: edgehands[preview]")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Literal

    from playwright.sync_api import Browser, Locator
    from playwright.sync_api import Page as Tab

    from tools.common.mosquitto import Mosquitto

_BAD = ("warning", "error")  # a breach of the content security policy among them
WAIT_MS = BOOT_S * 1000

expect = playwright.expect


class Site:
    """A page's server, a tab that shows it, and what the tab complained of or asked for."""

    def __init__(self, url: str, tab: Tab) -> None:
        self.url = url
        self.tab = tab
        self.complaints: list[str] = []
        self.asked: list[str] = []
        tab.set_default_timeout(WAIT_MS)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in _BAD else None,
        )
        tab.on("request", lambda request: self.asked.append(request.url))

    def shows(self, word: str) -> None:
        """Wait until the chip says this."""
        expect(self.tab.locator("#chip-text")).to_have_text(word, timeout=WAIT_MS)

    def hand(self) -> Locator:
        """What is written of the first hand."""
        return self.tab.locator("#hands li").first

    def moves(self) -> bool:
        """Whether hands move: in the picture, in space, and in words."""
        parts = [self.tab.locator(name) for name in ("#flat", "#space")]
        before = [part.screenshot() for part in parts]
        where = self.hand().locator(".position").text_content()
        drawn = wait_for(
            lambda: all(p.screenshot() != b for p, b in zip(parts, before, strict=True))
        )
        written = wait_for(lambda: self.hand().locator(".position").text_content() != where)
        return drawn and written


@pytest.fixture
def site(broker: Mosquitto, browser: Browser, tmp_path: Path) -> Iterator[Site]:
    """A page's server on a free port, and a tab that shows it."""
    port = free_port()
    server = Command(["preview", "--mqtt", broker.url, "--port", str(port)], tmp_path / "page.log")
    with server, ExitStack() as stack:
        server.wait_for("http://")
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        stack.callback(context.close)
        site = Site(f"http://127.0.0.1:{port}/", context.new_page())
        site.tab.goto(site.url)
        yield site


def test_the_page_shows_moving_hands(site: Site, broker: Mosquitto, tmp_path: Path) -> None:
    """Without it: a newcomer would look at an empty page while the node works."""
    site.shows("waiting")
    expect(site.tab.locator("#notice")).to_contain_text("Waiting for a node")
    with node(broker.url, tmp_path):
        site.shows("live")
        expect(site.hand().locator(".who")).to_have_text("Right hand", timeout=WAIT_MS)
        assert re.fullmatch(r"id \d+", site.hand().locator(".id").text_content() or "")
        assert site.moves()
        expect(site.tab.locator("#f-hands")).to_have_text("1")
        expect(site.tab.locator("#f-latency")).to_contain_text("ms")
        expect(site.tab.locator("#topics")).to_contain_text("camera/main/hands")
        expect(site.tab.locator("#node")).to_contain_text("online")
        expect(site.tab.locator("#events")).to_contain_text("hand appeared")
        expect(site.tab.locator("#pictures")).to_have_text(
            "This page gets no pictures, only landmarks."
        )
        expect(site.tab.locator("#spoken")).to_contain_text("right hand")
    assert site.complaints == []
    assert all(url.startswith((site.url, site.url.replace("http", "ws"))) for url in site.asked)


def test_the_page_survives_a_broker_restart(site: Site, broker: Mosquitto, tmp_path: Path) -> None:
    """Without it: after a broker's restart everybody would have to reload the page."""
    with node(broker.url, tmp_path):
        site.shows("live")
        broker.kill()
        site.shows("broker away")
        expect(site.tab.locator("#no-hands")).to_be_visible(timeout=WAIT_MS)
        broker.start()
        site.shows("live")
        expect(site.hand()).to_be_visible(timeout=WAIT_MS)
        assert site.moves()
    assert site.complaints == []


def test_the_page_shows_a_dead_node_as_offline(
    site: Site, broker: Mosquitto, tmp_path: Path
) -> None:
    """Without it: a node without power would look as if it still saw the last hand."""
    with node(broker.url, tmp_path) as running:
        site.shows("live")
        expect(site.hand()).to_be_visible(timeout=WAIT_MS)
        running.kill()
        site.shows("offline")
    expect(site.tab.locator("#notice")).to_contain_text("hall is offline")
    expect(site.tab.locator("#no-hands")).to_be_visible()
    expect(site.tab.locator("#cameras")).to_contain_text("offline")


def test_the_page_finds_its_server_again(
    broker: Mosquitto, browser: Browser, tmp_path: Path
) -> None:
    """Without it: a restart of the page's server would leave dead pages on every screen."""
    port = free_port()
    arguments = ["preview", "--mqtt", broker.url, "--port", str(port)]
    with browser.new_context() as context, node(broker.url, tmp_path):
        with Command(arguments, tmp_path / "first.log") as server:
            server.wait_for("http://")
            site = Site(f"http://127.0.0.1:{port}/", context.new_page())
            site.tab.goto(site.url)
            site.shows("live")
        site.shows("reconnecting")
        with Command(arguments, tmp_path / "second.log"):
            site.shows("live")


def test_it_is_worked_by_keyboard_alone(site: Site, broker: Mosquitto, tmp_path: Path) -> None:
    """Without it: people who use no mouse could neither turn the hands nor mirror the picture."""
    tab = site.tab
    with node(broker.url, tmp_path):
        expect(site.hand()).to_be_visible(timeout=WAIT_MS)
        tab.keyboard.press("f")
        expect(tab.locator("#freeze")).to_have_attribute("aria-pressed", "true")
        for place, key in (("#flat", "m"), ("#space", "ArrowLeft"), ("#space", "+")):
            if place == "#space":
                tab.locator(place).focus()
            before = tab.locator(place).screenshot()
            tab.keyboard.press(key)
            assert wait_for(lambda: tab.locator(place).screenshot() != before), key  # noqa: B023
        tab.locator("#camera").focus()
        reached = {"camera"}
        for _ in range(16):
            tab.keyboard.press("Tab")
            reached.add(tab.evaluate("document.activeElement.id"))
        assert {"camera", "freeze", "mirror", "space", "front"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_whole_in_dark_and_light(
    site: Site, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    """Without it: on a phone one would have to scroll sideways, or be blinded at night."""
    with browser.new_context(
        viewport={"width": 360, "height": 740},
        is_mobile=True,
        has_touch=True,
        color_scheme=scheme,
    ) as context:
        tab = context.new_page()
        tab.goto(site.url)
        wide = tab.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360
        for name in ("#freeze", "#mirror", "#front"):
            box = tab.locator(name).bounding_box()
            assert box is not None
            assert box["height"] >= 40  # a finger's width
        colour = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(map(int, re.findall(r"\d+", colour))) > 3 * 128
        assert light == (scheme == "light")


def test_a_token_opens_a_locked_page(broker: Mosquitto, browser: Browser, tmp_path: Path) -> None:
    """Without it: a page that others may reach couldn't be opened by its owner either."""
    port, token = free_port(), "correct horse battery"
    server = Command(
        ["preview", "--mqtt", broker.url, "--port", str(port), "--token", token],
        tmp_path / "page.log",
    )
    with server, browser.new_context() as context:
        server.wait_for("http://")
        site = Site(f"http://127.0.0.1:{port}/", context.new_page())
        site.tab.goto(site.url)
        site.shows("locked")
        site.tab.locator("#token").fill("wrong wrong wrong")
        site.tab.locator("#token").press("Enter")
        expect(site.tab.locator("#token-trouble")).to_have_text(
            "That isn't the token.", timeout=WAIT_MS
        )
        site.tab.locator("#token").fill(token)
        site.tab.locator("#token").press("Enter")
        site.shows("waiting")
        site.tab.reload()
        site.shows("waiting")  # it is kept as long as the tab is open
    with browser.new_context() as context:
        site = Site(f"http://127.0.0.1:{port}/#token={token}", context.new_page())
        with server:
            server.wait_for("http://")
            site.tab.goto(site.url)
            site.shows("waiting")
            assert token not in site.tab.url
            assert not any(token in url for url in site.asked[1:])
