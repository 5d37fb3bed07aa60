"""The palm model without ADD and with few PRELUs: saturating parts, for int8 hardware.

An int8 stream that is rounded at each convolution, ADD and PRELU loses key points by a tenth of
the palm. Here each block is rounded once, with twice the steps: a channel z before its PRELU is
kept as relu(z) and relu(-z), each with eight bits of its own, and the slope of the negative part,
the residual connection and the padding of channels are columns of the next convolution:

    prelu(z) = relu(z) - slope * relu(-z)
    z' = W depthwise(prelu(z)) + prelu(z) = one 1 x 1 convolution over [depthwise of parts, parts]

All that is joined is scaled, channel by channel, to 0..6 behind RELU6, so that one scale serves
all and CONCATENATION is exact.

Four times as many weights don't fit where channels are many. There z and prelu(z) stay whole,
channel by channel scaled to -6..6, and only the residual connection is columns of the next
convolution; a channel still has a range of its own in every block, as no ADD ties it to others.
As a float graph the result is the parent's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import palm_int8
from .graph import NONE, RELU, RELU6, VALID, Graph, Op, Tensor
from .palm_scales import TOP, Sum, whole, whole_factor

if TYPE_CHECKING:
    from .graph import Array
    from .palm_scales import Limits

DEPTHWISE_WINDOWS = {32: 2, 64: 2}
"""Into how many windows of values what a depthwise convolution writes is split, by the channels of
its block: each saturates outside its own, together they have so many times the steps. Where
channels are few that costs few weights."""

_CONV = {
    "padding": VALID, "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1,
}  # fmt: skip


def rewrite(
    parent: Graph, before: int, limits: dict[str, Limits] | None = None
) -> tuple[Graph, dict[str, tuple[float, float]]]:
    """The parent as saturating parts.

    Args:
        parent: MediaPipe's palm model, float.
        before: how many blocks before the smallest size stay whole, see
            :func:`.palm_scales.whole`.
        limits: of each tensor of the result, by name: what its channels are scaled by and where
            they saturate; without them nothing is scaled and nothing saturates.

    Returns:
        A float graph with the parent's inputs and outputs, and the range of each of its tensors
        that is scaled.
    """
    work = _Rewriting(parent, before, limits or {})
    for op in parent.ops:
        work.step(op)
    return work.out, {name: (low, TOP) for name, low in work.bottoms.items()}


class _Rewriting:
    def __init__(self, parent: Graph, before: int, limits: dict[str, Limits]) -> None:
        self.parent = parent
        self.limits = limits
        self.whole = whole(parent, before)
        self.out = Graph({}, [], [*parent.inputs], [*parent.outputs])
        self.out.tensors[parent.inputs[0]] = parent.tensors[parent.inputs[0]]
        self.sums: dict[str, Sum] = {}
        self.factors: dict[str, Array] = {}
        self.bottoms: dict[str, float] = {}

    def step(self, op: Op) -> None:
        name, source = op.outputs[0], op.inputs[0]
        if op.kind in {"RESHAPE", "CONCATENATION"}:
            self._copy(op)
        elif op.kind == "PRELU" and name in self.whole:
            self.sums[name] = self._prelu(op)
        elif op.kind == "PRELU":
            self.sums[name] = self._parts(name, source, self._const(op.inputs[1]))
        elif op.kind == "ADD":
            self.sums[name] = self.sums[source] + self.sums[op.inputs[1]]
        elif op.kind == "PAD":
            before = self.parent.tensors[source].shape[3]
            wider = np.eye(self.parent.tensors[name].shape[3], before)
            self.sums[name] = self.sums[source].times(wider)
        elif op.kind == "MAX_POOL_2D":
            self.sums[name] = self._pooled(op)
        elif op.kind == "RESIZE_BILINEAR":
            self.sums[name] = self._enlarged(op)
        elif op.kind == "DEPTHWISE_CONV_2D":
            self._depthwise(op)
        elif op.kind == "CONV_2D":
            self._convolved(op)
        else:
            raise ValueError(f"{name}: {op.kind} is not an operator of MediaPipe's palm models")

    def _const(self, name: str) -> Array:
        return self.parent.const(name).astype(np.float64)

    def _add(self, op: Op, shape: tuple[int, ...]) -> None:
        self.out.tensors[op.outputs[0]] = Tensor(shape)
        self.out.ops.append(op)

    def _constant(self, name: str, values: Array) -> str:
        data = np.ascontiguousarray(values, np.float32)
        self.out.tensors[name] = Tensor(data.shape, "float32", data)
        return name

    def _copy(self, op: Op) -> None:
        for name in (*op.inputs, *op.outputs):
            self.out.tensors.setdefault(name, self.parent.tensors[name])
        self.out.ops.append(op)

    def _scaling(self, name: str, channels: int, bottom: float) -> tuple[Array, Array]:
        """(factor, offset): a channel is stored as factor * value + offset, from bottom to TOP."""
        self.bottoms[name] = bottom
        if name not in self.limits:
            return np.ones(channels), np.zeros(channels)
        limits = self.limits[name]
        reach = limits.high - limits.low
        factor = (TOP - bottom) / np.maximum(reach, 1e-3 * reach.max())
        return factor, bottom - factor * limits.low

    def _activation(self, name: str, unscaled: int) -> int:
        return RELU6 if name in self.limits else unscaled

    def _pointwise(self, name: str, total: Sum, activation: int) -> None:
        """A sum as a tensor of its own."""
        names = [term for term, _ in total.terms]
        weights = np.concatenate([w for _, w in total.terms], axis=1)
        source = names[0]
        shape = self.out.tensors[source].shape[:3]
        if len(names) > 1:
            source = f"{name}_joined"
            options = {"axis": 3, "fusedActivationFunction": NONE}
            self._add(Op("CONCATENATION", names, [source], options), (*shape, weights.shape[1]))
        inputs = [
            source,
            self._constant(f"{name}_weights", weights[:, None, None, :]),
            self._constant(f"{name}_bias", total.constant),
        ]
        options = {**_CONV, "fusedActivationFunction": activation}
        self._add(Op("CONV_2D", inputs, [name], options), (*shape, len(weights)))

    def _parts(self, name: str, source: str, slopes: Array) -> Sum:
        """PRELU: the positive and the negative part of its input, written by one convolution."""
        channels = slopes.size
        both = np.concatenate([np.eye(channels), -np.eye(channels)])
        factor, _ = self._scaling(name, 2 * channels, 0.0)
        self.factors[name] = factor
        both *= factor[:, None]
        if source in self.sums:
            self._pointwise(name, self.sums[source].times(both), self._activation(name, RELU))
        else:
            self._first(name, source, both)
        slope = np.diag(slopes.reshape(-1))
        return Sum(
            ((name, np.concatenate([np.eye(channels), -slope], axis=1) / factor),),
            np.zeros(channels),
        )

    def _prelu(self, op: Op) -> Sum:
        """PRELU as it is, on whole channels."""
        name, source = op.outputs[0], op.inputs[0]
        channels = self.parent.tensors[name].shape[3]
        factor = np.ones(channels)
        if source in self.limits:
            factor = whole_factor(self.limits[source], self.limits[name])
        self.bottoms[source] = self.bottoms[name] = -TOP
        total = self.sums[source].times(np.diag(factor))
        self._pointwise(source, total, NONE)
        slopes = self._constant(op.inputs[1], self._const(op.inputs[1]))
        self._add(Op("PRELU", [source, slopes], [name]), self.parent.tensors[name].shape)
        self.factors[name] = factor
        return Sum(((name, np.diag(1 / factor)),), np.zeros(channels))

    def _first(self, name: str, source: str, both: Array) -> None:
        """The convolution that reads the picture, its outputs as parts."""
        op = self.parent.producer(source)
        if op is None or op.kind != "CONV_2D" or op.inputs[0] != self.parent.inputs[0]:
            raise ValueError(f"{name}: nothing is known of its input {source}")
        weights = np.tensordot(both, self._const(op.inputs[1]), axes=1)
        inputs = [
            op.inputs[0],
            self._constant(f"{name}_weights", weights),
            self._constant(f"{name}_bias", both @ self._const(op.inputs[2])),
        ]
        options = {**op.options, "fusedActivationFunction": self._activation(name, RELU)}
        shape = self.parent.tensors[source].shape[:3]
        self._add(Op("CONV_2D", inputs, [name], options), (*shape, len(both)))

    def _pooled(self, op: Op) -> Sum:
        """MAX_POOL of the whole channels: parts don't keep the order of what they add up to."""
        name, source, total = op.outputs[0], op.inputs[0], self.sums[op.inputs[0]]
        shape = self.parent.tensors[name].shape
        if source in self.whole:
            self._add(Op(op.kind, [source], [name], op.options), shape)
            self.bottoms[name] = self.bottoms[source]
            return Sum(((name, total.terms[0][1]),), total.constant)
        stored = f"{name}_whole"
        factor, offset = self._scaling(stored, len(total.constant), 0.0)
        scaled = total.times(np.diag(factor))
        scaled = Sum(scaled.terms, scaled.constant + offset)
        self._pointwise(stored, scaled, self._activation(stored, NONE))
        self._add(Op(op.kind, [stored], [name], op.options), shape)
        self.bottoms[name] = 0.0
        return Sum(((name, np.diag(1 / factor)),), -offset / factor)

    def _enlarged(self, op: Op) -> Sum:
        """RESIZE_BILINEAR of each term."""
        total, terms = self.sums[op.inputs[0]], []
        size = op.inputs[1]
        self.out.tensors[size] = self.parent.tensors[size]
        _, height, width, _ = self.parent.tensors[op.outputs[0]].shape
        for i, (term, weights) in enumerate(total.terms):
            name = f"{op.outputs[0]}_{i}"
            self.out.tensors[name] = Tensor((1, height, width, weights.shape[1]))
            first = len(self.out.ops)
            self.out.ops += palm_int8.doubled(self.out, Op(op.kind, [term, size], [name]))
            for made in self.out.ops[first:]:
                self.bottoms[made.outputs[0]] = self.bottoms[term]
            self.factors[name] = self.factors[term]
            terms.append((name, weights))
        return Sum(tuple(terms), total.constant)

    def _depthwise(self, op: Op) -> None:
        """A depthwise convolution of each term, without bias: that goes into the sum."""
        total = self.sums[op.inputs[0]]
        if np.any(total.constant):
            raise ValueError(f"{op.outputs[0]}: what is padded with zeros must have no constant")
        kernels, constant = self._const(op.inputs[1]), self._const(op.inputs[2])
        terms = []
        for i, (term, weights) in enumerate(total.terms):
            name = f"{op.outputs[0]}_{i}"
            bottom = self.bottoms[term]
            factor, offset = self._scaling(name, weights.shape[1], bottom)
            saturates = name in self.limits and not bottom
            windows = DEPTHWISE_WINDOWS.get(len(constant), 1) if saturates else 1
            owner = np.abs(weights).argmax(axis=0)
            kernel = kernels[:, :, :, owner] * (factor / self.factors[term])
            unscaled = weights * self.factors[term]
            constant = constant - unscaled @ (offset / factor)
            for window in range(windows):
                part = f"{name}_{window}" if windows > 1 else name
                self.bottoms[part] = bottom
                inputs = [
                    term,
                    self._constant(f"{part}_weights", kernel * windows),
                    self._constant(f"{part}_bias", offset * windows - window * TOP),
                ]
                activation = RELU6 if saturates else NONE
                options = {**op.options, "fusedActivationFunction": activation}
                shape = self.parent.tensors[op.outputs[0]].shape[:3]
                self._add(Op(op.kind, inputs, [part], options), (*shape, len(owner)))
                terms.append((part, unscaled / (factor * windows)))
        self.sums[op.outputs[0]] = Sum(tuple(terms), constant)

    def _convolved(self, op: Op) -> None:
        """A pointwise convolution becomes weights of a sum; a head is carried out."""
        name, source = op.outputs[0], op.inputs[0]
        if source == self.parent.inputs[0]:
            return  # carried out with the PRELU behind it
        weights = self._const(op.inputs[1])
        total = self.sums[source].times(weights[:, 0, 0, :])
        total = Sum(total.terms, total.constant + self._const(op.inputs[2]))
        if any(reader.kind == "RESHAPE" for reader in self.parent.consumers(name)):
            self._pointwise(name, total, NONE)
        else:
            self.sums[name] = total
