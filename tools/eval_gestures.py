"""Measure how well gestures, taught gestures and the hand's pose are recognised.

Prints the figures of docs/gestures.md and docs/pose.md, class by class.

Real hands are read from the folder of images beside the checkout (``--data``); where it isn't,
those parts are left out and say so. Synthetic hands are drawn as they are needed and kept under
``.cache/gestures``; their seeds (from 5, 6 and 8 million) are used for nothing else, least of all
for fitting (fit-gestures and fit-pose have seeds of their own).

    python3 -m tools eval-gestures                          # all; about 12 minutes on two cores
    python3 -m tools eval-gestures --parts digits,photos,taught
    python3 -m tools eval-gestures --count 20 --parts synthetic
    python3 -m tools eval-gestures --write                  # also docs/gestures-confusion.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tools import ROOT
from tools.gestures.cost import say_cost
from tools.gestures.place import say_pose
from tools.gestures.real import Eyes, digit_hands, say_digits, say_photos, say_taught
from tools.gestures.still import say_still
from tools.gestures.synthetic import say_synthetic

PARTS = ("digits", "taught", "photos", "synthetic", "still", "pose", "cost")


def evaluate(eyes: Eyes, parts: set[str], options: argparse.Namespace) -> None:
    """Print the parts one after the other."""
    real = parts & {"digits", "taught", "photos"}
    if real and not options.data.is_dir():
        print(f"{', '.join(sorted(real))}: left out, there is no folder of real images (--data)")
        real = set()
    if real & {"digits", "taught"}:
        found = digit_hands(eyes, options.data)
        if "digits" in real:
            say_digits(found)
        if "taught" in real:
            say_taught(found)
    if "photos" in real:
        say_photos(eyes, options.data)
    if "synthetic" in parts:
        say_synthetic(options.model, options.count, write=options.write)
    if "still" in parts:
        say_still(options.model)
    if "pose" in parts:
        say_pose(options.model, max(options.count // 4, 5))
    if "cost" in parts:
        say_cost()


def main() -> int:
    """Evaluate the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--count", type=int, default=100, help="drawn hands a class and view")
    parser.add_argument("--model", choices=("lite", "full"), default="full")
    parser.add_argument("--write", action="store_true", help="write the confusion picture")
    options = parser.parse_args()
    parts = set(options.parts.split(","))
    if parts - set(PARTS):
        unknown = ", ".join(sorted(parts - set(PARTS)))
        parser.error(f"unknown part {unknown}: give some of {', '.join(PARTS)}")
    eyes = Eyes(options.model)
    try:
        evaluate(eyes, parts, options)
    finally:
        eyes.close()
    return 0
