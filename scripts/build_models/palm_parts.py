"""The palm model without PRELU and ADD: every channel as two saturating parts, for int8 hardware.

An int8 stream that is rounded at each convolution, ADD and PRELU loses key points by a tenth of
the palm. Here each block is rounded once, with twice the steps: a channel z before its PRELU is
kept as relu(z) and relu(-z), each with eight bits of its own, and the slope of the negative part,
the residual connection and the padding of channels are columns of the next convolution:

    prelu(z) = relu(z) - slope * relu(-z)
    z' = W depthwise(prelu(z)) + prelu(z) = one 1 x 1 convolution over [depthwise of parts, parts]

All tensors are scaled, channel by channel, to 0..6 behind RELU6, so that one scale serves all and
CONCATENATION is exact. As a float graph the result is the parent's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from . import palm_int8
from .engine import Runner
from .graph import NONE, RELU, RELU6, VALID, Graph, Op, Tensor
from .observe import real
from .palm_scales import TOP, Limits, whole_factor, whole_groups

if TYPE_CHECKING:
    from .graph import Array

HEADROOM = 1.2
"""A channel may exceed what calibration saw by this much: what is cut off costs more than finer
steps win."""

MEASURED = {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "PRELU"}

COPIES = 2
"""How often a convolution to parts reads those before it, each time with so much less weight.

