"""`scripts/eval_models`: every model against its float parent, as tables for people."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edgehands.geometry.roi import crop_to_frame, landmarks_roi
from edgehands.synthetic import random_scene, render_scene

from . import evaluate, failures, real_images, timing
from .engine import Runner
from .samples import crop, stray

if TYPE_CHECKING:
    from collections.abc import Callable

    from .real_images import Pixels

PARENT = "float16"
SECTIONS = ("cards", "landmarks", "speed", "operators", "palms", "truth")
SEED = 50_000
"""Synthetic scenes from here on are only judged on; calibration uses seeds below 2000."""

DARK = 0.3

PALM_HEAD = (
    "| model | frames | palms | recall | precision | key points, of the box | clear palms missed |",
    "|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Model:
    """A file of `models/` and its manifest entry."""

    entry: dict[str, Any]
    blob: bytes

    @property
    def name(self) -> str:
        """Its file name."""
        return str(self.entry["file"])

    def reader(self) -> evaluate.LandmarkReader:
        """Ready to read crops, for landmark models."""
        return evaluate.LandmarkReader(self.blob, [o["role"] for o in self.entry["outputs"]])


def main() -> None:
    """Print the tables; with --write, put them into the document."""
    parser = argparse.ArgumentParser(prog="scripts/eval_models", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--frames", type=int, default=150, help="of each kind, for palms")
    parser.add_argument(
        "--truth", type=int, default=240, help="synthetic hands for the truth table"
    )
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these tables alone")
    parser.add_argument("--write", type=Path, help="document whose tables are replaced")
    parser.add_argument("--picture", type=Path, help="draw known failures into this file instead")
    arguments = parser.parse_args()
    models = load(arguments.models)
    if arguments.picture:
        draw_failures(models, arguments.picture)
        return
    images = real_images.find(arguments.data)
    make: dict[str, Callable[[], str]] = {
        "cards": lambda: cards(models),
        "landmarks": lambda: landmark_table(models, images),
        "speed": lambda: speed_table(models),
        "operators": lambda: operator_table(models),
        "palms": lambda: palm_table(models, images, arguments.frames),
        "truth": lambda: truth_table(models, arguments.truth),
    }
    for name in arguments.only or make:
        text = make[name]()
        print(text, end="\n\n", flush=True)
        if arguments.write:
            document = arguments.write.read_text(encoding="utf-8")
            replaced = replace_section(document, name, text)
            arguments.write.write_text(replaced, encoding="utf-8")


def draw_failures(models: list[Model], path: Path, count: int = 300) -> None:
    """A picture of what the full models get wrong; ``count`` synthetic hands are looked through."""
    named = {model.name: model for model in models}
    palm = [named[f"palm_detection_full_{kind}.tflite"].blob for kind in (PARENT, "dynamic_int8")]
    hand = [named[f"hand_landmark_full_{kind}.tflite"].reader() for kind in (PARENT, "int8")]
    drawn = failures.picture((palm[0], palm[1]), (hand[0], hand[1]), count)
    cv2.imwrite(str(path), drawn[:, :, ::-1])


def cards(models: list[Model]) -> str:
    """What the manifest says of each file."""
    return "\n\n".join(
        "\n".join(
            [
                f"### {model.name}",
                "",
                f"- {_what(model.entry)}",
                f"- For {', '.join(model.entry['backends'])}; {model.entry['why']}.",
                f"- Made from `{model.entry['provenance']['path']}`:",
                f"  {model.entry['provenance']['done']}.",
                f"- Calibrated on: {model.entry['provenance']['calibration'] or 'nothing'}.",
                f"- {model.entry['bytes']:,} bytes, sha256 `{model.entry['sha256']}`.",
                f"- Licence: {model.entry['licence']}.",
            ]
        )
        for model in models
    )


def _what(entry: dict[str, Any]) -> str:
    outputs = ", ".join(f"{out['role']} {out['dtype']} {out['shape']}" for out in entry["outputs"])
    return f"Input {entry['input']['dtype']} {entry['input']['shape']}; outputs {outputs}."


def load(folder: Path) -> list[Model]:
    """All models of a folder, by its manifest."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return [Model(entry, (folder / entry["file"]).read_bytes()) for entry in manifest["models"]]


