"""Record the demo's page in Chromium: docs/page.webp moves, docs/preview.png is the whole of it.

Needs the extras demo, preview and dev, and Chromium. The picture has the frames that the browser
drew, at the times at which it drew them: a slow machine gives a jerky picture.
"""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

from tools import ROOT
from tools.common.command import EDGEHANDS

SIZE = ViewportSize(width=1120, height=572)
SHOWN = (840, 429)
MOST_BYTES = 2_000_000
SHORTEST_MS = 60
"""Frames that follow sooner are left out."""

Shot = tuple[float, bytes]


def shots(url: str, seconds: float, still: Path) -> list[Shot]:
    """What the browser drew, with the time of each, from when both hands are seen.

    Args:
        url: of the page.
        seconds: how long to record.
        still: where the whole page goes, as a PNG.
    """
    found: list[Shot] = []
    with sync_playwright() as runtime:
        arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = runtime.chromium.launch(executable_path=chromium, args=arguments)
        tab = browser.new_page(viewport=SIZE)
        tab.goto(url)
        tab.wait_for_selector("#flat[data-pictures='on']", timeout=120_000)
        session = tab.context.new_cdp_session(tab)

        def take(frame: dict[str, Any]) -> None:
            session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})
            found.append((frame["metadata"]["timestamp"], base64.b64decode(frame["data"])))

        session.on("Page.screencastFrame", take)
        tab.wait_for_selector("#hands li:nth-child(2)", timeout=120_000)
        session.send("Page.startScreencast", {"format": "png"})
        tab.wait_for_timeout(1000 * seconds)
        session.send("Page.stopScreencast")
        tab.set_viewport_size(ViewportSize(width=1280, height=900))
        tab.wait_for_selector("#hands li:nth-child(2)", timeout=120_000)
        tab.wait_for_timeout(700)
        tab.screenshot(path=still, full_page=True)
        browser.close()
    return found


def write(path: Path, found: list[Shot]) -> int:
    """Write the animated picture; its size in bytes."""
    kept = [found[0]]
    for shot in found[1:]:
        if (shot[0] - kept[-1][0]) * 1000 >= SHORTEST_MS:
            kept.append(shot)
    pictures = [
        Image.open(io.BytesIO(png)).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
        for _, png in kept
    ]
    times = [round((b[0] - a[0]) * 1000) for a, b in itertools.pairwise(kept)]
    for quality in (70, 55, 40, 30):
        pictures[0].save(
            path,
            save_all=True,
            append_images=pictures[1:],
            duration=[*times, times[-1]],
            loop=0,
            quality=quality,
            method=4,
        )
        if path.stat().st_size <= MOST_BYTES:
            break
    print(f"{path}: {len(kept)} frames in {sum(times) / 1000:.1f} s, quality {quality}")
    return path.stat().st_size


def main() -> int:
    """Start the demo, record its page, write the picture; 1 when it is too large."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?", default=ROOT / "docs" / "page.webp")
    parser.add_argument("seconds", type=float, nargs="?", default=12.0, help="default %(default)s")
    options = parser.parse_args()
    path: Path = options.file
    command = [sys.executable, "-u", "-c", EDGEHANDS, "demo", "--no-camera", "--model", "lite"]
    with (
        tempfile.NamedTemporaryFile() as log,
        subprocess.Popen(command, stdout=log, cwd=ROOT) as demo,
    ):
        try:
            until = time.monotonic() + 60
            place = None
            while place is None and time.monotonic() < until:
                time.sleep(0.2)
                place = re.search(r"Page +(http\S+)", Path(log.name).read_text())
            if place is None:
                sys.exit("the demo's page didn't come within a minute")
            size = write(path, shots(place[1], options.seconds, path.with_name("preview.png")))
        finally:
            demo.terminate()
    print(f"{size / 1e6:.2f} MB")
    return 0 if size <= MOST_BYTES else 1
