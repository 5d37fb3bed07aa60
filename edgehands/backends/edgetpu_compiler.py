"""Runs Google's ``edgetpu_compiler``: the status of each operator, and the new models folder.

The compiler runs on x86-64 Linux only and can't be shipped with edgehands. Its output with ``-s``
is parsed; recorded outputs of versions 15 and 16 are in the tests.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgehands.backends.edgetpu import is_compiled
from edgehands.errors import BackendUnavailable, ModelCorrupt, ModelNotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edgehands.model_store import ModelSpec, ModelStore, Task

PROGRAM = "edgetpu_compiler"
MAPPED = "Mapped to Edge TPU"
"""The compiler's status of an operator that the Edge TPU will run."""

_TIMEOUT_S = 600.0
_ROW = re.compile(r"(\S+)\s+(\d+)\s{2,}(\S.*)")


@dataclass(frozen=True, slots=True)
class Operators:
    """Some operators of one kind with one status.

    Attributes:
        name: as in TensorFlow Lite, ``CONV_2D``.
        count: how many.
        status: the status that the compiler reports.
    """

    name: str
    count: int
    status: str

    @property
    def mapped(self) -> bool:
        """Whether the Edge TPU will run them."""
        return self.status == MAPPED


@dataclass(frozen=True, slots=True)
class Compilation:
    """One model in the compiler's output.

    Attributes:
        source, target: the files, as the compiler names them.
        operators: every kind of operator and its status.
        cached, streamed: parameters kept on the chip, and those fetched for each run, such as
            ``3.33MiB``.
    """

    source: str
    target: str
    operators: tuple[Operators, ...]
    cached: str
    streamed: str

    def unexpected(self, allowed: Iterable[str]) -> tuple[Operators, ...]:
        """The operators left to the CPU, except the allowed ones."""
        may = set(allowed)
        return tuple(o for o in self.operators if not o.mapped and o.name not in may)


def parse_log(text: str) -> tuple[Compilation, ...]:
    """What the compiler printed, by model; empty if it compiled none."""
    found = []
    for part in re.split(r"^Input model: ", text, flags=re.MULTILINE)[1:]:
        _, _, table = part.partition("Operator  ")
        rows = (_ROW.fullmatch(line.strip()) for line in table.splitlines()[1:])
        found.append(
            Compilation(
                source=part.splitlines()[0].strip(),
                target=_value(part, "Output model"),
                operators=tuple(Operators(r[1], int(r[2]), r[3]) for r in rows if r),
                cached=_value(part, "On-chip memory used for caching model parameters"),
                streamed=_value(
                    part, "Off-chip memory used for streaming uncached model parameters"
                ),
            )
        )
    return tuple(found)


def compilable(store: ModelStore, variant: str, tasks: Sequence[Task]) -> tuple[ModelSpec, ...]:
    """The models still to be compiled.

    Raises:
        ModelNotFound: There is none for a task.
        UsageError: One is compiled already.
    """
    specs = tuple(store.find(task, variant, "int8", "edgetpu") for task in tasks)
    for spec in specs:
        if is_compiled(store.verify(spec)):
            raise UsageError(f"{spec.file} is compiled already: nothing to do")
        if spec.input.dtype != "int8":
            raise ModelNotFound(f"{spec.file} isn't an int8 model: the Edge TPU runs no other")
    return specs


def compile_models(
    store: ModelStore, specs: Sequence[ModelSpec], folder: Path
) -> tuple[Compilation, ...]:
    """Run the compiler on these models, together: they then share the chip's memory.

    Args:
        store: where they are.
        specs: those of :func:`compilable`.
        folder: where the compiler writes.

    Raises:
        BackendUnavailable: It isn't installed, or it failed.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise BackendUnavailable(
            f"{PROGRAM} isn't installed: get it from coral.ai/docs/edgetpu/compiler (x86-64 only)"
        )
    files = [str(store.verify(spec)) for spec in specs]
    try:
        done = subprocess.run(  # noqa: S603 - our own files
            [program, "-s", "-o", str(folder), *files],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailable(f"{PROGRAM} failed ({error}): try it by hand") from error
    found = parse_log(done.stdout + done.stderr)
    if done.returncode or len(found) != len(specs):
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        told = [line for line in lines if line.startswith("Compilation failed: ")] or lines[-1:]
        why = told[0].removeprefix("Compilation failed: ") if told else f"code {done.returncode}"
        raise BackendUnavailable(f"{PROGRAM} failed ({why}): see python3 -m tools check-edgetpu")
    return found


def write_folder(
    store: ModelStore,
    pairs: Sequence[tuple[ModelSpec, Path]],
    folder: Path,
) -> None:
    """Create a models folder with everything in the store, some files replaced by compiled ones.

    Args:
        store: where the rest comes from.
        pairs: each a model and its compiled file.
        folder: must not exist yet; it is created completely or not at all.

    Raises:
        UsageError: The folder exists, or can't be written.
        ModelCorrupt: The compiler's file isn't a compiled model.
    """
    for _, path in pairs:
        if not is_compiled(path):
            raise ModelCorrupt(f"{path.name} holds no operator for the Edge TPU: nothing written")
    if folder.exists():
        raise UsageError(f"{folder} exists: give the name of a new folder")
    manifest = json.loads((store.folder / "manifest.json").read_bytes())
    compiled = {spec.file: path for spec, path in pairs}
    try:
        with tempfile.TemporaryDirectory(dir=folder.resolve().parent) as scratch:
            made = Path(scratch) / "models"
            shutil.copytree(store.folder, made)
            for entry in manifest["models"]:
                fresh = compiled.get(entry["file"])
                if fresh is None:
                    continue
                raw = fresh.read_bytes()
                (made / entry["file"]).unlink(missing_ok=True)
                (made / fresh.name).write_bytes(raw)
                entry["file"], entry["bytes"] = fresh.name, len(raw)
                entry["sha256"] = hashlib.sha256(raw).hexdigest()
            (made / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
            made.rename(folder)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}: name a place that can be written") from error


def _value(text: str, key: str) -> str:
    match = re.search(rf"^{re.escape(key)}: (.*)$", text, flags=re.MULTILINE)
    return match[1].strip() if match else ""
