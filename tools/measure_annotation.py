"""Measure the time from an empty folder to a report, and the page's speed with many pictures.

python3 -m tools measure-annotation [--pictures 1000]

A scripted browser corrects the thirty practice hands, counts its actions, and evaluates the result;
then it leafs through a set of pictures with four hands each.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from edgehands.annotate.practice import HANDS, MISTAKES, TRUTH, write_practice
from edgehands.dataset import read
from edgehands.dataset.agreement import compare
from edgehands.dataset.format import Dataset
from edgehands.dataset.writing import DatasetWriter
from edgehands.hand import Frame
from tools.common.annotator import Annotator
from tools.common.command import EDGEHANDS, Command
from tools.common.datasets import picture, points, reported
from tools.common.mosquitto import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WAIT_MS = 60_000.0
LEAFED = 60

# From the key to the picture on the screen, milliseconds.
NEXT = """() => new Promise((done) => {
    const [start, wanted] = [performance.now(), String(window.annotate.number + 1)];
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "." }));
    const look = () => {
        if (document.body.dataset.shown === wanted && window.annotate.view.bitmap)
            requestAnimationFrame(() => done(performance.now() - start));
        else setTimeout(look, 1);
    };
    look();
})"""


def opened(browser: Browser, port: int) -> tuple[Page, float]:
    """A tab with the first picture, and the seconds until it was there."""
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(f"http://127.0.0.1:{port}/")
    Annotator(tab, WAIT_MS).shown(0)
    ms: float = tab.evaluate("performance.getEntriesByName('shown')[0].startTime")
    return tab, ms / 1000


def practise(browser: Browser, place: Path) -> None:
    """From nothing to a report on thirty hands."""
    folder, port, start = place / "practice", free_port(), time.monotonic()
    write_practice(folder)
    actions: dict[str, list[int]] = defaultdict(list)
    command = ["annotate", str(folder), "--annotator", "robot", "--port", str(port)]
    with Command(command, place / "page.log") as server:
        server.wait_for("http://")
        tab, _ = opened(browser, port)
        annotator = Annotator(tab, WAIT_MS)
        for number, image in enumerate(read(folder, TRUTH)):
            annotator.shown(number)
            taken = annotator.correct(image.hands[0])
            actions[MISTAKES[number % len(MISTAKES)]].append(taken)
        annotator.saved()
    line = [
        "eval",
        "--data",
        str(folder),
        "--annotator",
        "robot",
        "--report",
        str(place / "r.html"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", EDGEHANDS, *line], capture_output=True, text=True, check=True
    )
    seconds = time.monotonic() - start
    left = compare(folder, "robot", TRUTH)
    for mistake, counts in actions.items():
        print(f"{mistake:10} {statistics.mean(counts):5.1f} actions a hand, most {max(counts)}")
    print(
        f"{HANDS} hands: {annotator.actions} actions, {100 * (left.distance or 0):.2f} % of palm "
        f"size from the truth; {seconds / 60:.1f} min from an empty folder to a report"
    )
    print(done.stdout)


def leaf(browser: Browser, place: Path, pictures: int) -> None:
    """The first picture, and the next ones, of many."""
    folder, port = place / "many", free_port()
    four = [reported(points(40 + 150 * i, 60 + 40 * i, 120), id=i + 1) for i in range(4)]
    with DatasetWriter(folder, Dataset()) as writer:
        for seq in range(pictures):
            writer.add(Frame(picture(seq, 640, 480), seq, float(seq), 0.0), four)
    command = ["annotate", str(folder), "--annotator", "robot", "--port", str(port)]
    with Command(command, place / "many.log") as server:
        server.wait_for("http://")
        tab, first = opened(browser, port)
        times = sorted(tab.evaluate(NEXT) for _ in range(min(LEAFED, pictures - 1)))
        p95 = times[int(0.95 * (len(times) - 1))]
        print(
            f"{pictures} pictures of four hands: the first after {first:.2f} s, the next after "
            f"{statistics.median(times):.0f} ms (p95 {p95:.0f} ms, longest {times[-1]:.0f} ms)"
        )


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1000, help="of the large set")
    parser.add_argument("--leaf", action="store_true", help="the large set only")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("measure_annotation: Chromium is missing: apt install chromium")
    flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with tempfile.TemporaryDirectory() as place, sync_playwright() as runtime:
        browser = runtime.chromium.launch(executable_path=chromium, args=flags)
        leaf(browser, Path(place), options.pictures)
        if not options.leaf:
            practise(browser, Path(place))
        browser.close()
