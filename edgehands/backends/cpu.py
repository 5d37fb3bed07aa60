"""Models on the CPU: LiteRT with XNNPACK, or tflite_runtime if only that is installed."""

from __future__ import annotations

import importlib
import logging
import math
import os
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from edgehands import memory
from edgehands.backends.heads import ExactHeads, find_heads
from edgehands.backends.quiet import without_greeting
from edgehands.errors import BackendUnavailable, ModelCorrupt

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from numpy.typing import NDArray

    from edgehands.backends.base import Kind
    from edgehands.model_store import InputSpec, ModelSpec, OutputSpec, Role, Task

_log = logging.getLogger(__name__)

_RUNTIMES = (
    ("ai_edge_litert", "ai_edge_litert.interpreter"),
    # Without XNNPACK for int8 and up to 20 times slower, but available on old systems.
    ("tflite_runtime", "tflite_runtime.interpreter"),
)


def load_runtime() -> tuple[str, ModuleType]:
    """Name and interpreter module of the first runtime that is installed.

    Raises:
        BackendUnavailable: there is none.
    """
    for name, module in _RUNTIMES:
        try:
            return name, importlib.import_module(module)
        except ImportError as error:
            _log.debug("%s isn't usable: %s", name, error)
    raise BackendUnavailable(
        "no TensorFlow Lite runtime: install ai-edge-litert (64-bit Python 3.11 or newer)"
    )


