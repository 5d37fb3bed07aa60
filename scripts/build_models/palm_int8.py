"""What int8 hardware needs of the palm model: a resize that it knows, and outputs of one scale.

Bilinear doubling with half-pixel centres becomes: repeat each pixel, repeat the border, blur with
(1 2 1) / 4 both ways. Inside and at the border that is the same arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .graph import NONE, VALID, Graph, Op, Tensor

if TYPE_CHECKING:
    from .graph import Array

_CONV = {
    "padding": VALID, "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1,
    "fusedActivationFunction": NONE,
}  # fmt: skip
BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16

LOGIT_RANGE = (-8.0, 8.0)
"""Scores outside are as good as 0 and 1."""


def doubled(graph: Graph, op: Op) -> list[Op]:
    """RESIZE_BILINEAR by 2 as nearest neighbour, border repeated, blur."""
    source, out = op.inputs[0], op.outputs[0]
    _, height, width, channels = graph.tensors[out].shape
    big = f"{out}_repeated"
    graph.tensors[big] = Tensor((1, height, width, channels))
    options = {"alignCorners": False, "halfPixelCenters": False}
    ops = [Op("RESIZE_NEAREST_NEIGHBOR", [source, op.inputs[1]], [big], options, 2)]
    tall = _border_repeated(graph, ops, big, axis=1)
    wide = _border_repeated(graph, ops, tall, axis=2)
    weights = np.broadcast_to(BLUR[None, :, :, None], (1, 3, 3, channels))
    graph.tensors[f"{out}_blur"] = _constant(weights)
    graph.tensors[f"{out}_zero"] = _constant(np.zeros(channels))
    inputs = [wide, f"{out}_blur", f"{out}_zero"]
    ops.append(Op("DEPTHWISE_CONV_2D", inputs, [out], {**_CONV, "depthMultiplier": 1}))
    return ops


def _border_repeated(graph: Graph, ops: list[Op], name: str, axis: int) -> str:
    shape = list(graph.tensors[name].shape)
    last = shape[axis] - 1
    parts = []
    for side, at in (("first", 0), ("last", last)):
        begin, size = [0, 0, 0, 0], [*shape]
        begin[axis], size[axis] = at, 1
        part = f"{name}_{side}{axis}"
        graph.tensors[f"{part}_begin"] = Tensor((4,), "int32", np.array(begin, np.int32))
        graph.tensors[f"{part}_size"] = Tensor((4,), "int32", np.array(size, np.int32))
        graph.tensors[part] = Tensor(tuple(size))
        ops.append(Op("SLICE", [name, f"{part}_begin", f"{part}_size"], [part], {}, 1))
        parts.append(part)
    joined = f"{name}_border{axis}"
    shape[axis] += 2
    graph.tensors[joined] = Tensor(tuple(shape))
    options = {"axis": axis, "fusedActivationFunction": NONE}
    ops.append(Op("CONCATENATION", [parts[0], name, parts[1]], [joined], options))
    return joined


def _constant(values: Array) -> Tensor:
    data = np.ascontiguousarray(values, np.float32)
    return Tensor(data.shape, "float32", data)


def shared_ranges(graph: Graph, boxes: tuple[float, float]) -> dict[str, tuple[float, float]]:
    """Ranges of the outputs and all that is joined into them: CONCATENATION may not rescale."""
    ranges: dict[str, tuple[float, float]] = {}
    for output, limits in zip(graph.outputs, (boxes, LOGIT_RANGE), strict=True):
        join = graph.producer(output)
        if join is None:
            continue
        for name in (output, *join.inputs):
            ranges[name] = limits
            reshape = graph.producer(name)
            if reshape is not None and reshape.kind == "RESHAPE":
                ranges[reshape.inputs[0]] = limits
    return ranges
