"""A TFLite graph as a torch module: what is trained is the very graph that is shipped.

Pictures are (N, 3, H, W) in here, channels first; the names of tensors are the graph's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from build_models.graph import Graph, Op
    from numpy.typing import NDArray

    Array = NDArray[Any]

_RELU, _RELU6 = 1, 3
_SAME = 0
_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})


class Network(nn.Module):
    """Runs a float graph; its constants are parameters.

    Args:
        graph: convolutions, fully connected layers, PRELU, ADD, pooling, resizing, reshaping,
            MEAN, LOGISTIC. Raises ValueError for any other operator.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self._values = nn.ParameterDict()
        for op in graph.ops:
            if op.kind not in _RUN:
                raise ValueError(f"{op.kind} can't be trained: only {', '.join(sorted(_RUN))}")
            for name in op.inputs:
                if name and graph.is_const(name) and graph.tensors[name].dtype == "float32":
                    self._values[name] = nn.Parameter(torch.from_numpy(_to_torch(graph, op, name)))

    def value(self, name: str) -> torch.Tensor:
        """A constant, laid out as torch wants it."""
        parameter: torch.Tensor = self._values[name]
        return parameter

    def forward(
        self, pictures: torch.Tensor, wanted: Collection[str] = ()
    ) -> dict[str, torch.Tensor]:
        """All outputs of the graph, and the tensors that are asked for besides.

        Args:
            pictures: (N, 3, H, W), RGB, 0..1.
            wanted: names of inner tensors to return too.
        """
        kept = {*self.graph.outputs, *wanted}
        last = {name: i for i, op in enumerate(self.graph.ops) for name in op.inputs}
        seen = {self.graph.inputs[0]: pictures.contiguous(memory_format=torch.channels_last)}
        for i, op in enumerate(self.graph.ops):
            seen[op.outputs[0]] = activate(op, self.linear(op, seen))
            for name in op.inputs:
                if last[name] == i and name in seen and name not in kept:
                    del seen[name]
        return {name: seen[name] for name in kept}

    def linear(self, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
        """What an operator gives before its fused activation."""
        return _RUN[op.kind](self, op, seen)

    def to_graph(self) -> Graph:
        """The graph with the constants as they are now."""
        graph = self.graph.copy()
        for op in graph.ops:
            for name in op.inputs:
                if name in self._values:
                    array = self._values[name].detach().cpu().numpy().copy()
                    graph.tensors[name].data = _to_tflite(op, name, array)
        return graph


def activate(op: Op, value: torch.Tensor) -> torch.Tensor:
    """An operator's fused activation."""
    kind = op.options.get("fusedActivationFunction", 0)
    if kind == _RELU:
        return F.relu(value)
    return F.relu6(value) if kind == _RELU6 else value


def padding(op: Op, height: int, width: int, kernel: tuple[int, int]) -> list[int]:
    """Left, right, top, bottom: what TFLite's SAME adds; nothing for VALID."""
    if op.options["padding"] != _SAME:
        return [0, 0, 0, 0]
    out = []
    for size, taps, stride in (
        (width, kernel[1], op.options["strideW"]),
        (height, kernel[0], op.options["strideH"]),
    ):
        whole = max((-(-size // stride) - 1) * stride + taps - size, 0)
        out += [whole // 2, whole - whole // 2]
    return out


def _to_torch(graph: Graph, op: Op, name: str) -> Array:
    """A constant in torch's layout: convolutions (out, in, rows, columns)."""
    array = np.array(graph.const(name), np.float32)
    if name == op.inputs[1] and op.kind == "CONV_2D":
        array = array.transpose(0, 3, 1, 2)
    elif name == op.inputs[1] and op.kind == "DEPTHWISE_CONV_2D":
        array = array.transpose(3, 0, 1, 2)
    elif name == op.inputs[1] and op.kind == "PRELU":
        array = array.reshape(-1)
    return np.ascontiguousarray(array)


def _to_tflite(op: Op, name: str, array: Array) -> Array:
    if name == op.inputs[1] and op.kind == "CONV_2D":
        array = array.transpose(0, 2, 3, 1)
    elif name == op.inputs[1] and op.kind == "DEPTHWISE_CONV_2D":
        array = array.transpose(1, 2, 3, 0)
    elif name == op.inputs[1] and op.kind == "PRELU":
        array = array.reshape(1, 1, -1)
    return np.ascontiguousarray(array)


def _convolve(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    value, weights = seen[op.inputs[0]], net.value(op.inputs[1])
    pads = padding(op, value.shape[2], value.shape[3], (weights.shape[2], weights.shape[3]))
    stride = (op.options["strideH"], op.options["strideW"])
    groups = weights.shape[0] if op.kind == "DEPTHWISE_CONV_2D" else 1
    both = (pads[2], pads[0])
    if pads[0] == pads[1] and pads[2] == pads[3]:
        return F.conv2d(value, weights, net.value(op.inputs[2]), stride, both, 1, groups)
    return F.conv2d(F.pad(value, pads), weights, net.value(op.inputs[2]), stride, 0, 1, groups)


def _dense(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    value = seen[op.inputs[0]]
    return F.linear(value.flatten(1), net.value(op.inputs[1]), net.value(op.inputs[2]))


def _prelu(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    return F.prelu(seen[op.inputs[0]], net.value(op.inputs[1]))


def _add(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    del net
    return seen[op.inputs[0]] + seen[op.inputs[1]]


def _pool(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    del net
    return F.max_pool2d(
        seen[op.inputs[0]],
        (op.options["filterHeight"], op.options["filterWidth"]),
        (op.options["strideH"], op.options["strideW"]),
        ceil_mode=True,
    )


def _more_channels(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    pads = net.graph.const(op.inputs[1])
    if pads[:3].any():
        raise ValueError("only channels are padded in a graph that is trained")
    return F.pad(seen[op.inputs[0]], [0, 0, 0, 0, *(int(n) for n in pads[3])])


def _resize(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    rows, columns = (int(n) for n in net.graph.const(op.inputs[1]))
    if op.kind == "RESIZE_NEAREST_NEIGHBOR":
        return F.interpolate(seen[op.inputs[0]], (rows, columns), mode="nearest")
    corners = bool(op.options.get("alignCorners"))
    if not corners and not op.options.get("halfPixelCenters"):
        raise ValueError("only half-pixel centres and aligned corners are trained")
    return F.interpolate(
        seen[op.inputs[0]], (rows, columns), mode="bilinear", align_corners=corners
    )


def _mean(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    del net
    return seen[op.inputs[0]].mean((2, 3))


def _logistic(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    del net
    return torch.sigmoid(seen[op.inputs[0]])


def _reshape(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    value = seen[op.inputs[0]].permute(0, 2, 3, 1)
    return value.reshape(value.shape[0], *net.graph.tensors[op.outputs[0]].shape[1:])


def _concatenate(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    del net
    return torch.cat([seen[name] for name in op.inputs], op.options["axis"])


_RUN = {
    "CONV_2D": _convolve,
    "DEPTHWISE_CONV_2D": _convolve,
    "FULLY_CONNECTED": _dense,
    "PRELU": _prelu,
    "ADD": _add,
    "MAX_POOL_2D": _pool,
    "PAD": _more_channels,
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "MEAN": _mean,
    "LOGISTIC": _logistic,
    "RESHAPE": _reshape,
    "CONCATENATION": _concatenate,
}


def weighted(graph: Graph) -> Iterator[Op]:
    """The operators with weights, in execution order."""
    return (op for op in graph.ops if op.kind in _WEIGHTED)