def replace_section(document: str, name: str, text: str) -> str:
    """Put a text between `<!-- name -->` and `<!-- /name -->`; ValueError where they're missing."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if begin not in document or end not in document:
        raise ValueError(f"the document has no section {name}: add {begin.strip()} and its end")
    head, rest = document.split(begin, 1)
    return head + begin + text + "\n" + end + rest.split(end, 1)[1]


def pairs(models: list[Model], task: str) -> list[tuple[Model, Model]]:
    """(float parent, model) for every model of a task that isn't a parent."""
    chosen = [m for m in models if m.entry["task"] == task]
    parents = {m.entry["variant"]: m for m in chosen if m.entry["precision"] == PARENT}
    return [(parents[m.entry["variant"]], m) for m in chosen if m.entry["precision"] != PARENT]


def landmark_table(models: list[Model], images: real_images.RealImages) -> str:
    """NME and the rest against the float parent on held-out photographs."""
    float_blobs = {
        m.entry["task"]: m.blob
        for m in models
        if m.entry["precision"] == PARENT and m.entry["variant"] == "full"
    }
    crops = real_images.crops(
        images, Runner(float_blobs["palm_detection"]), Runner(float_blobs["hand_landmark"]), SEED
    )
    dark = (crops * DARK).astype(np.uint8)
    rows = []
    for parent, model in pairs(models, "hand_landmark"):
        readers = parent.reader(), model.reader()
        e = evaluate.landmark_error(*readers, crops)
        rows.append(
            f"| {model.name} | {e.nme_mean:.2%} | {e.nme_p95:.2%} |"
            f" {evaluate.landmark_error(*readers, dark).nme_mean:.2%} | {e.world_mm:.2f} mm"
            f" | {e.presence:.4f} | {e.handedness:.1%} |"
        )
    shown = f"{len(images.people)} people's hands and {len(images.photos)} photos"
    columns = f"NME mean | p95 | mean at {DARK} of the light | world | presence | handedness agrees"
    head = [
        f"Against the float parent on {len(crops)} crops of {shown}, held out:",
        "",
        f"| model | {columns} |",
    ]
    return "\n".join([*head, "|---|---|---|---|---|---|---|", *rows])


def palm_frames(images: real_images.RealImages, count: int) -> dict[str, list[Pixels]]:
    """Frames of four kinds, so many of each: (H, W, 3) uint8."""
    return {
        "photos": real_images.photo_frames(images, count, SEED),
        "pasted": real_images.pasted_frames(images, count, SEED),
        "cut off": real_images.cut_off_frames(images, count, SEED),
        "synthetic": [_scene(SEED + i, i).image for i in range(count)],
    }


def palm_row(name: str, kind: str, e: evaluate.PalmError) -> str:
    """A line below :data:`PALM_HEAD`."""
    return (
        f"| {name} | {kind} | {e.palms} | {e.recall:.3f} | {e.precision:.3f}"
        f" | {e.keypoints:.2%} | {e.clear_missed} |"
    )


def palm_table(models: list[Model], images: real_images.RealImages, count: int) -> str:
    """Recall, precision and key points against the float parent on four kinds of frames."""
    kinds = palm_frames(images, count)
    rows = []
    for parent, model in pairs(models, "palm_detection"):
        runners = Runner(parent.blob), Runner(model.blob)
        for kind, frames in kinds.items():
            rows.append(palm_row(model.name, kind, evaluate.palm_error(*runners, frames)))
    said = (
        f"Against the float parent's detections (score 0.5, partners from 0.4) on {count}"
        " frames of each kind:"
    )
    return "\n".join([said, "", *PALM_HEAD, *rows])


