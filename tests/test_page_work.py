"""The page as a place to work: settings, teaching, charts, recording, and what it writes."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.gestures.events import EventType
from tests.preview_node import node
from tests.test_preview_page import WAIT_MS, Site, expect
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import Listener, Mosquitto, free_port
from tools.common.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

ROOT = Path(__file__).resolve().parents[1]


class Desk(Site):
    """A page, and the broker and the folder of the node that it shows."""

    def __init__(self, url: str, tab: Tab, broker_port: int, folder: Path) -> None:
        super().__init__(url, tab)
        self.broker_port = broker_port
        self.folder = folder


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory,
    browser: Browser,
) -> Iterator[Desk]:
    """A page that shows a running node; for all tests of this file."""
    folder, port = tmp_path_factory.mktemp("desk"), free_port()
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder))
        page = Command(["preview", "--mqtt", broker.url, "--port", str(port)], folder / "page.log")
        own = {"STATE_DIRECTORY": str(folder)}
        taught = {"EDGEHANDS_GESTURES__TAUGHT_FILE": str(folder / "taught.json")}
        stack.enter_context(node(broker.url, folder, **own, **taught))
        stack.enter_context(page)
        page.wait_for("http://")
        context = browser.new_context(
            viewport={"width": 1280, "height": 900},
            permissions=["clipboard-read", "clipboard-write"],
        )
        stack.callback(context.close)
        desk = Desk(f"http://127.0.0.1:{port}/", context.new_page(), broker.port, folder)
        desk.tab.goto(desk.url)
        desk.shows("live")
        yield desk
        assert desk.complaints == []


def test_settings_are_changed_and_kept(desk: Desk) -> None:
    """Without it: whoever wants one hand only would have to edit a file and restart."""
    tab = desk.tab
    expect(tab.locator("#s-max_hands")).to_have_value("2", timeout=WAIT_MS)
    with Listener(desk.broker_port) as listener:
        tab.locator("#s-max_hands").fill("1")
        tab.locator("#s-max_hands").press("Tab")
        expect(tab.locator("#settings-told")).to_contain_text("until the next start")
        tab.locator("#s-persist").check()
        tab.locator("#s-model").select_option("lite")
        expect(tab.locator("#settings-told")).to_have_text("Changed, for good.", timeout=WAIT_MS)
        assert wait_for(lambda: b'"lite ' in (listener.last("/info") or b""), BOOT_S)
    expect(tab.locator("#node")).to_contain_text("lite", timeout=WAIT_MS)
    kept = (desk.folder / "settings.toml").read_text()
    assert 'model = "lite"' in kept
    tab.reload()
    expect(tab.locator("#s-model")).to_have_value("lite", timeout=WAIT_MS)
    expect(tab.locator("#s-max_hands")).to_have_value("1")


@pytest.mark.slow("teaching counts down and takes thirty examples")
def test_a_gesture_is_taught_tried_and_removed(desk: Desk) -> None:
    """Without it: teaching would take a shell on the device."""
    tab = desk.tab
    tab.locator("#teach-name").fill("Bad name!")
    tab.get_by_role("button", name="Teach", exact=True).click()
    expect(tab.locator("#teach-told")).to_contain_text("small letters")
    tab.locator("#teach-name").fill("Mine")
    tab.locator("#teach-name").press("Enter")
    expect(tab.locator("#teach-told")).to_contain_text("Show one hand in the shape of mine")
    expect(tab.locator("#teach-count")).to_have_text("✓", timeout=WAIT_MS)
    expect(tab.locator("#teach-told")).to_contain_text("It is learnt.", timeout=WAIT_MS)
    expect(tab.locator("#taught")).to_contain_text("mine")
    expect(tab.locator("#when")).to_contain_text("mine")
    tab.get_by_role("button", name="Remove mine").click()
    expect(tab.locator("#no-taught")).to_be_visible(timeout=WAIT_MS)


def test_charts_and_timeline_follow(desk: Desk) -> None:
    """Without it: a node getting slower, or one event among many, would go unnoticed."""
    tab = desk.tab
    chart = tab.get_by_role("img", name=re.compile(r"Frames a second: now [\d.]+ "))
    expect(chart).to_be_visible(timeout=WAIT_MS)
    assert chart.locator("polyline").get_attribute("points")
    expect(tab.locator("#events")).to_contain_text("hand appeared", timeout=WAIT_MS)
    tab.locator("#event-kind").select_option("gestures")
    expect(tab.locator("#events")).not_to_contain_text("hand appeared")
    tab.locator("#event-kind").select_option("hands")
    tab.locator("#event-word").fill("appeared")
    expect(tab.locator("#events li").first).to_contain_text("hand appeared")
    tab.locator("#event-word").fill("zebra")
    expect(tab.locator("#no-events")).to_have_text("Nothing of this kind.")
    tab.locator("#event-word").fill("")
    tab.locator("#event-kind").select_option("all")


def test_a_recording_is_saved_and_played_again(desk: Desk, tmp_path: Path) -> None:
    """Without it: problems in front of the camera couldn't be shown to anyone else."""
    tab = desk.tab
    tab.locator("#record").click()
    where = desk.hand().locator(".position").text_content()
    assert wait_for(lambda: desk.hand().locator(".position").text_content() != where, BOOT_S)
    tab.locator("#record").click()
    expect(tab.locator("#record-told")).to_contain_text("messages recorded")
    with tab.expect_download() as saved:
        tab.locator("#save").click()
    file = tmp_path / "hands.jsonl"
    saved.value.save_as(file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert all(line["topic"].endswith("/camera/main/hands") for line in lines)
    assert len(lines[0]["payload"]["hands"][0]["landmarks"]) == 21
    for line in lines:
        line["payload"]["hands"] = [{**line["payload"]["hands"][0], "id": 4711}]
    more = [{**lines[0], "t": lines[-1]["t"] + number} for number in range(1, 6)]
    file.write_text("nonsense\n" + "".join(f"{json.dumps(line)}\n" for line in [*lines, *more]))
    tab.locator("#open").set_input_files(file)
    desk.shows("replay")
    expect(desk.hand().locator(".id")).to_have_text("id 4711", timeout=WAIT_MS)
    tab.get_by_role("button", name="Stop replay").click()
    desk.shows("live")
    expect(desk.hand().locator(".id")).not_to_have_text("id 4711", timeout=WAIT_MS)
    file.write_text("nothing of ours\n")
    tab.locator("#open").set_input_files(file)
    expect(tab.locator("#record-told")).to_contain_text("holds no hands")


def test_what_it_writes_can_be_used(desk: Desk) -> None:
    """Without it: a newcomer would paste what Home Assistant, Node-RED or a shell refuses."""
    yaml = pytest.importorskip("yaml", reason="pip install pyyaml")
    tab = desk.tab
    offered = {option.get_attribute("value") for option in tab.locator("#when option").all()}
    documented = (ROOT / "docs" / "gestures.md").read_text()
    for value in offered:
        kind, _, name = str(value).partition(":")
        assert f"`{name}`" in documented
        assert (kind == "movement") == (name in set(EventType))
    movements = {kind.value for kind in EventType if not kind.value.startswith("gesture_")}
    assert {f"movement:{name}" for name in movements} <= offered

    tab.locator("#when").select_option("shape:thumbs_up")
    tab.locator("#hand").select_option("left")
    tab.locator("#target").fill("light.desk")
    automation = yaml.safe_load(tab.locator("#recipe").text_content() or "")
    assert automation["triggers"][0]["entity_id"] == "event.edgehands_hall_event"
    assert automation["triggers"][0]["not_from"] == ["unavailable", "unknown"]
    conditions = " ".join(automation["conditions"])
    for part in ("gesture_started", "thumbs_up", "left"):
        assert f"'{part}'" in conditions
    assert automation["actions"][0]["target"]["entity_id"] == "light.desk"

    tab.locator("#copy-recipe").click()
    pasted = tab.evaluate("navigator.clipboard.readText()")
    assert yaml.safe_load(pasted) == automation

    tab.locator("#do").select_option("nodered")
    flow = json.loads(tab.locator("#recipe").text_content() or "")
    assert flow[0]["topic"] == "edgehands/hall/camera/main/event"
    tab.locator("#do").select_option("python")
    program = tab.locator("#recipe").text_content() or ""
    compile(program, "recipe", "exec")
    assert f"port={desk.broker_port}" in program
    tab.locator("#do").select_option("curl")
    line = tab.locator("#recipe").text_content() or ""
    assert f"mosquitto_sub -h 127.0.0.1 -p {desk.broker_port}" in line
    tab.get_by_role("button", name="Copy topic edgehands/hall/info").click()
    assert tab.evaluate("navigator.clipboard.readText()") == "edgehands/hall/info"


def test_mirror_and_colours_are_remembered_and_frozen_is_said(desk: Desk) -> None:
    """Without it: a page that stands still would say that it is live."""
    tab = desk.tab
    tab.locator("#theme").select_option("dark")
    tab.locator("#mirror").click()
    tab.reload()
    expect(tab.locator("#mirror")).to_have_attribute("aria-pressed", "true")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 20, 24)"
    tab.locator("#mirror").click()
    tab.locator("#theme").select_option("")
    desk.shows("live")
    tab.locator("#freeze").click()
    desk.shows("frozen")
    where = desk.hand().locator(".position").text_content()
    tab.wait_for_timeout(500)
    assert desk.hand().locator(".position").text_content() == where
    tab.locator("#freeze").click()
    desk.shows("live")


