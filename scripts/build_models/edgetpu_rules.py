"""What the Edge TPU needs of a model, as far as Google documents it.

Source: "TensorFlow models on the Edge TPU" (coral.ai/docs/edgetpu/models-intro), the tables of
supported operations and of model requirements; operator versions as the last compiler (16.0)
accepts them, by reports to google-coral/edgetpu (issues 31, 396, 420). Whether an operator is
mapped is the compiler's own decision in the end: this finds what is known to stop it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .graph import NONE, Graph, Op

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE_BYTES = 7_500_000
"""What palm and landmark model may take together: 8 MB of cache less the compiler's share."""

VERSIONS: dict[str, int] = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 4,
    "LOGISTIC": 2,
    "MAXIMUM": 2,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "MINIMUM": 2,
    "MUL": 2,
    "PAD": 2,
    "PRELU": 1,
    "QUANTIZE": 2,
    "RELU": 2,
    "RELU6": 2,
    "RESHAPE": 1,
    "RESIZE_BILINEAR": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2,
    "SLICE": 2,
    "STRIDED_SLICE": 2,
    "SUB": 2,
    "TRANSPOSE_CONV": 2,
}
"""Operators that the Edge TPU knows, with the newest version that its compiler takes."""

NO_ACTIVATION = {"AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION"}


@dataclass(frozen=True)
class Finding:
    """One thing that keeps an operator or a tensor off the Edge TPU."""

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


def check(graph: Graph) -> list[Finding]:
    """Everything that is wrong with a model; empty when it is ready to compile."""
    found = [*_tensors(graph)]
    for number, op in enumerate(graph.ops):
        found.extend(_operator(graph, op, f"{op.kind} {number} ({op.outputs[0]})"))
    return found


def parameter_bytes(graph: Graph) -> int:
    """Constants that would lie in the Edge TPU's cache."""
    return sum(t.data.nbytes for t in graph.tensors.values() if t.data is not None)


def multiply_adds(graph: Graph) -> int:
    """Multiplications of all convolutions for one picture: what its speed depends on."""
    total = 0
    for op in graph.ops:
        if op.kind in {"CONV_2D", "DEPTHWISE_CONV_2D"}:
            places = int(np.prod(graph.tensors[op.outputs[0]].shape[1:3]))
            total += places * int(np.prod(graph.tensors[op.inputs[1]].shape))
    return total


def largest_tensor(graph: Graph) -> int:
    """Values of the largest tensor that an operator writes."""
    sizes = [int(np.prod(graph.tensors[op.outputs[0]].shape)) for op in graph.ops]
    return max(sizes, default=0)


def _tensors(graph: Graph) -> Iterator[Finding]:
    for name, tensor in graph.tensors.items():
        where = f"tensor {name}"
        if tensor.data is None or tensor.dtype not in {"int32", "int64"}:
            if tensor.dtype not in {"int8", "uint8"}:
                yield Finding(where, f"is {tensor.dtype}: every tensor must be int8")
            elif tensor.scale is None:
                yield Finding(where, "has no scale")
        if any(size < 1 for size in tensor.shape):
            yield Finding(where, f"has shape {tensor.shape}: all sizes must be fixed")
        if len(tensor.shape) > 3 and tensor.data is None and np.prod(tensor.shape[:-3]) != 1:
            yield Finding(where, f"has shape {tensor.shape}: only the last three may exceed 1")
        if tensor.scale is not None and len(tensor.scale) > 1 and tensor.data is None:
            yield Finding(where, "has a scale for each channel: only weights may")


def _operator(graph: Graph, op: Op, where: str) -> Iterator[Finding]:
    newest = VERSIONS.get(op.kind)
    if newest is None:
        yield Finding(where, "the Edge TPU doesn't know this operator")
        return
    if op.version > newest:
        yield Finding(where, f"has version {op.version}: the compiler takes up to {newest}")
    if op.kind in NO_ACTIVATION and op.options.get("fusedActivationFunction", NONE) != NONE:
        yield Finding(where, "has a fused activation: none is allowed here")
    yield from _weights(graph, op, where)
    yield from _special(graph, op, where)


def _weights(graph: Graph, op: Op, where: str) -> Iterator[Finding]:
    axes = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
    if op.kind not in axes:
        return
    weights, bias = graph.tensors[op.inputs[1]], graph.tensors[op.inputs[2]]
    source = graph.tensors[op.inputs[0]]
    if weights.scale is None or bias.scale is None or source.scale is None:
        return
    if len(weights.scale) > 1:
        if op.kind == "FULLY_CONNECTED":
            yield Finding(where, "has a scale for each row: use a 1x1 CONV_2D instead")
        if weights.axis != axes[op.kind]:
            yield Finding(where, f"has its scales on axis {weights.axis}, not {axes[op.kind]}")
    if weights.zero_point is not None and np.any(weights.zero_point != 0):
        yield Finding(where, "has weights whose zero point isn't 0")
    if bias.dtype != "int32" or not np.allclose(bias.scale, weights.scale * source.scale, 1e-4):
        yield Finding(where, "has a bias whose scale isn't input scale x weight scale")
    if op.options.get("dilationWFactor", 1) != op.options.get("dilationHFactor", 1):
        yield Finding(where, "has different dilations in x and y")
    if op.kind == "FULLY_CONNECTED" and np.prod(graph.tensors[op.outputs[0]].shape[:-1]) != 1:
        yield Finding(where, "has an output of more than one dimension")


def _special(graph: Graph, op: Op, where: str) -> Iterator[Finding]:
    if op.kind == "PRELU":
        alpha = graph.tensors[op.inputs[1]]
        if alpha.shape[:-1] != (1,) * (len(alpha.shape) - 1):
            yield Finding(where, f"has alpha {alpha.shape}: only its last size may exceed 1")
    elif op.kind.startswith("RESIZE"):
        if op.options.get("halfPixelCenters"):
            yield Finding(where, "has half-pixel centres: the compiler knows none")
        if op.options.get("alignCorners"):
            yield Finding(where, "has aligned corners: may not be mapped")
    elif op.kind in {"MEAN", "PAD", "CONCATENATION"}:
        yield from _axes(graph, op, where)
    elif op.kind == "LOGISTIC":
        out = graph.tensors[op.outputs[0]]
        if out.scale is not None and not np.allclose(out.scale, 1 / 256, 1e-4):
            yield Finding(where, "has an output scale that isn't 1/256")


def _axes(graph: Graph, op: Op, where: str) -> Iterator[Finding]:
    if op.kind == "MEAN":
        axes = graph.const(op.inputs[1]).reshape(-1).tolist()
        if not set(axes) <= {1, 2}:
            yield Finding(where, f"reduces axes {axes}: only x and y may be")
    elif op.kind == "PAD":
        amounts = graph.const(op.inputs[1])
        if np.any(amounts[0] != 0):
            yield Finding(where, "pads the batch")
        if np.any(amounts[3] != 0):
            yield Finding(where, "pads channels: documented for x and y only")
    elif op.options["axis"] == 0:
        yield Finding(where, "joins batches")
