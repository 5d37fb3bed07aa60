"""The palm model for a processor: which of its convolutions are worth int8, and one rewriting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .graph import Op, Tensor

if TYPE_CHECKING:
    from .graph import Graph

INT8_SHAPES = {(24, 128, 128), (12, 256, 256), (12, 256, 128)}
"""Side, channels in and channels out of the pointwise convolutions that become int8.

At 96 x 96 quantising the input takes longer than int8 wins; at 48 x 48 and 6 x 6, where channels
become more, and in the heads it wins little and costs as much accuracy as elsewhere. Behind the
last enlarging nothing is int8: those two convolutions' errors go straight into the key points.
"""


def enlarge_last(graph: Graph) -> None:
    """Let the pointwise convolution behind each RESIZE_BILINEAR run before it, in place.

    Enlarging weighs pixels with shares that add up to 1 and a pointwise convolution weighs
    channels, so the order doesn't change the result, and a quarter of the pixels is convolved.
    """
    for i, op in [*enumerate(graph.ops)]:
        if op.kind != "RESIZE_BILINEAR":
            continue
        following = graph.ops[i + 1]
        if not is_pointwise(graph, following) or following.inputs[0] != op.outputs[0]:
            raise ValueError(f"{op.outputs[0]}: no pointwise convolution follows the enlarging")
        small, wide = op.outputs[0], following.outputs[0]
        source = graph.tensors[op.inputs[0]].shape
        graph.tensors[small] = Tensor((*source[:3], graph.tensors[wide].shape[3]))
        following.inputs[0], following.outputs = op.inputs[0], [small]
        op.inputs[0], op.outputs = small, [wide]
        graph.ops[i], graph.ops[i + 1] = following, op


def is_pointwise(graph: Graph, op: Op) -> bool:
    """Whether it is a 1 x 1 convolution."""
    return op.kind == "CONV_2D" and graph.tensors[op.inputs[1]].shape[1:3] == (1, 1)


def worth_int8(graph: Graph) -> frozenset[str]:
    """The outputs of the pointwise convolutions that are to be int8, after the rewriting."""
    last = max(i for i, op in enumerate(graph.ops) if op.kind == "RESIZE_BILINEAR")
    return frozenset(
        op.outputs[0]
        for op in graph.ops[:last]
        if is_pointwise(graph, op)
        and (
            graph.tensors[op.inputs[0]].shape[1],
            graph.tensors[op.inputs[0]].shape[3],
            graph.tensors[op.outputs[0]].shape[3],
        )
        in INT8_SHAPES
    )


def halve_constants(graph: Graph) -> None:
    """Store constants as float16 behind DEQUANTIZE, as MediaPipe's files do, in place.

    Only those that float16 holds exactly: the result is the same.
    """
    operators: list[Op] = []
    for name, tensor in [*graph.tensors.items()]:
        if tensor.data is None or tensor.dtype != "float32":
            continue
        half = tensor.data.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), tensor.data):
            continue
        short = f"{name}_half"
        graph.tensors[short] = Tensor(tensor.shape, "float16", half)
        graph.tensors[name] = Tensor(tensor.shape)
        operators.append(Op("DEQUANTIZE", [short], [name], {}, 1))
    graph.ops = operators + graph.ops
