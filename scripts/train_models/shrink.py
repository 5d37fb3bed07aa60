"""The same graph for a smaller picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from build_models.graph import Tensor

if TYPE_CHECKING:
    from build_models.graph import Graph


def for_input(graph: Graph, size: int) -> Graph:
    """A copy of a fully convolutional graph whose input is a square of ``size`` pixels.

    Shapes of all tensors, sizes of resizing and shapes of reshaping follow; weights stay. Where a
    map isn't enlarged to exactly twice its size any more (4 x 4 cells to 7 x 7), it is sampled
    from corner to corner, so that cells stay twice as large. Raises ValueError where a size isn't
    a multiple of 16.
    """
    out = graph.copy()
    before = graph.tensors[graph.inputs[0]].shape[1]
    if size % 16:
        raise ValueError(f"an input of {size} pixels: only multiples of 16 are possible")
    for name in out.inputs:
        out.tensors[name].shape = (1, size, size, 3)
    for op in out.ops:
        target = out.tensors[op.outputs[0]]
        source = out.tensors[op.inputs[0]]
        if op.kind == "RESHAPE":
            count, last = int(np.prod(source.shape)), target.shape[-1]
            target.shape = (1, count // last, last)
            # Constants of shape are shared between operators that now differ.
            op.inputs[1] = f"shape_of_{op.outputs[0]}"
            out.tensors[op.inputs[1]] = Tensor((3,), "int32", np.array(target.shape, np.int32))
            op.options["newShape"] = list(target.shape)
        elif op.kind == "CONCATENATION":
            sizes = [out.tensors[name].shape for name in op.inputs]
            target.shape = (1, sum(shape[1] for shape in sizes), sizes[0][2])
        elif len(target.shape) == 4:
            side = -(-target.shape[1] * size // before)
            target.shape = (1, side, side, target.shape[3])
            if op.kind.startswith("RESIZE"):
                out.tensors[op.inputs[1]].data = np.array([side, side], np.int32)
                if side != 2 * source.shape[1]:
                    op.options |= {"alignCorners": True, "halfPixelCenters": False}
    return out


def multiplications(graph: Graph) -> float:
    """Millions of multiplications of one run."""
    total = 0
    for op in graph.ops:
        if op.kind in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}:
            shape = graph.tensors[op.outputs[0]].shape
            places = shape[1] * shape[2] if len(shape) == 4 else 1
            total += places * graph.const(op.inputs[1]).size
    return total / 1e6
