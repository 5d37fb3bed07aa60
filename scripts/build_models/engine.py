"""Run graphs, or single operators of them, through LiteRT: what is measured is what ships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from .graph import Graph, Op, Tensor, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .graph import Array

QUANTISED = ("int8", "uint8", "int16")


class Runner:
    """A model ready to run, outputs in the graph's order.

    Inputs may be given as real numbers or, for quantised tensors, as the integers themselves.

    Attributes:
        size: the first input's second dimension: the side of a picture, in pixels.
    """

    def __init__(self, model: Graph | bytes, threads: int = 1) -> None:
        content = model if isinstance(model, bytes) else write(model)
        self._interpreter = Interpreter(model_content=content, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._inputs: list[Any] = self._interpreter.get_input_details()
        self._outputs: list[Any] = self._interpreter.get_output_details()
        self.size = int(self._inputs[0]["shape"][1]) if self._inputs else 0

    def __call__(self, *inputs: Array) -> list[Array]:
        """One invocation; quantised outputs are given as they are, integers."""
        for detail, value in zip(self._inputs, inputs, strict=True):
            self._interpreter.set_tensor(detail["index"], quantised_input(detail, value))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]

    def real(self, *inputs: Array) -> list[Array]:
        """One invocation; quantised outputs are given as the real numbers they stand for."""
        return [
            dequantised(value, *detail["quantization"]) if value.dtype.name in QUANTISED else value
            for detail, value in zip(self._outputs, self(*inputs), strict=True)
        ]

    def warm_up(self) -> None:
        """Run once on noise; timing on zeros could meet shortcuts."""
        rng = np.random.default_rng(0)
        self(*(rng.random(detail["shape"], np.float32) for detail in self._inputs))

    def invoke(self) -> None:
        """Run again on the inputs of the last call (for timing)."""
        self._interpreter.invoke()


def quantised_input(detail: dict[str, Any], value: Array) -> Array:
    """A value in the input tensor's own type."""
    if value.dtype == detail["dtype"]:
        return value
    if detail["dtype"] == np.float32:
        return value.astype(np.float32)
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    rounded = np.rint(value / scale) + zero_point
    return np.asarray(np.clip(rounded, limits.min, limits.max).astype(detail["dtype"]))


def dequantised(value: Array, scale: float, zero_point: int) -> Array:
    """The real numbers that integers stand for, float32."""
    return (value.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def single(graph: Graph, op: Op) -> Graph:
    """A graph of one operator: its computed inputs become the graph's inputs."""
    names = {name for name in (*op.inputs, *op.outputs) if name}
    inputs = [n for n in dict.fromkeys(op.inputs) if n and not graph.is_const(n)]
    tensors: dict[str, Tensor] = {n: t for n, t in graph.tensors.items() if n in names}
    return Graph(tensors, [op], inputs, [*op.outputs])


def run_op(graph: Graph, op: Op, values: dict[str, Array]) -> Array:
    """One operator on many samples.

    Args:
        graph: where the operator's tensors are described.
        op: an operator with one output.
        values: (N, ...) for each of its computed inputs, in the tensors' own types.

    Returns:
        (N, ...) in the output tensor's own type.
    """
    part = single(graph, op)
    runner = Runner(part)
    columns: Sequence[Array] = [values[name] for name in part.inputs]
    first = runner(*(column[:1] for column in columns))[0]
    out = np.empty((len(columns[0]), *first.shape[1:]), first.dtype)
    out[0] = first[0]
    for i in range(1, len(out)):
        out[i] = runner(*(column[i : i + 1] for column in columns))[0][0]
    return out
