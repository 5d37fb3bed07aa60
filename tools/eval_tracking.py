"""Compare the tracking of edgehands with MediaPipe's, on films with known truth.

Shows the benchmark's clips to edgehands (lite and full, int8 and float) and to MediaPipe 0.10.21
(complexity 0 and 1, in an environment of its own), each clip to one after the other, two hands
allowed, and scores them by the same rules. MediaPipe has no ids: it gets them by nearest
continuation. Prints the tables; --write puts them and the plots into docs/tracking.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from edgehands import TrackingConfig
from edgehands.evaluation.clips import load_clips
from edgehands.evaluation.films import MEDIAPIPE_WORKER
from edgehands.evaluation.matching import with_ids
from edgehands.evaluation.metrics import Score, judge, score, total
from edgehands.evaluation.report import COLUMNS, markdown
from edgehands.evaluation.runner import TrackerUnderTest
from edgehands.evaluation.values import ReportedHand, Run
from edgehands.hand import Handedness
from edgehands.synthetic import CLIPS, plan
from tools import ROOT
from tools.against_mediapipe.environment import REQUIREMENT, mediapipe_python
from tools.common.page import between_markers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgehands.evaluation.metrics import Judgement
    from edgehands.evaluation.values import Clip

    Marks = dict[str, dict[str, Score]]
    """Tracker -> clip -> its score."""

    Timelines = dict[str, dict[str, list[list[int]]]]
    """Tracker -> clip -> for each frame and hand: 0 not visible, 1 missed, 2 tracked."""

PAGE = ROOT / "docs" / "tracking.md"
WORKERS = ROOT / "tools" / "against_mediapipe"
OURS = {
    "lite int8": ("lite", "auto"),
    "lite float": ("lite", "float"),
    "full int8": ("full", "auto"),
    "full float": ("full", "float"),
}
"""Name -> model and precision; auto is what is shipped."""

THEIRS = {"MediaPipe 0": 0, "MediaPipe 1": 1}
RIVALS = {
    "lite int8": "MediaPipe 0",
    "lite float": "MediaPipe 0",
    "full int8": "MediaPipe 1",
    "full float": "MediaPipe 1",
}
"""The tracker with which each of ours is compared."""


class MediaPipe:
    """MediaPipe in a process of its own. A context manager."""

    def __init__(self, complexity: int) -> None:
        self._process = subprocess.Popen(
            [mediapipe_python(), MEDIAPIPE_WORKER, str(complexity), "tracking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, clip: Clip) -> Run:
        """Track a clip."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{len(clip)} {clip.file}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        frames = tuple(
            tuple(
                ReportedHand(np.array(hand["points"]), Handedness(hand["handedness"]))
                for hand in hands
            )
            for hands in answer["frames"]
        )
        return with_ids(Run(frames, answer["cpu_ms"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


@dataclass(frozen=True)
class Settings:
    """The command line's options."""

    clips: list[str]
    seed: int
    quick: bool
    write: bool
    out: Path | None


def main() -> int:
    """Print the tables."""
    settings = arguments()
    clips = load_clips(settings.clips, seed=settings.seed, quick=settings.quick, progress=drawn)
    start = time.perf_counter()
    marks, timelines = mark(clips)
    seconds = time.perf_counter() - start
    text = tables(marks) + worse(marks)
    print(text)
    print(f"{sum(map(len, clips))} frames, {seconds:.0f} s of tracking", file=sys.stderr)
    if settings.out is not None:
        settings.out.write_bytes(msgspec.json.encode(marks))
    if settings.write:
        between_markers(PAGE, "benchmark", made_by(settings, clips) + text)
        plot(marks, timelines)
    return 0


def arguments() -> Settings:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--clips", help="names with commas between; all without it", default="")
    parser.add_argument("--seed", type=int, default=1, help="other people, light, backgrounds")
    parser.add_argument("--quick", action="store_true", help="only 1.5 s of each clip")
    parser.add_argument("--write", action="store_true", help="into docs/tracking.md, with plots")
    parser.add_argument("--out", type=Path, help="a JSON file for all marks")
    args = parser.parse_args()
    names = [name for name in args.clips.split(",") if name] or list(CLIPS)
    return Settings(names, args.seed, args.quick, args.write, args.out)


def drawn(name: str, done: int, of: int) -> None:
    """Say which clip has been drawn."""
    if done == of:
        print(f"drawn: {name}", file=sys.stderr)


def mark(clips: Sequence[Clip]) -> tuple[Marks, Timelines]:
    """All trackers over all clips, in turn."""
    with ExitStack() as stack:
        trackers: dict[str, TrackerUnderTest | MediaPipe] = {
            name: stack.enter_context(
                TrackerUnderTest(
                    TrackingConfig(model=model, precision=precision, num_threads=1)  # type: ignore[arg-type]
                )
            )
            for name, (model, precision) in OURS.items()
        }
        for name, complexity in THEIRS.items():
            trackers[name] = stack.enter_context(MediaPipe(complexity))
        marks: Marks = {name: {} for name in trackers}
        timelines: Timelines = {name: {} for name in trackers}
        for clip in clips:
            for name, tracker in trackers.items():
                run = tracker.run(clip)
                marks[name][clip.name] = score(clip, run)
                timelines[name][clip.name] = timeline(judge(clip, run))
            print(f"tracked: {clip.name}", file=sys.stderr)
    return marks, timelines


def timeline(judged: Judgement) -> list[list[int]]:
    """The state of each hand in each frame."""
    states: list[list[int]] = np.where(judged.visible, 1 + judged.found, 0).tolist()
    return states


def tables(marks: Marks) -> str:
    """The totals, then a table for each score."""
    totals = {name: total(list(of_clips.values())) for name, of_clips in marks.items()}
    out = ["### All clips together\n"]
    out.append(
        markdown(
            ["tracker", *[column.title for column in COLUMNS.values()]],
            [
                [name, *[column.text(of_all) for column in COLUMNS.values()]]
                for name, of_all in totals.items()
            ],
        )
    )
    out.append("### Clip by clip\n")
    out.append("Bold: worse than MediaPipe with the same models (lite: 0, full: 1).\n")
    clips = list(next(iter(marks.values())))
    for column in COLUMNS.values():
        rows = []
        for clip in clips:
            scores = {name: marks[name][clip] for name in marks}
            if all(column.value(one) is None for one in scores.values()):
                continue
            cells = [
                f"**{column.text(one)}**"
                if name in RIVALS and column.worse(one, scores[RIVALS[name]])
                else column.text(one)
                for name, one in scores.items()
            ]
            rows.append([clip, *cells])
        margin = f"; a difference of {column.show(column.margin)} is none" if column.margin else ""
        out.append(f"**{column.title}**: {column.about}{margin}.\n")
        out.append(markdown(["clip", *marks], rows))
    return "\n".join(out)


def worse(marks: Marks) -> str:
    """A list of where the shipped models are worse than MediaPipe's."""
    lines = []
    for name in ("lite int8", "full int8"):
        for clip, ours in marks[name].items():
            theirs = marks[RIVALS[name]][clip]
            lines += [
                f"* {clip}, {name}: {column.title} {column.text(ours)}, {RIVALS[name]}"
                f" {column.text(theirs)}"
                for column in COLUMNS.values()
                if column.worse(ours, theirs)
            ]
    head = "\n### Where edgehands with the shipped models is worse\n\n"
    return head + ("\n".join(sorted(lines)) if lines else "Nowhere.") + "\n"


def made_by(settings: Settings, clips: Sequence[Clip]) -> str:
    """How the tables were made."""
    frames = sum(map(len, clips))
    quick = " --quick" if settings.quick else ""
    return (
        f"`python3 -m tools eval-tracking --write{quick}`: {len(clips)} clips of seed"
        f" {settings.seed}, {frames} frames of 640 x 480, {REQUIREMENT.replace('==', ' ')},"
        f" {cpu_name()}, one thread a model.\n\n"
    )


def cpu_name() -> str:
    """The processor's name, as given by its maker."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.split(":", maxsplit=1)[1].split())
    return platform.machine()


def plot(marks: Marks, timelines: Timelines) -> None:
    """Draw the plots; MediaPipe's environment has matplotlib, the product's doesn't."""
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "marks.json"
        data.write_bytes(
            msgspec.json.encode(
                {
                    "clips": {clip: plan(clip).about for clip in next(iter(marks.values()))},
                    "timelines": timelines,
                    "columns": {key: column.title for key, column in COLUMNS.items()},
                    "marks": {
                        name: {
                            clip: {key: c.value(one) for key, c in COLUMNS.items()}
                            for clip, one in of_clips.items()
                        }
                        for name, of_clips in marks.items()
                    },
                }
            )
        )
        script = WORKERS / "plot_tracking.py"
        subprocess.run([mediapipe_python(), script, data, PAGE.parent], check=True)