def default_threads(cores: int | None = None) -> int:
    """Threads for one model: half the cores, at most 4.

    The rest is for the camera, palm detection in its own thread, and other programs.
    """
    return min(4, max(1, (cores or os.cpu_count() or 1) // 2))


class CpuBackend:
    """LiteRT's interpreter.

    Args:
        num_threads: of each model; 0 = by core count.
        note: added to ``detail``: the reason for using the CPU.

    Raises:
        BackendUnavailable: neither runtime is installed.
    """

    name = "cpu"

    def __init__(self, num_threads: int = 0, *, note: str = "") -> None:
        self._note = note
        self._num_threads = num_threads or default_threads()
        self._runtime_name, self._runtime = load_runtime()

    @property
    def detail(self) -> str:
        """For people: runtime, version, threads, and why it is the CPU if not obvious."""
        version = getattr(importlib.import_module(self._runtime_name), "__version__", "")
        note = f"; {self._note}" if self._note else ""
        return f"{self._runtime_name} {version}".strip() + f", {self._num_threads} thread(s){note}"

    def kind(self, task: Task) -> Kind:  # noqa: ARG002  (the protocol's)
        """Every task runs on the CPU."""
        return "cpu"

    def close(self) -> None:
        """There is no device to release."""

    def load(self, spec: ModelSpec, path: Path) -> CpuModel:
        """Load a verified model file; :class:`ModelCorrupt` if its tensors are wrong."""
        try:
            # Only int8 models can end in heads worth computing exactly.
            layout = find_heads(path.read_bytes()) if spec.input.dtype == "int8" else None
            model = {"model_content": layout.content} if layout else {"model_path": str(path)}
            with without_greeting():
                interpreter = self._runtime.Interpreter(**model, num_threads=self._num_threads)
                interpreter.allocate_tensors()
            heads = ExactHeads(layout, interpreter, spec) if layout else None
        except (ValueError, RuntimeError, MemoryError, struct.error, IndexError) as error:
            why = memory.limit()
            if why or memory.is_shortage(error):
                raise BackendUnavailable(
                    f"{path} can't be loaded: {why or 'there is too little memory'}: give it more"
                ) from error
            raise ModelCorrupt(f"{path} can't be loaded: {error}") from error
        return CpuModel(spec, interpreter, heads)


class CpuModel:
    """One interpreter, with its crop drawn directly into the input tensor if that is int8.

    Args:
        spec: the model's entry in the manifest.
        interpreter: with the model, its tensors allocated.
        heads: its last layers, if they aren't left to the interpreter.
    """

    def __init__(self, spec: ModelSpec, interpreter: Any, heads: ExactHeads | None = None) -> None:
        self.spec = spec
        self._interpreter = interpreter
        self._heads = heads
        inputs = interpreter.get_input_details()
        outputs = interpreter.get_output_details()
        _check(spec, spec.input, inputs[0])
        for output in () if heads else spec.outputs:
            if output.index >= len(outputs):
                raise ModelCorrupt(
                    f"{spec.file} has {len(outputs)} outputs, the manifest names"
                    f" number {output.index}: restore models/ as released"
                )
            _check(spec, output, outputs[output.index])
        self._input = inputs[0]["index"]
        self._outputs: dict[Role, list[tuple[int, OutputSpec]]] = {}
        for output in () if heads else spec.outputs:
            index = outputs[output.index]["index"]
            self._outputs.setdefault(output.role, []).append((index, output))
        # A float model's pixels must be divided first, so they are drawn into another array.
        self._canvas = (
            np.zeros(spec.input.shape[1:], np.uint8) if spec.input.dtype == "float32" else None
        )

    def pixels(self) -> NDArray[np.uint8]:
        """Where the crop is drawn: (H, W, 3) uint8; the input tensor itself for int8 models."""
        if self._canvas is not None:
            return self._canvas
        pixels: NDArray[np.uint8] = self._interpreter.tensor(self._input)()[0].view(np.uint8)
        return pixels

    def run(self) -> None:
        """Convert the drawn pixels to the model's scale and execute it."""
        # The views of tensors must be gone before invoke(): it refuses to run while one exists.
        tensor = self._interpreter.tensor(self._input)()
        if self._canvas is not None:
            np.multiply(self._canvas, np.float32(1 / 255), out=tensor[0])
        else:
            # Scale 1/255 and zero point -128 mean pixel - 128, which is one flipped bit.
            bits = tensor.view(np.uint8)
            np.bitwise_xor(bits, 0x80, out=bits)
            del bits
        del tensor
        self._interpreter.invoke()
        if self._heads is not None:
            self._heads.run()

    def raw(self, role: Role) -> NDArray[Any]:
        """An output tensor's own memory, without the batch dimension: don't keep it."""
        if self._heads is not None:
            return self._heads.output(role)
        values: NDArray[Any] = self._interpreter.tensor(self._outputs[role][0][0])()[0]
        return values

    def output(self, role: Role) -> NDArray[np.float32]:
        """A copy of an output in real numbers, without the batch dimension.

        Models for the Edge TPU split coordinates into several outputs of one role.
        """
        if self._heads is not None:
            return self._heads.output(role)
        (index, spec), *more = self._outputs[role]
        total = spec.real(self._interpreter.tensor(index)()[0])
        for index, spec in more:
            total += spec.real(self._interpreter.tensor(index)()[0])
        return total


def _check(spec: ModelSpec, expected: InputSpec | OutputSpec, found: dict[str, Any]) -> None:
    shape, dtype = tuple(found["shape"].tolist()), np.dtype(found["dtype"]).name
    if shape != tuple(expected.shape) or dtype != expected.dtype:
        raise ModelCorrupt(
            f"{spec.file}: tensor '{found['name']}' is {dtype} {shape}, the manifest says"
            f" {expected.dtype} {tuple(expected.shape)}: restore models/ as released"
        )
    if expected.dtype == "int8":
        scale, zero_point = found["quantization"]
        if zero_point != expected.zero_point or not math.isclose(
            scale, expected.scale or 0.0, rel_tol=1e-5
        ):
            raise ModelCorrupt(
                f"{spec.file}: tensor '{found['name']}' has scale {scale:g} and zero point"
                f" {zero_point}, the manifest says {expected.scale} and {expected.zero_point}:"
                " restore models/ as released"
            )
