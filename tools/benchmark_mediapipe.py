"""Compare the time and memory of edgehands with MediaPipe's for the same frames.

One hand, in a clip made by moving, rotating and zooming a photo. Both sides run alternately, on
stretches of the same frames, with one thread each, in their own processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

import cv2
import numpy as np

from tools import ROOT
from tools.against_mediapipe.environment import mediapipe_python

WIDTH, HEIGHT = 640, 480
STRETCH = 60
WARM_UP = 50
PHOTO = ROOT.parent / "shared" / "data" / "photos" / "four"
WORKER = ROOT / "tools" / "against_mediapipe" / "worker.py"


@dataclass(frozen=True)
class Cost:
    """What one side reported for a stretch of frames."""

    cpu_ms: float
    wall_ms: float
    models_ms: float
    with_hands: float
    peak_mb: float


class Side:
    """A worker process and the time until its first frame was processed."""

    def __init__(self, side: str, variant: str, precision: str, max_hands: int, clip: Path) -> None:
        python = mediapipe_python() if side == "mediapipe" else Path(sys.executable)
        words = [side, variant, precision, max_hands, WIDTH, HEIGHT, clip]
        start = time.perf_counter()
        self._process = subprocess.Popen(
            [python, WORKER, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.track(0, 1)
        self.start_seconds = time.perf_counter() - start
        self.warm = self.track(1, WARM_UP - 1)

    def track(self, first: int, count: int) -> Cost:
        """Track a stretch of the clip."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{first} {count}\n")
        self._process.stdin.flush()
        return Cost(**json.loads(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("photo", nargs="?", type=Path, help="a photo with one hand")
    parser.add_argument("--stretches", type=int, default=6, help="of 60 frames each, per side")
    parser.add_argument("--precision", nargs="+", default=["auto", "float"])
    args = parser.parse_args()
    if args.photo is None and not PHOTO.is_dir():
        sys.exit("there are no images beside the checkout: name a photo with one hand")
    photo = args.photo or max(PHOTO.glob("*.jpg"))
    print(
        "| model | hands allowed | CPU a frame: MediaPipe | edgehands | ratio | wall: MediaPipe |"
        " edgehands | outside the models | frames with a hand: MediaPipe / edgehands |"
        " peak memory | start to first hands |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        clip = Path(scratch) / "clip.rgb"
        write_clip(photo, clip, WARM_UP + STRETCH * args.stretches)
        for variant in ("lite", "full"):
            for precision in args.precision:
                for max_hands in (2, 1):
                    print(compare(variant, precision, max_hands, clip, args.stretches), flush=True)
    return 0


def write_clip(photo: Path, out: Path, frames: int) -> None:
    """The photo moved, rotated and zoomed, as raw RGB frames of 640 x 480."""
    read = cv2.imread(str(photo))
    assert read is not None, photo
    image = cv2.cvtColor(read, cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    with out.open("wb") as file:
        for i in range(frames):
            phase = 2 * np.pi * i / 120
            zoom = HEIGHT / height * (1.15 + 0.1 * np.sin(phase))
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), 10 * np.sin(1.7 * phase), zoom)
            turn[:, 2] += (
                WIDTH / 2 - width / 2 + 50 * np.sin(1.3 * phase),
                HEIGHT / 2 - height / 2 + 25 * np.cos(phase),
            )
            frame = cv2.warpAffine(image, turn, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
            file.write(frame.tobytes())


def compare(variant: str, precision: str, max_hands: int, clip: Path, stretches: int) -> str:
    """One line of the table: both sides alternately over the same stretches."""
    ours: list[Cost] = []
    theirs: list[Cost] = []
    with (
        Side("mediapipe", variant, precision, max_hands, clip) as mediapipe,
        Side("edgehands", variant, precision, max_hands, clip) as edgehands,
    ):
        for i in range(stretches):
            first = WARM_UP + i * STRETCH
            theirs.append(mediapipe.track(first, STRETCH))
            ours.append(edgehands.track(first, STRETCH))
        ratio = median(o.cpu_ms / t.cpu_ms for o, t in zip(ours, theirs, strict=True))
        outside = median(1 - o.models_ms / o.wall_ms for o in ours)
        cpu, wall = (
            " | ".join(
                f"{median(getattr(cost, what) for cost in side):.1f} ms" for side in (theirs, ours)
            )
            for what in ("cpu_ms", "wall_ms")
        )
        seen = " / ".join(f"{min(c.with_hands for c in side):.0%}" for side in (theirs, ours))
        return (
            f"| {variant} {precision} | {max_hands} | {cpu} | **{ratio:.2f}** | {wall} |"
            f" {outside:.0%} | {seen} |"
            f" {mediapipe.warm.peak_mb:.0f} / {edgehands.warm.peak_mb:.0f} MB |"
            f" {mediapipe.start_seconds:.2f} / {edgehands.start_seconds:.2f} s |"
        )
