"""The annotation page in a real browser."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgehands.annotate.practice import MISTAKES, TRUTH, write_practice
from edgehands.dataset import read
from edgehands.dataset.matching import nme
from tools.common.annotator import GOOD, Annotator
from tools.common.command import BOOT_S, Command
from tools.common.mosquitto import free_port

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright isn't installed: pip install playwright"
)
pytest.importorskip("uvicorn", reason="the page's server isn't installed: edgehands[preview]")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MS = BOOT_S * 1000
MOST_ACTIONS = 12
PICTURES = 7
"""One of each of the first kinds of mistake; tools/measure_annotation.py takes all thirty."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with playwright.sync_playwright() as runtime:
        browser = runtime.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn hands, wrong on purpose; each test has a copy."""
    folder = tmp_path_factory.mktemp("practice") / "set"
    write_practice(folder, PICTURES)
    return folder


class Page:
    """A served folder and a tab that shows it."""

    def __init__(self, folder: Path, annotator: Annotator, complaints: list[str]) -> None:
        self.folder = folder
        self.annotator = annotator
        self.tab = annotator.tab
        self.complaints = complaints

    def hands(self, number: int = 0) -> int:
        """How many hands the shown picture has in the page."""
        self.annotator.shown(number)
        count: int = self.tab.evaluate("annotate.editor.hands.length")
        return count

    def points(self) -> np.ndarray:
        """(21, 2) the selected hand's points in the page."""
        return np.array(self.tab.evaluate("annotate.editor.hand.points"))


@pytest.fixture
def page(practice: Path, browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page on a copy of the practice set."""
    folder = tmp_path / "set"
    shutil.copytree(practice, folder)
    port = free_port()
    command = ["annotate", str(folder), "--annotator", "anna", "--port", str(port)]
    with Command(command, tmp_path / "page.log") as server, ExitStack() as stack:
        server.wait_for("http://")
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        stack.callback(context.close)
        tab = context.new_page()
        tab.set_default_timeout(WAIT_MS)
        complaints: list[str] = []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in ("warning", "error") else None
            ),
        )
        tab.on(
            "request",
            lambda request: (
                complaints.append(request.url)
                if not request.url.startswith(f"http://127.0.0.1:{port}/")
                else None
            ),
        )
        tab.goto(f"http://127.0.0.1:{port}/")
        yield Page(folder, Annotator(tab, WAIT_MS), complaints)


def test_a_hand_that_is_five_percent_off_takes_twelve_actions(page: Page) -> None:
    """Without it: an evening's annotation would become a week's."""
    truths = list(read(page.folder, TRUTH))
    for number, truth in enumerate(truths):
        page.annotator.shown(number)
        actions = page.annotator.correct(truth.hands[0])
        assert actions <= MOST_ACTIONS, MISTAKES[number]
    page.annotator.saved()
    answers = list(read(page.folder, "anna"))
    assert len(answers) == len(truths)
    for truth, answer in zip(truths, answers, strict=True):
        (true,), (said,) = truth.hands, answer.hands
        assert nme(true.points, said.points, true.inside) <= GOOD + 0.001
        assert said.handedness is true.handedness
    playwright.expect(page.tab.locator("#end-text")).to_contain_text("Your mark", timeout=WAIT_MS)
    assert page.complaints == []


def test_the_keyboard_is_enough(page: Page) -> None:
    """Without it: a tired wrist would have to drag everything."""
    assert page.hands() == 1
    before = page.points()
    for key in ("2", "ArrowRight", "Shift+ArrowDown"):
        page.annotator.press(key)
    moved = page.points() - before
    assert moved[8].tolist() == pytest.approx([1, 10])
    assert not np.delete(moved, 8, 0).any()
    page.annotator.press("2")  # the joint before the tip
    page.annotator.press("o")
    page.annotator.press("x")
    page.annotator.press("l")
    page.annotator.press("Enter")
    page.annotator.shown(1)
    page.annotator.saved()
    (answer,) = read(page.folder, "anna")
    (hand,) = answer.hands
    assert (hand.handedness.value, bool(hand.inside[7])) == ("left", False)
    np.testing.assert_allclose(hand.points[8], before[8] + (1, 10), atol=0.01)


def test_everything_can_be_undone(page: Page) -> None:
    """Without it: one wrong key would cost the work on a picture."""
    assert page.hands() == 1
    before = page.points()
    for key in ("3", "ArrowLeft", "0", "Shift+ArrowUp", "r", "Delete"):
        page.annotator.press(key)
    assert page.hands() == 0
    for _ in range(6):
        page.annotator.press("Control+z")
    np.testing.assert_array_equal(page.points(), before)
    for _ in range(6):
        page.annotator.press("Control+y")
    assert page.hands() == 0
    page.annotator.press("u")
    page.annotator.press("Enter")
    page.annotator.shown(1)
    page.annotator.press(",")
    assert page.hands() == 1
    np.testing.assert_allclose(page.points()[4], before[4] + (0, -10))


def test_hands_are_added_copied_and_denied(page: Page) -> None:
    """Without it: pictures with no hand, or with one more than was seen, couldn't be answered."""
    assert page.hands() == 1
    page.annotator.press("n")
    page.annotator.press("Enter")
    assert page.hands(1) == 1
    page.annotator.press("n")
    page.annotator.press("c")
    page.annotator.until("annotate.editor.hands.length === 0")
    page.annotator.press("a")
    page.annotator.drag((200, 100), (440, 380))
    page.annotator.until("annotate.editor.hands.length === 1")
    page.annotator.press("Enter")
    page.annotator.shown(2)
    page.annotator.press("c")
    page.annotator.until("annotate.editor.hands.length === 1")
    page.annotator.press("Enter")
    page.annotator.saved()
    first, second, third = read(page.folder, "anna")
    assert [len(p.hands) for p in (first, second, third)] == [0, 1, 1]
    np.testing.assert_allclose(third.hands[0].points, second.hands[0].points)


def test_a_dragged_tip_takes_its_finger_along(page: Page) -> None:
    """Without it: correcting a shifted finger would take four drags instead of one."""
    assert page.hands() == 1
    before = page.points()
    page.annotator.press("j")
    page.annotator.drag(before[8], before[8] + (14, 6))
    moved = np.linalg.norm(page.points() - before, axis=1)
    assert moved[8] == pytest.approx(np.hypot(14, 6), abs=0.5)
    assert moved[5] == 0
    assert 0 < moved[6] < moved[8]
    assert np.delete(moved, [6, 7, 8]).max() == 0


def test_a_finger_on_the_screen_drags_a_point(page: Page) -> None:
    """Without it: the page would be of no use on a tablet."""
    assert page.hands() == 1
    before = page.points()
    x, y = page.tab.evaluate(
        "(() => { const b = document.getElementById('view').getBoundingClientRect();"
        " const p = annotate.view.toScreen(annotate.editor.hand.points[12]);"
        " return [p[0] + b.x, p[1] + b.y]; })()"
    )
    scale = page.tab.evaluate("annotate.view.scale")
    touch = page.tab.context.new_cdp_session(page.tab)
    for kind, places in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + 15, "y": y + 10}]),
        ("touchMove", [{"x": x + 30, "y": y + 20}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    moved = page.points()[12] - before[12]
    np.testing.assert_allclose(moved * scale, (30, 20), atol=1.5)
    for kind, places in (
        ("touchStart", [{"x": 300, "y": 300}, {"x": 400, "y": 300}]),
        ("touchMove", [{"x": 250, "y": 300}, {"x": 450, "y": 300}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    assert page.tab.evaluate("annotate.view.scale") > 1.5 * scale
    assert page.complaints == []
