"""Give all channels of a tensor the same range, without changing what the graph computes.

A per-tensor int8 scale wastes its steps on channels that are much smaller than the largest. A
channel may be scaled freely where the next operators can undo it in their weights:

* behind RELU6: relu6(s·x) = s·relu6(x) as long as s·x stays below 6, so s = 6 / (1.05 · maximum);
* on a residual stream (no activation): any s, shared by all tensors that ADD or MAX_POOL joins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .graph import NONE, RELU6, Graph, Op

if TYPE_CHECKING:
    from .graph import Array

HEADROOM = 1.05
"""A channel may exceed the largest value seen in calibration by this much before RELU6 clips it."""


def scale_output(graph: Graph, op: Op, factors: Array) -> None:
    """Multiply a convolution's output channels, by its weights and bias."""
    weights, bias = op.inputs[1], op.inputs[2]
    axis = 3 if op.kind == "DEPTHWISE_CONV_2D" else 0
    shape = [1] * graph.const(weights).ndim
    shape[axis] = -1
    graph.tensors[weights].data = graph.const(weights) * factors.reshape(shape).astype(np.float32)
    graph.tensors[bias].data = graph.const(bias) * factors.astype(np.float32)


def unscale_input(graph: Graph, op: Op, factors: Array) -> None:
    """Divide what a convolution reads, by its weights, to undo :func:`scale_output`."""
    weights = op.inputs[1]
    graph.tensors[weights].data = (graph.const(weights) / factors).astype(np.float32)


def equalise_relu6(graph: Graph, maxima: dict[str, Array], cap: float) -> None:
    """Raise every RELU6 channel to nearly 6, in place.

    Args:
        graph: float graph.
        maxima: largest value of each channel seen in calibration, by tensor.
        cap: largest factor; a channel that hardly ever speaks would otherwise be blown up.
    """
    for op in graph.ops:
        if op.options.get("fusedActivationFunction") != RELU6 or op.outputs[0] in graph.outputs:
            continue
        readers = graph.consumers(op.outputs[0])
        if not all(r.kind in {"CONV_2D", "DEPTHWISE_CONV_2D"} for r in readers):
            continue
        factors = np.clip(6 / (HEADROOM * np.maximum(maxima[op.outputs[0]], 1e-6)), 1.0, cap)
        scale_output(graph, op, factors)
        for reader in readers:
            unscale_input(graph, reader, factors)


def streams(graph: Graph) -> list[set[str]]:
    """Groups of tensors that ADD and MAX_POOL join and only convolutions write and read."""
    groups: dict[str, set[str]] = {}
    for op in graph.ops:
        if op.kind == "CONV_2D" and op.options["fusedActivationFunction"] == NONE:
            groups.setdefault(op.outputs[0], {op.outputs[0]})
        elif op.kind in {"ADD", "MAX_POOL_2D"}:
            joined: set[str] = set()
            for name in (*op.inputs, *op.outputs):
                joined |= groups.get(name, {name})
            for name in joined:
                groups[name] = joined
    unique = {id(group): group for group in groups.values()}.values()
    return [group for group in unique if _is_free(graph, group)]


def _is_free(graph: Graph, group: set[str]) -> bool:
    for name in group:
        producer = graph.producer(name)
        if producer is None or producer.kind not in {"CONV_2D", "ADD", "MAX_POOL_2D"}:
            return False
        if producer.options["fusedActivationFunction"] != NONE or name in graph.outputs:
            return False
        inside = {"ADD", "MAX_POOL_2D"}
        if any(r.kind not in {*inside, "CONV_2D"} for r in graph.consumers(name)):
            return False
    return True


def _floored(largest: Array) -> Array:
    return np.asarray(np.maximum(largest, 1e-3 * largest.max()))


def equalise_streams(graph: Graph, extremes: dict[str, Array], power: float, cap: float) -> None:
    """Bring the channels of each residual stream nearer to one range, in place.

    Args:
        graph: float graph.
        extremes: largest absolute value of each channel seen in calibration, by tensor.
        power: 0 leaves the channels alone, 1 makes them equal.
        cap: largest factor, and 1 over the smallest.
    """
    for group in streams(graph):
        largest = np.max([extremes[name] for name in sorted(group)], axis=0)
        largest = _floored(largest)
        factors = np.clip((largest.max() / largest) ** power, 1 / cap, cap)
        for op in graph.ops:
            if op.kind != "CONV_2D":
                continue
            if op.outputs[0] in group:
                scale_output(graph, op, factors)
            if op.inputs[0] in group:
                unscale_input(graph, op, factors)
