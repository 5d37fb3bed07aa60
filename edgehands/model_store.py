"""Finds, describes and verifies the model files according to the manifest.

The files are in ``models/`` of a checkout or inside the installed package; the environment variable
``EDGEHANDS_MODELS`` sets another folder.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from edgehands.errors import ModelCorrupt, ModelNotFound
from edgehands.files import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Task = Literal["palm_detection", "hand_landmark"]
Role = Literal["landmarks", "presence", "handedness", "world_landmarks", "boxes", "scores"]

MANIFEST_SCHEMA = 1

MAX_MANIFEST_BYTES = 1_000_000
MAX_MODEL_BYTES = 100_000_000
"""Larger files can't be ours."""


class InputSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The one input of a model: RGB, 0..1, as float32 or as int8 of ``scale``, ``zero_point``."""

    shape: tuple[int, ...]
    dtype: Literal["float32", "int8"]
    scale: float | None = None
    zero_point: int | None = None
    meaning: str = ""


class OutputSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One output tensor: its meaning, and how its integers are dequantised."""

    index: int
    role: Role
    shape: tuple[int, ...]
    dtype: Literal["float32", "int8"]
    scale: float | None = None
    zero_point: int | None = None
    meaning: str = ""

    def real(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """A float32 copy of the tensor's values, or of some of them, integers dequantised."""
        real = values.astype(np.float32)
        if self.scale is not None and self.zero_point is not None:
            real -= np.float32(self.zero_point)
            real *= np.float32(self.scale)
        return real

    def quantised(self, real: float) -> float:
        """A real number in the tensor's scale, not rounded."""
        if self.scale is None or self.zero_point is None:
            return real
        return real / self.scale + self.zero_point


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The manifest's entry for one model file."""

    file: str
    task: Task
    variant: Literal["lite", "full"]
    precision: str
    backends: tuple[str, ...]
    default_for: tuple[str, ...]
    sha256: str
    bytes: int
    input: InputSpec
    outputs: tuple[OutputSpec, ...]
    licence: str
    why: str = ""
    provenance: dict[str, msgspec.Raw] = {}

    def output(self, role: Role) -> OutputSpec:
        """The output with this role; :class:`ModelCorrupt` if the model has none."""
        for output in self.outputs:
            if output.role == role:
                return output
        raise ModelCorrupt(f"{self.file} has no output '{role}': restore models/ as released")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``models/manifest.json``."""

    schema: int
    models: tuple[ModelSpec, ...]


class ModelStore:
    """The model files of one folder.

    Args:
        folder: holds ``manifest.json`` and the files it names; None searches
            ``EDGEHANDS_MODELS``, in the installed package, then in the checkout.

    Raises:
        ModelNotFound: there is no such folder or no manifest in it.
        ModelCorrupt: the manifest can't be parsed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or _default_folder()
        path = self.folder / "manifest.json"
        try:
            raw = read_bounded(path, MAX_MANIFEST_BYTES)
            self.manifest = msgspec.json.decode(raw, type=Manifest)
        except OSError as error:
            raise ModelNotFound(
                f"no model manifest at {path}: reinstall edgehands or set EDGEHANDS_MODELS"
            ) from error
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ModelCorrupt(f"{path}: {error}: restore models/ as released") from error
        if self.manifest.schema != MANIFEST_SCHEMA:
            raise ModelCorrupt(
                f"{path} has schema {self.manifest.schema}, this edgehands reads {MANIFEST_SCHEMA}:"
                " install matching models"
            )

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self.manifest.models)

    def has(self, spec: ModelSpec) -> bool:
        """Whether the model's file exists, whatever it contains."""
        return (self.folder / spec.file).exists()

    def expected(self) -> tuple[ModelSpec, ...]:
        """The models that should exist.

        Packages leave out those for the Edge TPU only: no device can use them before Google's
        compiler has compiled them.
        """
        return tuple(s for s in self.manifest.models if s.backends != ("edgetpu",) or self.has(s))

    def find(self, task: Task, variant: str, precision: str, backend: str) -> ModelSpec:
        """The model for a task.

        Args:
            task: palm detection or hand landmark.
            variant: ``lite`` or ``full``.
            precision: ``auto`` for the manifest's default, ``float`` or ``int8``.
            backend: the backend that will execute it.

        Raises:
            ModelNotFound: the manifest has none.
        """
        fitting = [
            spec
            for spec in self.manifest.models
            if spec.task == task and spec.variant == variant and backend in spec.backends
        ]
        for spec in fitting:
            if precision == "auto":
                if backend in spec.default_for:
                    return spec
            elif spec.precision.startswith("float") == (precision == "float"):
                return spec
        have = ", ".join(sorted({spec.precision for spec in fitting})) or "none"
        raise ModelNotFound(
            f"no {task} model '{variant}' in precision '{precision}' for backend '{backend}'"
            f" (there is: {have}): choose another tracking.precision or tracking.model"
        )

    def verify(self, spec: ModelSpec) -> Path:
        """Path of a model's file, after checking its sha256 against the manifest.

        Raises:
            ModelNotFound: the file is missing.
            ModelCorrupt: its bytes aren't the released ones.
        """
        path = self.folder / spec.file
        if path.name != spec.file:
            raise ModelCorrupt(
                f'{self.folder}/manifest.json names "{spec.file[:100]}", not a file beside it:'
                " restore models/ as released"
            )
        try:
            digest = hashlib.sha256(read_bounded(path, MAX_MODEL_BYTES)).hexdigest()
        except OSError as error:
            remedy = (
                "name the folder models/ of the source in EDGEHANDS_MODELS, packages leave it out"
                if spec.backends == ("edgetpu",)
                else "restore models/ as released"
            )
            raise ModelNotFound(f"no model file {path}: {remedy}") from error
        if digest != spec.sha256:
            raise ModelCorrupt(
                f"{path} has sha256 {digest[:12]}…, the manifest says {spec.sha256[:12]}…:"
                " the file is damaged, restore it as released"
            )
        return path


def _default_folder() -> Path:
    chosen = os.environ.get("EDGEHANDS_MODELS")
    if chosen:
        return Path(chosen)
    package = Path(__file__).resolve().parent
    installed = package / "_models"
    return installed if installed.is_dir() else package.parent / "models"
