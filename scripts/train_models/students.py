"""Networks of our own, as graphs with random weights: drawn for int8 and for every target at once.

ReLU6 only, 3 x 3 depthwise convolutions, enlarging by nearest neighbours, channels in multiples of
8, no operator that an Edge TPU lacks. Inputs, outputs and anchors are those of MediaPipe's models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from build_models.graph import NONE, SAME, Graph, Op, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RELU6 = 3


class Builder:
    """Adds operators to a graph, with weights drawn after He et al. (2015).

    Args:
        size: pixels of the square input.
        seed: of the weights.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.graph = Graph({"picture": Tensor((1, size, size, 3))}, [], ["picture"], [])

    def conv(
        self, name: str, channels: int, *, taps: int = 1, stride: int = 1, act: int = _RELU6
    ) -> str:
        """A convolution."""
        depth = self.graph.tensors[name].shape[3]
        weights = self._draw((channels, taps, taps, depth), taps * taps * depth)
        return self._weighted("CONV_2D", name, weights, stride, act)

    def depthwise(self, name: str, *, stride: int = 1) -> str:
        """A 3 x 3 depthwise convolution with ReLU6."""
        depth = self.graph.tensors[name].shape[3]
        weights = self._draw((1, 3, 3, depth), 9)
        return self._weighted("DEPTHWISE_CONV_2D", name, weights, stride, _RELU6)

    def block(self, name: str, channels: int, *, wider: int, stride: int = 1) -> str:
        """An inverted residual block (MobileNetV2); a sum where the shape allows it."""
        depth = self.graph.tensors[name].shape[3]
        inner = self.depthwise(self.conv(name, depth * wider), stride=stride)
        out = self.conv(inner, channels, act=NONE)
        return self.add(name, out) if stride == 1 and channels == depth else out

    def add(self, first: str, second: str) -> str:
        """The sum of two tensors."""
        options = {"fusedActivationFunction": NONE, "potScaleInt16": True}
        return self._op("ADD", [first, second], self.graph.tensors[first].shape, options)

    def enlarge(self, name: str) -> str:
        """Every place four times."""
        _, side, _, depth = self.graph.tensors[name].shape
        size = self._const("size", np.array([side * 2, side * 2], np.int32))
        options = {"alignCorners": False, "halfPixelCenters": False}
        shape = (1, side * 2, side * 2, depth)
        return self._op("RESIZE_NEAREST_NEIGHBOR", [name, size], shape, options)

    def flat(self, name: str, last: int) -> str:
        """(1, anchors, last)."""
        shape = self.graph.tensors[name].shape
        target = (1, int(np.prod(shape)) // last, last)
        wanted = self._const("shape", np.array(target, np.int32))
        return self._op("RESHAPE", [name, wanted], target, {"newShape": list(target)})

    def behind(self, names: list[str]) -> str:
        """Anchors behind one another."""
        shapes = [self.graph.tensors[name].shape for name in names]
        shape = (1, sum(s[1] for s in shapes), shapes[0][2])
        options = {"axis": 1, "fusedActivationFunction": NONE}
        return self._op("CONCATENATION", names, shape, options)

    def _weighted(
        self, kind: str, name: str, weights: NDArray[np.float32], stride: int, act: int
    ) -> str:
        depthwise = kind == "DEPTHWISE_CONV_2D"
        channels = weights.shape[3] if depthwise else weights.shape[0]
        side = self.graph.tensors[name].shape[1] // stride
        options: dict[str, Any] = {
            "padding": SAME,
            "strideW": stride,
            "strideH": stride,
            "fusedActivationFunction": act,
            "dilationWFactor": 1,
            "dilationHFactor": 1,
        }
        if depthwise:
            options["depthMultiplier"] = 1
        bias = self._const("bias", np.zeros(channels, np.float32))
        inputs = [name, self._const("weights", weights), bias]
        return self._op(kind, inputs, (1, side, side, channels), options)

    def _draw(self, shape: tuple[int, ...], taps: int) -> NDArray[np.float32]:
        return self._rng.normal(0, np.sqrt(2 / taps), shape).astype(np.float32)

    def _const(self, what: str, data: NDArray[Any]) -> str:
        name = f"{what}{len(self.graph.tensors)}"
        self.graph.tensors[name] = Tensor(data.shape, str(data.dtype), data)
        return name

    def _op(
        self, kind: str, inputs: list[str], shape: tuple[int, ...], options: dict[str, Any]
    ) -> str:
        name = f"t{len(self.graph.ops)}"
        self.graph.tensors[name] = Tensor(shape)
        self.graph.ops.append(Op(kind, inputs, [name], options))
        return name


def palm(size: int = 192, seed: int = 0) -> Graph:
    """A palm detector with MediaPipe's anchors: grids of strides 8 and 16, outputs boxes, scores.

    109 million multiplications at 192 pixels.
    """
    net = Builder(size, seed)
    now = net.conv("picture", 16, taps=3, stride=2)
    now = net.conv(net.depthwise(now, stride=2), 32, act=NONE)
    now = net.block(now, 32, wider=2)
    now = net.block(now, 64, wider=3, stride=2)
    fine = net.block(net.block(now, 64, wider=2), 64, wider=2)
    now = net.block(fine, 96, wider=3, stride=2)
    coarse = net.block(net.block(now, 96, wider=3), 96, wider=3)
    now = net.block(coarse, 128, wider=3, stride=2)
    now = net.block(net.block(now, 128, wider=4), 128, wider=4)
    coarse = net.add(coarse, net.enlarge(net.conv(now, 96, act=NONE)))
    coarse = net.block(coarse, 96, wider=2)
    fine = net.add(fine, net.enlarge(net.conv(coarse, 64, act=NONE)))
    fine = net.block(fine, 64, wider=2)
    scores = [net.flat(net.conv(f, a, act=NONE), 1) for f, a in ((fine, 2), (coarse, 6))]
    boxes = [net.flat(net.conv(f, 18 * a, act=NONE), 18) for f, a in ((fine, 2), (coarse, 6))]
    net.graph.outputs = [net.behind(boxes), net.behind(scores)]
    return net.graph
