"""Count found hands in stills with known truth, and false hands in stills without any.

Shows drawn stills (every shape, palm and back, five bands of skin tone; "fair" and "hard"), and
pictures without any hand, to edgehands (lite and full, int8 and float) and to MediaPipe 0.10.21
(complexity 0 and 1, in an environment of its own), each picture alone. Prints the tables; --write
puts them into docs/tracking.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgehands import HandTracker, TrackingConfig
from edgehands.evaluation.films import MEDIAPIPE_WORKER
from edgehands.evaluation.report import markdown
from edgehands.evaluation.runner import reported
from edgehands.evaluation.stills import TONES, StillsScript, Verdict, load_stills, verdict
from edgehands.evaluation.values import ReportedHand
from edgehands.hand import Handedness
from edgehands.synthetic import GESTURES
from tools import ROOT
from tools.against_mediapipe.environment import mediapipe_python
from tools.common.page import between_markers

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgehands.evaluation.stills import Label
    from edgehands.evaluation.store import Drawn

    Verdicts = dict[str, list[Verdict]]
    """Tracker -> of each still."""

OURS = {
    "lite int8": ("lite", "auto"),
    "lite float": ("lite", "float"),
    "full int8": ("full", "auto"),
    "full float": ("full", "float"),
}
THEIRS = {"MediaPipe 0": 0, "MediaPipe 1": 1}
FINDINGS = ("found", "NME %", "right side")


@dataclass(frozen=True)
class Counted:
    """Results of many stills."""

    stills: int
    found: int
    nme: float
    right: int

    @staticmethod
    def of(verdicts: list[Verdict]) -> Counted:
        """Count them."""
        errors = [v.error for v in verdicts if v.error is not None]
        return Counted(
            len(verdicts),
            len(errors),
            float(np.mean(errors)) if errors else 0.0,
            sum(v.side is v.true_side for v in verdicts if v.error is not None),
        )

    def cell(self) -> str:
        """Share found, and NME."""
        return f"{self.found / self.stills:.1%} · {self.nme:.1%}"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--fair", type=int, default=450)
    parser.add_argument("--hard", type=int, default=300)
    parser.add_argument("--empty", type=int, default=600, help="pictures without a hand")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="into docs/tracking.md")
    parser.add_argument("--misses", type=Path, help="a folder for pictures of what wasn't found")
    args = parser.parse_args()
    scripts = [
        StillsScript("fair", args.fair, args.seed),
        StillsScript("hard", args.hard, args.seed),
        StillsScript("empty", args.empty, args.seed),
    ]
    sets = load_stills(scripts, progress=drawn)
    verdicts: dict[str, Verdicts] = {}
    for script, pictures in zip(scripts, sets, strict=True):
        hands = {name: ours(pictures, *how) for name, how in OURS.items()}
        hands |= {name: theirs(pictures, complexity) for name, complexity in THEIRS.items()}
        verdicts[script.kind] = {
            name: [verdict(pictures, i, seen) for i, seen in enumerate(of_all)]
            for name, of_all in hands.items()
        }
        print(f"looked at: {script.name}", file=sys.stderr)
        if args.misses is not None:
            show_misses(args.misses, script, pictures, verdicts[script.kind], hands)
    text = overview(verdicts)
    for script in scripts[:2]:
        text += by_label(script, verdicts[script.kind])
    print(text)
    if args.write:
        command = f"`python3 -m tools eval-stills --write`, seed {args.seed}.\n\n"
        between_markers(ROOT / "docs" / "tracking.md", "stills", command + text)
    return 0


def drawn(name: str, done: int, of: int) -> None:
    """Print the progress of drawing."""
    if done % 150 == 0 or done == of:
        print(f"drawn: {name}, {done} of {of}", file=sys.stderr)


def ours(pictures: Drawn, model: str, precision: str) -> list[tuple[ReportedHand, ...]]:
    """What edgehands finds in each picture, at default thresholds."""
    cv2.setNumThreads(1)
    config = TrackingConfig(
        model=model,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
        static_image=True,
        num_threads=1,
    )
    with HandTracker(config) as tracker:
        return [tuple(map(reported, tracker.process(np.array(i)))) for i in pictures.images]


def theirs(pictures: Drawn, complexity: int) -> list[tuple[ReportedHand, ...]]:
    """What MediaPipe finds in each picture."""
    run = subprocess.run(
        [mediapipe_python(), MEDIAPIPE_WORKER, str(complexity), "static"],
        input=f"{len(pictures.images)} {pictures.file}\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return [
        tuple(ReportedHand(np.array(h["points"]), Handedness(h["handedness"])) for h in hands)
        for hands in json.loads(run.stdout)["frames"]
    ]


def overview(verdicts: dict[str, Verdicts]) -> str:
    """One line per tracker."""
    head = ["tracker"]
    for kind in ("fair", "hard"):
        count = len(next(iter(verdicts[kind].values())))
        head += [f"{kind} ({count}): {what}" for what in FINDINGS]
    empty = len(next(iter(verdicts["empty"].values())))
    head += ["false hands, fair + hard", f"false hands, no hand in the picture ({empty})"]
    rows = []
    for name in verdicts["fair"]:
        row = [name]
        for kind in ("fair", "hard"):
            of = Counted.of(verdicts[kind][name])
            row += [
                f"{of.found / of.stills:.1%}",
                f"{of.nme * 100:.2f}",
                f"{of.right / max(1, of.found):.1%}",
            ]
        false_hands = {k: sum(v.false_hands for v in verdicts[k][name]) for k in verdicts}
        rows.append(
            [*row, str(false_hands["fair"] + false_hands["hard"]), str(false_hands["empty"])]
        )
    return markdown(head, rows) + "\n"


def by_label(script: StillsScript, verdicts: Verdicts) -> str:
    """Share found and NME by shape, by tone and by view."""
    labels = [script.label(i) for i in range(script.frames)]
    parts: dict[str, tuple[tuple[str, ...], Callable[[Label], str]]] = {
        "shape": (GESTURES, lambda label: label.gesture),
        "skin tone": (TONES, lambda label: label.tone),
        "view": (("palm", "back"), lambda label: label.view),
    }
    text = ""
    for part, (values, of) in parts.items():
        rows = []
        for value in values:
            which = [i for i, label in enumerate(labels) if of(label) == value]
            cells = [Counted.of([all_of[i] for i in which]).cell() for all_of in verdicts.values()]
            rows.append([value, str(len(which)), *cells])
        head = [f"{script.kind}: {part}", "stills", *verdicts]
        text += markdown(head, rows) + "\n"
    return text


def show_misses(
    folder: Path,
    script: StillsScript,
    pictures: Drawn,
    verdicts: Verdicts,
    hands: dict[str, list[tuple[ReportedHand, ...]]],
) -> None:
    """Write the pictures on which the shipped models fail, with their reports."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("lite int8", "full int8"):
        for i, one in enumerate(verdicts[name]):
            if not one.false_hands and (one.true_side is None or one.error is not None):
                continue
            image = np.ascontiguousarray(pictures.images[i][..., ::-1])
            for hand in hands[name][i]:
                for x, y in hand.points:
                    cv2.circle(image, (round(x), round(y)), 3, (0, 0, 255), -1, cv2.LINE_AA)
            label = script.label(i)
            what = "false" if one.false_hands else "missed"
            file = (
                f"{script.kind}-{what}-{name}-{i}-{label.gesture}-{label.view}-{label.tone[0]}.jpg"
            )
            cv2.imwrite(str(folder / file.replace(" ", "-")), image)
