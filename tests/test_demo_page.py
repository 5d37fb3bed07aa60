"""The demo's page in a real browser: the film's picture, and one's own after one click."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.test_demo import demo_with_camera
from tests.test_preview_page import Site, expect
from tools.common.mosquitto import free_port
from tools.common.waiting import wait_for

pytest.importorskip("amqtt", reason="the demo's broker isn't installed: edgehands[demo]")

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab


def colours(tab: Tab) -> int:
    """How many different colours the camera view has: a photograph has many, a drawing few."""
    count: int = tab.evaluate(
        """() => {
          const canvas = document.getElementById("flat");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let i = 0; i < data.length; i += 4 * 97) {
            seen.add((data[i] >> 2) * 4096 + (data[i + 1] >> 2) * 64 + (data[i + 2] >> 2));
          }
          return seen.size;
        }"""
    )
    return count


def corner(tab: Tab) -> list[int]:
    """The colour of a corner of the camera view, where no hand is."""
    colour: list[int] = tab.evaluate(
        """() => {
          const canvas = document.getElementById("flat");
          return [...canvas.getContext("2d").getImageData(6, 6, 1, 1).data];
        }"""
    )
    return colour


def test_the_film_is_seen_and_ones_own_hands_after_one_click(
    browser: Browser,
    tmp_path: Path,
) -> None:
    """Without it: users would see no picture, and not their own hands."""
    port = free_port()
    with (
        demo_with_camera(tmp_path, "--port", str(port)) as command,
        browser.new_context(viewport={"width": 1280, "height": 900}) as context,
    ):
        command.wait_for("demo/main  status  online")
        site = Site(f"http://127.0.0.1:{port}/", context.new_page())
        site.tab.goto(site.url)
        site.shows("live")
        expect(site.tab.locator("#pictures")).to_contain_text("The demo's film", timeout=90_000)
        site.tab.wait_for_selector("#flat[data-pictures='on']")
        assert colours(site.tab) > 150
        expect(site.tab.locator("#picture")).to_be_hidden()

        site.tab.get_by_role("button", name="Show my hands with Test Webcam").click()
        expect(site.tab.locator("#pictures")).to_contain_text("v4l2:/dev/null", timeout=90_000)
        expect(site.tab.locator("#pictures")).to_contain_text("never sent over MQTT")
        site.shows("live")
        expect(site.hand()).to_be_visible(timeout=90_000)
        site.tab.wait_for_selector("#flat[data-pictures='on']")
        # The webcam's pictures are of an even grey, 60, with a disc in them.
        assert wait_for(lambda: all(abs(part - 60) < 6 for part in corner(site.tab)[:3]), 30)

        site.tab.get_by_role("button", name="Hide the picture").click()
        expect(site.tab.get_by_role("button", name="Show the picture")).to_be_visible()
        site.tab.wait_for_selector("#flat[data-pictures='off']")
        site.tab.get_by_role("button", name="Back to the film").click()
        expect(site.tab.locator("#pictures")).to_contain_text("The demo's film", timeout=90_000)
        ours = [text for text in site.complaints if "getImageData" not in text]  # our own reading
        assert ours == []
        assert command.end() == 0
