"""Float graph to int8 graph, one operator after the other.

Each operator is quantised knowing what its inputs look like *after* the operators before it were
quantised: its weights are rounded on those inputs (:mod:`.rounding`), and its bias makes up for
the mean error that is left. Every operator runs in LiteRT on the calibration set, so the error
that is corrected is the one that will ship.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from .engine import run_op
from .graph import NONE, Graph, Op, Tensor
from .rounding import Affine, Effort, affine, round_weights, weight_scales
from .windows import Copies, from_rows, moments, rows_of, spread_map

if TYPE_CHECKING:
    from .graph import Array

PER_CHANNEL = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 4}
"""Operators with weights, and the version that reads int8 of them."""

INT8, REAL = "_int8", "_float"
"""What the name of a tensor's other form ends in."""

KEEPS_SCALE = {
    "CONCATENATION", "MAX_POOL_2D", "PAD", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "SLICE",
}  # fmt: skip
"""Operators whose output has its input's scale."""

INT8_VERSION = {
    "ADD": 2, "CONCATENATION": 2, "LOGISTIC": 2, "MAX_POOL_2D": 2, "PRELU": 1, "RESHAPE": 1,
    "RESIZE_NEAREST_NEIGHBOR": 2, "SLICE": 2,
}  # fmt: skip
"""Operators without weights that may become int8, and the version that does."""


@dataclass
class Settings:
    """How to quantise.

    Attributes:
        float_outputs: operators that stay float, by their output's name; what they read is
            dequantised for them.
        dynamic_outputs: convolutions whose weights alone are int8, by their output's name: float
            in, float out, XNNPACK quantises their inputs at each run.
        float_input: the new graph's input stays float32.
        importance: (N, grid, grid), how much each part of each calibration sample counts.
        ranges: (low, high) of a tensor, where calibration's extremes aren't wanted.
        copies: how often a pointwise convolution, by its output's name, reads each of the tensors
            that are joined for it: its weights on one that is read twice may be twice as large.
        hessian_samples: rows of input taken for each layer's Hessian.
        effort: of the weight rounding.
    """

    float_outputs: frozenset[str] = frozenset()
    dynamic_outputs: frozenset[str] = frozenset()
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    copies: dict[str, tuple[int, ...]] = field(default_factory=dict)
    float_input: bool = False
    importance: Array | None = None
    hessian_samples: int = 30_000
    effort: Effort = field(default_factory=Effort)


def convert(graph: Graph, inputs: Array, settings: Settings) -> Graph:
    """The int8 form of a float graph.

    Args:
        graph: float, one input.
        inputs: (N, ...) calibration samples of the graph's input, 0..1 float32.
        settings: see :class:`Settings`.

    Returns:
        A new graph; its input is int8 with scale 1/255 and zero point -128.
    """
    work = _Conversion(graph, settings)
    work.start(inputs)
    for i, op in enumerate(graph.ops):
        work.step(op)
        work.forget(graph.ops[i + 1 :])
    work.out.drop_unused()
    return work.out


