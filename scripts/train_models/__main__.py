"""Teach a student: the command line."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from build_models import graph

from . import data, layerwise, plot, sources
from .distil import Training
from .hands import locate
from .recipes import RECIPES, Recipe
from .shrink import for_input, multiplications


def main() -> None:
    """Parse the command line and teach."""
    parser = argparse.ArgumentParser(prog="scripts/train_models/train", description=__doc__)
    parser.add_argument("name", choices=sorted(RECIPES), help="which student")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that all works")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="photographs")
    parser.add_argument("--more", type=Path, help="further licensed photographs, hands/ negatives/")
    parser.add_argument("--models", type=Path, default=Path("models"), help="the teachers' folder")
    parser.add_argument("--out", type=Path, default=Path(".cache/train_models"))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="then stop, resumable")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = RECIPES[options.name].quick() if options.quick else RECIPES[options.name]
    teach(options.name, recipe, options)


def teach(name: str, recipe: Recipe, options: argparse.Namespace) -> None:
    """Fit, descend, and write the student, its curve and its figures; goes on where it stopped."""
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    blob = data.teacher(options.models)
    try:
        photographs = sources.find(options.data, options.more)
    except FileNotFoundError as error:
        if not options.quick:
            raise SystemExit(str(error)) from error
        photographs = []
    squares = locate(photographs, out / "hands.json") if photographs else []
    negatives = data.pictures_without_hands(options.more)
    learning = data.Found(
        [s for s in squares if not sources.is_held_out(s.source)], negatives[::2], blob
    )
    examining = data.Found(
        [s for s in squares if sources.is_held_out(s.source)], negatives[1::2], blob
    )
    stem = f"{name}-quick" if options.quick else name
    fitted = out / f"{stem}-fitted.tflite"
    if not fitted.exists():
        lesson = data.lesson(recipe.fit, recipe.size, learning, out, say)
        parent = graph.read(data.teacher(options.models, recipe.parent))
        student = for_input(parent, recipe.size)
        pictures = (lesson.large, lesson.pictures)
        result = layerwise.fit(parent, student, pictures, recipe.effort, say)
        fitted.write_bytes(graph.write(result))
    student = graph.read(fitted)
    say(f"{name}: {multiplications(student):.1f} million multiplications")
    lessons = (
        data.lesson(recipe.learn, recipe.size, learning, out, say),
        data.lesson(recipe.examine, recipe.size, examining, out, say),
    )
    training = Training(student, recipe.schedule, lessons, options.device)
    checkpoint = out / f"{stem}.pt"
    if checkpoint.exists():
        training.resume(checkpoint)
    training.run(checkpoint, say, options.minutes)
    training.keep(checkpoint)
    (out / f"{stem}.json").write_text(json.dumps(asdict(training.curve), indent=1) + "\n")
    plot.curve(training.curve, out / f"{stem}.png", name)


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
