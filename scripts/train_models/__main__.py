"""Teach a student: the command line."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from build_models import graph, palm_cpu

from . import data, labelled, layerwise, palm_data, plot, sources, students, weights
from .data import say
from .distil import Training
from .hands import locate
from .recipes import RECIPES, LandmarkRecipe, PalmRecipe
from .shrink import for_input, multiplications

if TYPE_CHECKING:
    from collections.abc import Callable

    from build_models.graph import Graph

    from .distil import Subject


def main() -> None:
    """Parse the command line and teach."""
    parser = argparse.ArgumentParser(prog="scripts/train_models/train", description=__doc__)
    parser.add_argument("name", choices=sorted(RECIPES), help="which student")
    parser.add_argument("--quick", action="store_true", help="a minute, to see that all works")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="photographs")
    parser.add_argument("--more", type=Path, help="further licensed photographs, hands/ negatives/")
    parser.add_argument(
        "--labelled", type=Path, nargs="*", default=[], help="folders of edgehands annotate"
    )
    parser.add_argument("--models", type=Path, default=Path("models"), help="the teachers' folder")
    parser.add_argument(
        "--begin", type=Path, help="weights to begin with, as --out gets them: NAME.npz"
    )
    parser.add_argument("--out", type=Path, default=Path(".cache/train_models"))
    parser.add_argument("--minutes", type=float, default=float("inf"), help="then stop, resumable")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = RECIPES[options.name].quick() if options.quick else RECIPES[options.name]
    teach(options.name, recipe, options)


def teach(name: str, recipe: LandmarkRecipe | PalmRecipe, options: argparse.Namespace) -> None:
    """Fit, descend, and write the student, its curve and its figures; goes on where it stopped."""
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-quick" if options.quick else name
    if isinstance(recipe, PalmRecipe):
        student, lessons, examination = palm(recipe, options)
    else:
        student, lessons, examination = landmarks(stem, recipe, options)
    say(f"{name}: {multiplications(student):.1f} million multiplications")
    training = Training(student, recipe.schedule, lessons, examination, options.device)
    checkpoint = out / f"{stem}.pt"
    if checkpoint.exists():
        training.resume(checkpoint)
    training.run(checkpoint, say, options.minutes)
    training.keep(checkpoint)
    weights.save(training.result(), out / f"{stem}.npz")
    (out / f"{stem}.json").write_text(json.dumps(asdict(training.curve), indent=1) + "\n")
    plot.curve(training.curve, out / f"{stem}.png", name)


def palm(
    recipe: PalmRecipe, options: argparse.Namespace
) -> tuple[Graph, Callable[[int], Subject], Subject]:
    """The palm student as it begins, and what it learns from and is examined by."""
    learning, examining = found(options, "palm_detection")
    if recipe.parent is None:
        student = students.palm(recipe.size, recipe.seed)
    else:
        parent = graph.read(data.teacher(options.models, "palm_detection", recipe.parent))
        palm_cpu.enlarge_last(parent)
        student = for_input(parent, recipe.size)
    if options.begin is not None:
        student = weights.load(student, options.begin)
    making = data.Making(recipe.size, tuple(student.outputs), options.out, say)
    return (
        student,
        palm_data.Renewed(recipe.learn, learning, making, recipe.schedule.lessons),
        palm_data.lesson(recipe.examine, examining, making, views=0),
    )


def landmarks(
    stem: str, recipe: LandmarkRecipe, options: argparse.Namespace
) -> tuple[Graph, Callable[[int], Subject], Subject]:
    """The landmark student, fitted layer by layer, and what it learns from and is examined by."""
    learning, examining = found(options, "hand_landmark")
    parent = graph.read(data.teacher(options.models, "hand_landmark", recipe.parent))
    student = for_input(parent, recipe.size)

    making = data.Making(recipe.size, tuple(student.outputs), options.out, say)
    fitted = options.out / f"{stem}-fitted.tflite"
    if options.begin is not None:
        fitted.write_bytes(graph.write(weights.load(student, options.begin)))
    if not fitted.exists():
        seen = data.lesson(recipe.fit, learning, making)
        pictures = (seen.large, seen.pictures)
        result = layerwise.fit(parent, student, pictures, recipe.effort, say)
        fitted.write_bytes(graph.write(result))
    # Names of tensors are those of the file from here on.
    student = graph.read(fitted)
    making = replace(making, outputs=tuple(student.outputs))
    return (
        student,
        lambda _: data.lesson(recipe.learn, learning, making),
        data.lesson(recipe.examine, examining, making),
    )


def found(options: argparse.Namespace, task: str) -> tuple[data.Found, data.Found]:
    """Hands and empty pictures to learn from, and those of held-out sources."""
    blob = data.teacher(options.models, task)
    try:
        photographs = sources.find(options.data, options.more)
    except FileNotFoundError as error:
        if not options.quick:
            raise SystemExit(str(error)) from error
        photographs = []
    squares = locate(photographs, options.out / "hands.json") if photographs else []
    folders = [options.data] if options.more is None else [options.data, options.more]
    negatives = data.pictures_without_hands(folders)
    ours = [s for s in squares if not sources.is_held_out(s.source)]
    ours += labelled.squares(options.labelled)
    theirs = [s for s in squares if sources.is_held_out(s.source)]
    return data.Found(ours, negatives[::2], blob), data.Found(theirs, negatives[1::2], blob)


if __name__ == "__main__":
    main()