def _scene(seed: int, number: int) -> Any:
    return render_scene(
        random_scene(
            seed, hands=(1, 2, 0)[number % 3], difficulty=("fair", "hard")[number // 3 % 2]
        )
    )


def truth_table(models: list[Model], count: int) -> str:
    """NME against the truth of synthetic hands: by view, skin tone and shape."""
    rng = np.random.default_rng(SEED)
    hands = []
    for i in range(count):
        scene = random_scene(2 * SEED + i, view=("palm", "back")[i % 2])
        picture = render_scene(scene)
        truth = np.asarray(picture.truth.hands[0].mediapipe.image, np.float64)
        roi = stray(landmarks_roi(truth.astype(np.float32)), rng)
        to_crop = _inverse(crop_to_frame(roi, 224))
        groups = {
            ("palm", "back")[i % 2] + " view",
            "tone " + ("0-3", "3-6", "6-9")[min(int(scene.hands[0].skin.tone / 3), 2)],
            scene.hands[0].gesture,
        }
        hands.append((crop(picture.image, roi), truth @ to_crop[:, :2].T + to_crop[:, 2], groups))
    names = sorted({g for *_, groups in hands for g in groups})
    names.sort(key=lambda n: (not n.endswith("view"), not n.startswith("tone"), n))
    landmark_models = [m for m in models if m.entry["task"] == "hand_landmark"]
    errors = {m.name: _truth_errors(m, hands) for m in landmark_models}
    head = "| synthetic hands | n | " + " | ".join(_short(m) for m in landmark_models) + " |"
    rows = [head, "|---" * (2 + len(landmark_models)) + "|"]
    for name in ["all", *names]:
        which = [i for i, (*_, groups) in enumerate(hands) if name == "all" or name in groups]
        cells = [f"{np.median(errors[m.name][which]):.1%}" for m in landmark_models]
        rows.append(f"| {name} | {len(which)} | " + " | ".join(cells) + " |")
    return "Median NME against the truth of synthetic hands (fair light):\n\n" + "\n".join(rows)


def _truth_errors(model: Model, hands: list[Any]) -> Any:
    reader = model.reader()
    return np.array(
        [
            np.linalg.norm(reader(pixels).landmarks[:, :2] - truth, axis=1).mean()
            / np.linalg.norm(truth[9] - truth[0])
            for pixels, truth, _ in hands
        ]
    )


def _inverse(affine: Any) -> Any:
    turn = np.linalg.inv(affine[:, :2])
    return np.concatenate([turn, -(turn @ affine[:, 2:])], axis=1)


def _short(model: Model) -> str:
    return f"{model.entry['variant']} {model.entry['precision']}"


def speed_table(models: list[Model]) -> str:
    """Time against the float parent, in turn, and size."""
    rows = []
    for task in ("palm_detection", "hand_landmark"):
        for parent, model in pairs(models, task):
            cells = []
            for threads in (1, 2):
                before, after = timing.whole(parent.blob, model.blob, threads)
                cells.append(f"{before:.1f} → {after:.1f} ms | {after / before:.2f} x")
            sizes = f"{len(parent.blob) / 1e6:.2f} → {len(model.blob) / 1e6:.2f} MB"
            rows.append(f"| {model.name} | " + " | ".join(cells) + f" | {sizes} |")
    head = [
        *("Float parent → model, taken in turn, medians:", ""),
        *("| model | 1 thread | | 2 threads | | file |", "|---|---|---|---|---|---|"),
    ]
    return "\n".join(head + rows)


def operator_table(models: list[Model]) -> str:
    """What each kind of operator takes, in the models of a CPU and in their float parents."""
    rows = []
    for task in ("palm_detection", "hand_landmark"):
        for parent, model in pairs(models, task):
            if "cpu" not in model.entry["backends"]:
                continue
            before, after = timing.by_kind(parent.blob, model.blob)
            cells = [f"{before[kind]:.2f} → {after[kind]:.2f}" for kind in timing.KINDS]
            rows.append(f"| {model.name} | " + " | ".join(cells) + " |")
    head = [
        *("Milliseconds, float parent → model, each operator alone, one thread:", ""),
        f"| model | {' | '.join(timing.KINDS)} |",
        "|---|" + "---|" * len(timing.KINDS),
    ]
    return "\n".join(head + rows)


if __name__ == "__main__":
    main()
