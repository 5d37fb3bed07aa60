"""The palm model rewritten for int8 hardware: the same function, only operators that it knows.

* Bilinear doubling with half-pixel centres becomes: repeat each pixel, repeat the border, blur with
  (1 2 1) / 4 both ways. Inside and at the border that is the same arithmetic.
* Padding of channels becomes a 1 x 1 convolution by the identity, which also lets the channels on
  both sides of it have scales of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import equalise
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


def rewrite(graph: Graph) -> None:
    """Replace RESIZE_BILINEAR and PAD, in place; the result is the same."""
    ops: list[Op] = []
    for op in graph.ops:
        if op.kind == "RESIZE_BILINEAR":
            ops.extend(_doubled(graph, op))
        elif op.kind == "PAD":
            ops.append(_widened(graph, op))
        else:
            ops.append(op)
    graph.ops = ops
    graph.drop_unused()


def _doubled(graph: Graph, op: Op) -> list[Op]:
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


def _widened(graph: Graph, op: Op) -> Op:
    """PAD of channels as a convolution by the identity."""
    amounts = graph.const(op.inputs[1])
    if np.any(amounts[:3] != 0) or amounts[3][0] != 0:
        raise ValueError(f"{op.outputs[0]}: only padding behind the last channel is understood")
    before = graph.tensors[op.inputs[0]].shape[3]
    after = graph.tensors[op.outputs[0]].shape[3]
    weights, bias = f"{op.outputs[0]}_identity", f"{op.outputs[0]}_zero"
    graph.tensors[weights] = _constant(np.eye(after, before).reshape(after, 1, 1, before))
    graph.tensors[bias] = _constant(np.zeros(after))
    return Op("CONV_2D", [op.inputs[0], weights, bias], [*op.outputs], dict(_CONV))


def _constant(values: Array) -> Tensor:
    data = np.ascontiguousarray(values, np.float32)
    return Tensor(data.shape, "float32", data)


def stages(graph: Graph) -> list[set[str]]:
    """Groups of tensors whose channels may be scaled together.

    ADD, MAX_POOL and PRELU join them (PRELU(s x) = s PRELU(x) for s > 0); convolutions, depthwise
    ones and the resize's operators end them.
    """
    groups: dict[str, set[str]] = {}
    for op in graph.ops:
        if op.kind in {"ADD", "MAX_POOL_2D", "PRELU"}:
            names = [n for n in (*op.inputs, *op.outputs) if not graph.is_const(n)]
            joined: set[str] = set()
            for name in names:
                joined |= groups.get(name, {name})
            for name in joined:
                groups[name] = joined
    return list({id(group): group for group in groups.values()}.values())


def equalise_stages(graph: Graph, largest: dict[str, Array], power: float, cap: float) -> None:
    """Bring the channels of each stage nearer to one range, in place.

    Args:
        graph: float graph, after :func:`rewrite`.
        largest: absolute extremes of each channel, by tensor.
        power: 0 leaves channels alone, 1 makes them equal.
        cap: largest factor, and 1 over the smallest.
    """
    weighted = {"CONV_2D", "DEPTHWISE_CONV_2D"}
    for group in stages(graph):
        writers = [op for op in graph.ops if op.outputs[0] in group and op.kind in weighted]
        readers = [op for op in graph.ops if op.inputs[0] in group and op.outputs[0] not in group]
        blocked = [r for r in readers if r.kind not in weighted]
        if blocked:
            readers = _beyond_resize(graph, readers)
        extreme = np.max([largest[name] for name in sorted(group)], axis=0)
        extreme = np.maximum(extreme, 1e-3 * extreme.max())
        factors = np.clip((extreme.max() / extreme) ** power, 1 / cap, cap)
        for op in writers:
            equalise.scale_output(graph, op, factors)
        for op in readers:
            equalise.unscale_input(graph, op, factors)


def _beyond_resize(graph: Graph, readers: list[Op]) -> list[Op]:
    """The convolutions that read a stage, those behind a resize included."""
    found = [op for op in readers if op.kind in {"CONV_2D", "DEPTHWISE_CONV_2D"}]
    for op in readers:
        if op.kind == "RESIZE_NEAREST_NEIGHBOR":
            name = op.outputs[0].removesuffix("_repeated")
            blur = graph.producer(name)
            if blur is not None:
                found.append(blur)
    return found


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