The columns of the residual connection are ones beside many small weights, and one scale serves a
row: halved, they leave twice as many steps to the others.
"""

_CONV = {
    "padding": VALID, "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Sum:
    """A tensor of the parent as a weighted sum of tensors that are there.

    Attributes:
        terms: (tensor name, (channels of the parent, channels of the tensor) weights).
        constant: (channels of the parent,).
    """

    terms: tuple[tuple[str, Array], ...]
    constant: Array

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.terms + other.terms, self.constant + other.constant)

    def times(self, matrix: Array) -> Sum:
        """A pointwise convolution of it."""
        return Sum(
            tuple((name, matrix @ weights) for name, weights in self.terms), matrix @ self.constant
        )


def measure(parent: Graph, frames: Array) -> dict[str, Limits]:
    """The limits of every tensor of the parent's parts, with room to spare.

    Args:
        parent: MediaPipe's palm model, float.
        frames: (N, 192, 192, 3) uint8.
    """
    unscaled = rewrite(parent)
    ops = [op for op in unscaled.ops if op.kind in MEASURED and _is_scaled(unscaled, op)]
    unscaled.outputs = [op.outputs[0] for op in ops]
    runner = Runner(unscaled)
    lows = {name: np.zeros(unscaled.tensors[name].shape[3]) for name in unscaled.outputs}
    highs = {name: low.copy() for name, low in lows.items()}
    for frame in frames:
        for name, value in zip(unscaled.outputs, runner(real(frame[None])), strict=True):
            np.minimum(lows[name], value.min(axis=(0, 1, 2)), out=lows[name])
            np.maximum(highs[name], value.max(axis=(0, 1, 2)), out=highs[name])
    return {name: Limits(lows[name] * HEADROOM, highs[name] * HEADROOM) for name in lows}


def _is_scaled(unscaled: Graph, op: Op) -> bool:
    """Whether an operator's channels may be scaled: not a head's, nor those of a blur."""
    head = any(reader.kind == "RESHAPE" for reader in unscaled.consumers(op.outputs[0]))
    return not head and "_blur" not in op.inputs[1]


def ranges(
    parent: Graph, parts: Graph, limits: dict[str, Limits]
) -> dict[str, tuple[float, float]]:
    """The range of each tensor of the scaled parts that a convolution, ADD or PRELU writes."""
    found: dict[str, tuple[float, float]] = {}
    factors = {}
    for group in whole_groups(parent).values():
        factors.update(dict.fromkeys(group, whole_factor(group, limits)))
    for op in parts.ops:
        name, source = op.outputs[0], op.inputs[0]
        if name in factors:
            low, high = limits[name].low, limits[name].high
            found[name] = float((factors[name] * low).min()), float((factors[name] * high).max())
        elif name in limits:
            found[name] = (0.0, TOP)
        elif source in found and op.kind != "CONV_2D":  # moves values, or blurs them
            found[name] = found[source]
    return found


def rewrite(parent: Graph, limits: dict[str, Limits] | None = None) -> Graph:
    """The parent as saturating parts.

    Args:
        parent: MediaPipe's palm model, float.
        limits: of each tensor of the result, by name: what its channels are scaled by and where
            they saturate; without them nothing is scaled and nothing saturates.

    Returns:
        A float graph with the parent's inputs and outputs.
    """
    work = _Rewriting(parent, limits)
    for op in parent.ops:
        work.step(op)
    return work.out


class _Rewriting:
    def __init__(self, parent: Graph, limits: dict[str, Limits] | None) -> None:
        self.parent = parent
        self.limits = limits
        self.whole = whole_groups(parent)
        self.out = Graph({}, [], [*parent.inputs], [*parent.outputs])
        self.out.tensors[parent.inputs[0]] = parent.tensors[parent.inputs[0]]
        self.sums: dict[str, Sum] = {}
        self.factors: dict[str, Array] = {}
        self.parted: set[str] = set()

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
            self.sums[name] = self._depthwise(op)
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

    def _scaling(self, name: str, channels: int) -> tuple[Array, Array]:
        """(factor, low): a channel is stored as factor * (value - low)."""
        if self.limits is None:
            return np.ones(channels), np.zeros(channels)
        limits = self.limits[name]
        reach = limits.high - limits.low
        return TOP / np.maximum(reach, 1e-3 * reach.max()), limits.low

    def _activation(self, unscaled: int) -> int:
        return unscaled if self.limits is None else RELU6

    def _pointwise(self, name: str, total: Sum, activation: int, copies: int = 1) -> None:
        """A sum as a tensor of its own; parts among its terms are read ``copies`` times."""
        terms: list[tuple[str, Array]] = []
        for term, weights in total.terms:
            times = copies if term in self.parted else 1
            terms += [(term, weights / times)] * times
        names = [term for term, _ in terms]
        weights = np.concatenate([w for _, w in terms], axis=1)
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
        factor, _ = self._scaling(name, 2 * channels)
        self.factors[name] = factor
        self.parted.add(name)
        both *= factor[:, None]
        if source in self.sums:
            total = self.sums[source].times(both)
            copies = COPIES if len(total.terms) > 1 else 1
            self._pointwise(name, total, self._activation(RELU), copies)
        else:
            self._first(name, source, both)
        slope = np.diag(slopes.reshape(-1))
        return Sum(
            ((name, np.concatenate([np.eye(channels), -slope], axis=1) / factor),),
            np.zeros(channels),
        )

    def _prelu(self, op: Op) -> Sum:
        """PRELU as it is, on whole channels; with the ADD before it where that has a partner."""
        name, source = op.outputs[0], op.inputs[0]
        channels = self.parent.tensors[name].shape[3]
        factor = np.ones(channels)
        if self.limits is not None:
            factor = whole_factor(self.whole[name], self.limits)
        scale = np.diag(factor)
        add = self.parent.producer(source)
        shape = self.parent.tensors[name].shape
        if add is not None and add.kind == "ADD" and add.inputs[0] in self.whole:
            self._pointwise(add.inputs[1], self.sums[add.inputs[1]].times(scale), NONE)
            self._add(Op("ADD", [*add.inputs], [source], dict(add.options)), shape)
        else:
            self._pointwise(source, self.sums[source].times(scale), NONE)
        slopes = self._constant(op.inputs[1], self._const(op.inputs[1]))
        self._add(Op("PRELU", [source, slopes], [name]), shape)
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
        options = {**op.options, "fusedActivationFunction": self._activation(RELU)}
        shape = self.parent.tensors[source].shape[:3]
        self._add(Op("CONV_2D", inputs, [name], options), (*shape, len(both)))

    def _pooled(self, op: Op) -> Sum:
        """MAX_POOL of the whole channels: parts don't keep the order of what they add up to."""
        name, total = op.outputs[0], self.sums[op.inputs[0]]
        whole = f"{name}_whole"
        factor, low = self._scaling(whole, len(total.constant))
        stored = Sum(total.terms, total.constant - low).times(np.diag(factor))
        self._pointwise(whole, stored, self._activation(NONE))
        self._add(Op(op.kind, [whole], [name], op.options), self.parent.tensors[name].shape)
        return Sum(((name, np.diag(1 / factor)),), low)

    def _enlarged(self, op: Op) -> Sum:
        """RESIZE_BILINEAR of each term."""
        total, terms = self.sums[op.inputs[0]], []
        size = op.inputs[1]
        self.out.tensors[size] = self.parent.tensors[size]
        _, height, width, _ = self.parent.tensors[op.outputs[0]].shape
        for i, (term, weights) in enumerate(total.terms):
            name = f"{op.outputs[0]}_{i}"
            self.out.tensors[name] = Tensor((1, height, width, weights.shape[1]))
            self.out.ops += palm_int8.doubled(self.out, Op(op.kind, [term, size], [name]))
            self.factors[name] = self.factors[term]
            terms.append((name, weights))
        return Sum(tuple(terms), total.constant)

    def _depthwise(self, op: Op) -> Sum:
        """A depthwise convolution of each term, without bias: that goes into the sum."""
        total = self.sums[op.inputs[0]]
        if np.any(total.constant):
            raise ValueError(f"{op.outputs[0]}: what is padded with zeros must have no constant")
        kernels, constant = self._const(op.inputs[1]), self._const(op.inputs[2])
        terms = []
        for i, (term, weights) in enumerate(total.terms):
            name = f"{op.outputs[0]}_{i}"
            factor, low = self._scaling(name, weights.shape[1])
            owner = np.abs(weights).argmax(axis=0)
            kernel = kernels[:, :, :, owner] * (factor / self.factors[term])
            inputs = [
                term,
                self._constant(f"{name}_weights", kernel),
                self._constant(f"{name}_bias", -low * factor),
            ]
            options = {**op.options, "fusedActivationFunction": self._activation(NONE)}
            shape = self.parent.tensors[op.outputs[0]].shape[:3]
            self._add(Op(op.kind, inputs, [name], options), (*shape, len(owner)))
            unscaled = weights * self.factors[term]
            terms.append((name, unscaled / factor))
            constant = constant + unscaled @ low
        return Sum(tuple(terms), constant)

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