def test_the_wheel_scrolls_the_page_also_over_the_hands_in_space(desk: Desk) -> None:
    """Without it: whoever scrolls would be caught by the drawing."""
    tab = desk.tab
    tab.evaluate("scrollTo(0, 0)")
    before = tab.locator("#space").bounding_box()
    assert before is not None
    tab.mouse.move(before["x"] + 200, before["y"] + 200)
    tab.mouse.wheel(0, 300)
    assert wait_for(lambda: tab.evaluate("scrollY") > 100)
    tab.evaluate("scrollTo(0, 0)")
    assert tab.evaluate("getComputedStyle(document.getElementById('space')).touchAction") == "pan-y"


def test_nothing_moves_when_hands_come_and_go(desk: Desk) -> None:
    """Without it: what one is about to click would jump away with each hand."""
    shift = """() => new Promise((done) => {
      let sum = 0;
      const watch = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) sum += entry.value;
      });
      watch.observe({ type: "layout-shift" });
      const list = document.getElementById("hands");
      const rows = [...list.children];
      const flip = (times) => {
        if (!times) { setTimeout(() => done(sum), 300); return; }
        list.replaceChildren(...(times % 2 ? rows : []));
        document.getElementById("no-hands").hidden = times % 2 === 1;
        setTimeout(() => flip(times - 1), 120);
      };
      flip(6);
    })"""
    desk.tab.locator("#freeze").click()
    assert desk.tab.evaluate(shift) < 0.01
    desk.tab.locator("#freeze").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_breach_of_accessibility_is_found(desk: Desk, scheme: str) -> None:
    """Without it: people who listen to the page would meet two landmarks with one name."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install '.[dev]'"
    )
    tab = desk.tab
    tab.locator("#theme").select_option(scheme)
    found = axe.Axe().run(tab).response["violations"]
    assert [(breach["id"], [n["target"] for n in breach["nodes"]]) for breach in found] == []
    tab.locator("#theme").select_option("")


def test_the_page_for_a_phone_is_a_code(desk: Desk, browser: Browser, tmp_path: Path) -> None:
    """Without it: one would type an address and a token of 32 characters on a phone."""
    desk.tab.get_by_role("button", name="On a phone").click()
    expect(desk.tab.locator("#phone-told")).to_contain_text("served to this computer only")
    desk.tab.keyboard.press("Escape")
    port, token = free_port(), "correct-horse-battery"
    url = f"mqtt://127.0.0.1:{desk.broker_port}"
    server = Command(
        ["preview", "--mqtt", url, "--port", str(port), "--token", token], tmp_path / "page.log"
    )
    with server, browser.new_context() as context:
        server.wait_for("http://")
        address = f"http://127.0.0.1:{port}/#token={token}"
        assert qr_of(context.new_page(), address) == address


def qr_of(tab: Tab, url: str) -> str:
    """Have the server draw an address, and read the drawing with OpenCV."""
    tab.goto(url)
    expect(tab.locator("#chip-text")).to_have_text("live", timeout=WAIT_MS)
    rows = tab.evaluate(
        """(text) => new Promise((done) => {
          const token = new URLSearchParams(text.split("#")[1]).get("token");
          const socket = new WebSocket(`ws://${location.host}/live`);
          socket.onmessage = ({ data }) => {
            const news = JSON.parse(data);
            if (news.type === "locked") socket.send(JSON.stringify({ token }));
            else if (news.type === "qr") done(news.rows);
            else socket.send(JSON.stringify({ qr: text }));
          };
        })""",
        url,
    )
    image = np.array([[0 if cell == "1" else 255 for cell in row] for row in rows], np.uint8)
    large = cv2.resize(image, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    return cv2.QRCodeDetector().detectAndDecode(large)[0]


def test_a_page_that_may_only_look_changes_nothing(
    broker: Mosquitto,
    browser: Browser,
    tmp_path: Path,
) -> None:
    """Without it: a screen in a hall could be used to switch the camera off."""
    port = free_port()
    server = Command(
        ["preview", "--mqtt", broker.url, "--port", str(port), "--read-only"], tmp_path / "page.log"
    )
    with server, node(broker.url, tmp_path), browser.new_context() as context:
        server.wait_for("http://")
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{port}/")
        expect(tab.locator("#settings-off")).to_be_visible(timeout=WAIT_MS)
        expect(tab.locator("#s-max_hands")).to_be_disabled()
        with Listener(broker.port) as listener:
            answer = tab.evaluate(
                """() => new Promise((done) => {
                  const socket = new WebSocket(`ws://${location.host}/live`);
                  const ask = { id: 1, node: "hall", verb: "set", data: { enabled: false } };
                  socket.onopen = () => socket.send(JSON.stringify({ ask }));
                  socket.onmessage = ({ data }) => {
                    const news = JSON.parse(data);
                    if (news.type === "answer") done(news);
                  };
                })"""
            )
            assert "may only look" in answer["error"]
            assert listener.on("/request/set") == []
