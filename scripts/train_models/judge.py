"""Judge a palm student on pictures that nobody learned from: ``scripts/train_models/judge``.

Palms are compared with those of MediaPipe's full model, beside those of its lite one: on
photographs of held-out sources, and on frames of films where a folder of films is named.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from build_models import report
from build_models.engine import Runner
from build_models.evaluate import PalmError, palm_error

from . import hands, sources

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

EVERY = 15
"""Of so many frames of a film one is looked at."""

FILMS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi"})


def main() -> None:
    """Print the tables; with --write, put them into the document."""
    parser = argparse.ArgumentParser(prog="scripts/train_models/judge", description=__doc__)
    parser.add_argument("student", type=Path, help="a student: NAME.tflite as train leaves it")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="photographs")
    parser.add_argument("--films", type=Path, help="films to judge palms on too")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--write", type=Path, help="document whose section `students` is replaced")
    options = parser.parse_args()
    kinds = {"photographs": photographs(options.data)}
    if options.films is not None:
        kinds["films"] = film_frames(options.films)
    text = palm_table(options.models, options.student, kinds)
    print(text)
    if options.write:
        document = options.write.read_text(encoding="utf-8")
        options.write.write_text(
            report.replace_section(document, "students", text), encoding="utf-8"
        )


def photographs(folder: Path) -> list[Pixels]:
    """Those of held-out sources, whole."""
    found = [
        hands.read(photograph.path, margin=False)
        for photograph in sources.find(folder)
        if photograph.held_out
    ]
    return [image for image in found if image is not None]


def film_frames(folder: Path) -> list[Pixels]:
    """Every so many frames of all films of a folder."""
    frames: list[Pixels] = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in FILMS:
            continue
        film = cv2.VideoCapture(str(path))
        number = 0
        while film.grab():
            if number % EVERY == 0:
                got, image = film.retrieve()
                if got:
                    frames.append(np.ascontiguousarray(image[:, :, ::-1], np.uint8))
            number += 1
        film.release()
    return frames


def palm_table(models: Path, student: Path, kinds: dict[str, list[Pixels]]) -> str:
    """Palms of MediaPipe's lite model and of a student against its full one."""
    loaded = {model.name: model for model in report.load(models)}
    full, lite = (loaded[f"palm_detection_{v}_{report.PARENT}.tflite"] for v in ("full", "lite"))
    rows = []
    for name, frames in kinds.items():
        for label, blob in (("MediaPipe lite", lite.blob), (student.stem, student.read_bytes())):
            error = palm_error(Runner(full.blob), Runner(blob), frames)
            rows.append(_row(f"{name} ({len(frames)})", label, error))
    return "\n".join(
        [
            "Palms against MediaPipe full's (score 0.5, partners from 0.4), held-out sources:",
            "",
            "| pictures | model | palms | recall | precision | key points, of the box, median |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


def _row(pictures: str, model: str, error: PalmError) -> str:
    return (
        f"| {pictures} | {model} | {error.palms} | {error.recall:.3f} | {error.precision:.3f} |"
        f" {error.keypoints_median:.1%} |"
    )


if __name__ == "__main__":
    main()
