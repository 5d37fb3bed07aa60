"""`models/manifest.json`: what each model file is, whence it came, and which are the defaults."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import graph, wheel

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1

INPUT_MEANING = {
    "palm_detection": "RGB 0..1, the frame letterboxed into a square with zeros",
    "hand_landmark": "RGB 0..1, the ROI turned upright",
}
ROLES: dict[str, tuple[tuple[str, str], ...]] = {
    "palm_detection": (
        (
            "boxes",
            "(anchor, 18): centre, size, 7 key points; input pixels from the anchor's centre",
        ),
        ("scores", "(anchor, 1): logit of the score"),
    ),
    "hand_landmark": (
        ("landmarks", "21 points x, y, z in input pixels"),
        ("presence", "probability that the ROI holds a hand"),
        ("handedness", "probability of a right hand, where the image is mirrored"),
        ("world_landmarks", "21 points x, y, z in metres from the hand's geometric centre"),
    ),
}


@dataclass(frozen=True)
class Built:
    """One model file that the build made, with what the manifest says of it.

    Attributes:
        task, variant, precision: they name the file.
        contents: the file's bytes.
        backends: the backends that may run it; ``default_for`` those whose default it is.
        done: what was done to the float original, in words.
        calibration: what it was calibrated on, in words; empty where nothing was.
        why: one sentence: why it is the default, or why not.
    """

    task: str
    variant: str
    precision: str
    contents: bytes
    backends: tuple[str, ...]
    default_for: tuple[str, ...]
    done: str
    calibration: str
    why: str
    roles: tuple[tuple[str, str], ...] = field(default=())

    @property
    def file(self) -> str:
        """The model's file name."""
        return f"{self.task}_{self.variant}_{self.precision}.tflite"


def entry(built: Built) -> dict[str, Any]:
    """The manifest's entry of one model."""
    model = graph.read(built.contents)
    source = model.tensors[model.inputs[0]]
    roles = built.roles or ROLES[built.task]
    return {
        "file": built.file,
        "task": built.task,
        "variant": built.variant,
        "precision": built.precision,
        "backends": list(built.backends),
        "default_for": list(built.default_for),
        "sha256": hashlib.sha256(built.contents).hexdigest(),
        "bytes": len(built.contents),
        "input": {**_describe(source), "meaning": INPUT_MEANING[built.task]},
        "outputs": [
            {"index": i, "role": role, **_describe(model.tensors[name]), "meaning": meaning}
            for i, (name, (role, meaning)) in enumerate(zip(model.outputs, roles, strict=True))
        ],
        "provenance": {
            "wheel": wheel.FILE,
            "wheel_sha256": wheel.SHA256,
            "path": wheel.PATHS[built.task, built.variant],
            "done": built.done,
            "calibration": built.calibration or None,
        },
        "licence": "Apache-2.0",
        "why": built.why,
    }


def _describe(tensor: graph.Tensor) -> dict[str, Any]:
    quantised = tensor.scale is not None and tensor.zero_point is not None
    return {
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "scale": float(tensor.scale[0]) if quantised else None,  # type: ignore[index]
        "zero_point": int(tensor.zero_point[0]) if quantised else None,  # type: ignore[index]
    }


def check_defaults(models: list[Built]) -> None:
    """Raise ValueError unless every (task, variant, backend) in use has exactly one default."""
    wanted = {(m.task, m.variant, backend) for m in models for backend in m.backends}
    for task, variant, backend in sorted(wanted):
        defaults = [
            m.file
            for m in models
            if (m.task, m.variant) == (task, variant) and backend in m.default_for
        ]
        if len(defaults) != 1:
            raise ValueError(f"{task} {variant} on {backend} has defaults {defaults}: name one")


def save(models: list[Built], folder: Path) -> None:
    """Write the model files and the manifest; files of models that are gone are removed."""
    check_defaults(models)
    folder.mkdir(parents=True, exist_ok=True)
    for built in models:
        (folder / built.file).write_bytes(built.contents)
    for old in folder.glob("*.tflite"):
        if old.name not in {built.file for built in models}:
            old.unlink()
    text = json.dumps({"schema": SCHEMA, "models": [entry(built) for built in models]}, indent=2)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