class _Conversion:
    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph = graph
        self.settings = settings
        self.out = Graph({}, [], [*graph.inputs], [*graph.outputs])
        self.float_values: dict[str, Array] = {}
        self.values: dict[str, Array] = {}
        self.params: dict[str, Affine] = {}

    def start(self, inputs: Array) -> None:
        name = self.graph.inputs[0]
        if self.settings.float_input:
            self.float_values[name] = self.values[name] = inputs
            self.out.tensors[name] = self.graph.tensors[name]
            return
        self.params[name] = Affine(float(np.float32(1 / 255)), -128)
        self.float_values[name] = inputs
        self.values[name] = self.params[name].integers(inputs)
        self._declare(name)

    def forget(self, rest: list[Op]) -> None:
        """Drop values that no later operator reads."""
        needed = {name for op in rest for name in op.inputs}
        for store in (self.float_values, self.values):
            for name in [n for n in store if n.removesuffix(INT8).removesuffix(REAL) not in needed]:
                del store[name]

    def step(self, op: Op) -> None:
        name = op.outputs[0]
        self.float_values[name] = run_op(self.graph, op, self.float_values)
        if name in self.settings.dynamic_outputs:
            self._step_dynamic(op)
        elif name in self.settings.float_outputs:
            self._step_float(op)
        elif op.kind in PER_CHANNEL:
            self._step_weighted(op)
        else:
            self._step_plain(op)

    def _declare(self, name: str, like: str = "") -> None:
        """The computed tensor as int8 in the new graph."""
        params = self.params[name]
        self.out.tensors[name] = Tensor(
            self.graph.tensors[like or name].shape, "int8", None,
            np.array([params.scale], np.float32), np.array([params.zero_point]),
        )  # fmt: skip

    def _range(self, op: Op) -> Affine:
        if op.kind in KEEPS_SCALE:
            return self.params[op.inputs[0]]
        if op.kind == "LOGISTIC":
            return Affine(1 / 256, -128)
        return self._params(op.outputs[0])

    def _params(self, name: str) -> Affine:
        if name in self.settings.ranges:
            return affine(*self.settings.ranges[name])
        values = self.float_values[name]
        return affine(float(values.min()), float(values.max()))

    def _step_float(self, op: Op) -> None:
        """Keep an operator float; dequantise what it reads."""
        inputs = []
        for name in op.inputs:
            if name and self.graph.is_const(name):
                self.out.tensors[name] = self.graph.tensors[name]
            inputs.append(self._as_float(name) if name in self.params else name)
        self.out.tensors[op.outputs[0]] = self.graph.tensors[op.outputs[0]]
        new = Op(op.kind, inputs, [*op.outputs], dict(op.options), op.version)
        self.out.ops.append(new)
        self.values[op.outputs[0]] = run_op(self.out, new, self.values)

    def _as_float(self, name: str) -> str:
        real = name + REAL
        if real not in self.out.tensors:
            self.out.tensors[real] = Tensor(self.graph.tensors[name].shape)
            self.out.ops.append(Op("DEQUANTIZE", [name], [real], {}, 2))
        self.values[real] = self.params[name].real(self.values[name])
        return real

    def _as_int8(self, name: str) -> str:
        if name in self.params:
            return name
        short = name + INT8
        if short not in self.out.tensors:
            self.params[short] = self._params(name)
            self._declare(short, name)
            op = Op("QUANTIZE", [name], [short], {}, 1)
            self.out.ops.append(op)
            self.values[short] = run_op(self.out, op, self.values)
            self.float_values[short] = self.float_values[name]
        return short

    def _step_plain(self, op: Op) -> None:
        """An operator without weights."""
        name = op.outputs[0]
        self.params[name] = self._range(op)
        self._declare(name)
        for other in op.inputs:
            if self.graph.is_const(other):
                self.out.tensors[other] = _constant(self.graph.tensors[other])
        new = Op(op.kind, [*op.inputs], [name], dict(op.options), INT8_VERSION[op.kind])
        self.out.ops.append(new)
        self.values[name] = run_op(self.out, new, self.values)

    def _step_weighted(self, op: Op) -> None:
        """A convolution: round its weights on its quantised inputs, then correct its bias."""
        source, weights_name, bias_name = op.inputs
        source = self._as_int8(source)
        name = op.outputs[0]
        original = self.graph.const(weights_name)
        weights, shape = rows_of(op, original), original.shape
        params = self.params[source]
        hessian = moments(op, shape, self.values[source], self.settings, params.real)
        bias = self.graph.const(bias_name).astype(np.float64)
        # a channel of next to no weight must still hold its bias in 32 bits
        least = np.abs(bias) / (2**30 * params.scale)
        times = self.settings.copies.get(name)
        copies = Copies.of(self.graph, op, times) if times else None
        count = copies.count if copies else None
        scales = weight_scales(weights, hessian, self.settings.effort, count)
        scales = np.maximum(scales, 2 * least).astype(np.float32)
        integers = round_weights(weights, scales, hessian, self.settings.effort, count)
        if copies:
            source = self._repeat(source, copies, name)
            integers = copies.shared(integers)
            shape = (*shape[:3], integers.shape[1])
        self.params[name] = self._range(op)
        self._declare(name)
        self.out.tensors[weights_name] = _weights(op, integers, scales, shape)
        bias_scales = (scales * np.float32(params.scale)).astype(np.float32)
        inputs = [source, weights_name, bias_name]
        new = Op(op.kind, inputs, [name], dict(op.options), PER_CHANNEL[op.kind])
        self.out.ops.append(new)
        for attempt in range(3):
            self.out.tensors[bias_name] = Tensor(
                bias.shape, "int32", np.rint(bias / bias_scales).astype(np.int32), bias_scales,
                np.zeros(len(scales), np.int64), 0,
            )  # fmt: skip
            self.values[name] = run_op(self.out, new, self.values)
            if attempt < 2:
                bias += self._mean_error(op)

    def _repeat(self, source: str, copies: Copies, reader: str) -> str:
        """What a convolution reads, each of the joined tensors as often as it is to be there."""
        name = f"{reader}_copies"
        self.out.ops = [op for op in self.out.ops if [source] != op.outputs or not copies.joined]
        options = {"axis": 3, "fusedActivationFunction": NONE}
        self.out.ops.append(Op("CONCATENATION", copies.names, [name], options, 2))
        self.values[name] = self.values[source][..., copies.owner]
        self.params[name] = self.params[source]
        like = self.out.tensors[source]
        self.out.tensors[name] = replace(like, shape=(*like.shape[:3], len(copies.owner)))
        return name

    def _step_dynamic(self, op: Op) -> None:
        """A convolution with int8 weights between float tensors."""
        source, weights_name, bias_name = op.inputs
        name = op.outputs[0]
        real = self._as_float(source) if source in self.params else source
        original = self.graph.const(weights_name)
        hessian = moments(op, original.shape, self.values[real], self.settings, np.asarray)
        weights = rows_of(op, original)
        scales = weight_scales(weights, hessian, self.settings.effort)
        integers = round_weights(weights, scales, hessian, self.settings.effort)
        self.out.tensors[weights_name] = _weights(op, integers, scales, original.shape)
        self.out.tensors[name] = self.graph.tensors[name]
        new = Op(op.kind, [real, weights_name, bias_name], [name], dict(op.options), 5)
        self.out.ops.append(new)
        bias = self.graph.const(bias_name)
        for attempt in range(2):
            self.out.tensors[bias_name] = Tensor(bias.shape, "float32", bias)
            self.values[name] = run_op(self.out, new, self.values)
            if attempt == 0:
                bias = bias + self._mean(self.float_values[name] - self.values[name])

    def _mean_error(self, op: Op) -> Array:
        """What the bias must still gain so that each channel's mean is the float one's.

        Only values strictly inside the tensor's range, and inside RELU6's, move with the bias.
        """
        name = op.outputs[0]
        params = self.params[name]
        low, high = params.real(np.array([-128, 127]))
        integers = self.values[name]
        want = np.clip(self.float_values[name], low, high)
        error = self._mean(want - params.real(integers))
        bottom = -128 if op.options["fusedActivationFunction"] == NONE else params.zero_point
        active = self._mean((integers > bottom) & (integers < 127))
        return np.where(active > 0.02, error / np.maximum(active, 0.02), 0.0) * 0.8

    def _mean(self, values: Array) -> Array:
        """The mean of each channel over samples and places, by importance where that is known."""
        flat = values.reshape(len(values), -1, values.shape[-1])
        if self.settings.importance is None or values.ndim != 4:
            return np.asarray(flat.mean(axis=(0, 1), dtype=np.float64))
        counts = [spread_map(one, values.shape[1:3]) for one in self.settings.importance]
        sums = sum(count @ one for count, one in zip(counts, flat, strict=True))
        return np.asarray(sums / np.sum(counts))


def _constant(tensor: Tensor) -> Tensor:
    """A constant that an operator without weights reads: PRELU's slopes as int8, shapes as is."""
    if tensor.data is None or tensor.dtype != "float32":
        return tensor
    params = affine(float(tensor.data.min()), float(tensor.data.max()))
    return Tensor(
        tensor.shape, "int8", params.integers(tensor.data),
        np.array([params.scale], np.float32), np.array([params.zero_point]),
    )  # fmt: skip


def _weights(op: Op, integers: Array, scales: Array, shape: tuple[int, ...]) -> Tensor:
    axis = 3 if op.kind == "DEPTHWISE_CONV_2D" else 0
    zeros = np.zeros(len(scales), np.int64)
    rows = integers.astype(np.int8)
    return Tensor(shape, "int8", from_rows(op, rows, shape), scales, zeros, axis)
