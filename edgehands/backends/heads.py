"""The last layers of an int8 landmark model, computed exactly: the same on every processor.

Up to its last convolution such a model gives identical bits everywhere: integers, preceded by two
convolutions that XNNPACK adds up in the same order everywhere. They are followed by a mean and four
small matrices in float, which every processor adds up in its own order: landmarks differed in the
sixth digit, and with them the next ROI and its crop. Here the same four matrices are applied
without rounding before the end: 49 int8 features add up to 14 bits, a weight has 30, and 504
channels of that fit into the 53 bits of a double.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edgehands.backends.graph_file import DEQUANTIZE, FULLY_CONNECTED, LOGISTIC, MEAN, GraphFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgehands.model_store import ModelSpec, Role

DOUBLE_BITS: Final = 53
"""Integers of up to this many bits add up in a double without rounding."""


@dataclass(frozen=True, slots=True)
class HeadLayout:
    """The tensor numbers of a model's heads.

    Attributes:
        content: the model, cut after its last integers, which are its only output.
        features: those integers.
        axes: the axes of the mean.
        layers: for each output of the whole model its weights, its bias, and whether a logistic
            function follows.
    """

    content: bytes
    features: int
    axes: int
    layers: tuple[tuple[int, int, bool], ...]


def find_heads(content: bytes) -> HeadLayout | None:
    """Where a model's heads begin; None if it doesn't end like an int8 landmark model.

    Raises:
        ValueError: it isn't a model.
    """
    graph = GraphFile(content)
    places = [n for n, operator in enumerate(graph.operators) if operator.code == DEQUANTIZE]
    if not places or places[-1] + 1 >= len(graph.operators):
        return None
    dequantise, mean, *rest = graph.operators[places[-1] :]
    if mean.code != MEAN or mean.inputs[0] != dequantise.outputs[0]:
        return None
    layers: dict[int, tuple[int, int, bool]] = {}
    for operator in rest:
        source, result = operator.inputs[0], operator.outputs[0]
        if operator.code == FULLY_CONNECTED and operator.plain and source == mean.outputs[0]:
            layers[result] = (operator.inputs[1], operator.inputs[2], False)
        elif operator.code == LOGISTIC and source in layers:
            layers[result] = (*layers[source][:2], True)
        else:
            return None
    if not all(output in layers for output in graph.outputs):
        return None
    features = dequantise.inputs[0]
    return HeadLayout(
        graph.ended_before(places[-1], features),
        features,
        mean.inputs[1],
        tuple(layers[output] for output in graph.outputs),
    )


class ExactHeads:
    """The heads of one loaded model.

    Args:
        layout: from :func:`find_heads`.
        interpreter: with the model's ``content``, its tensors allocated.
        spec: defines the outputs.

    Raises:
        ValueError: its tensors aren't what the specification says.
    """

    def __init__(self, layout: HeadLayout, interpreter: Any, spec: ModelSpec) -> None:
        (found,) = interpreter.get_output_details()
        _, rows, columns, channels = found["shape"].tolist()
        self._scale, zero_point = found["quantization"]
        axes = interpreter.get_tensor(layout.axes).tolist()
        if found["dtype"] is not np.int8 or not self._scale or axes != [1, 2]:
            raise ValueError(f"{spec.file}: no mean of int8 features before its heads")
        self._interpreter = interpreter
        self._features = layout.features
        self._cells = rows * columns
        self._grid = (self._cells, channels)
        self._zero = zero_point * self._cells
        # 128 int8 numbers fit into int16, which takes half the time of int32.
        self._dtype = np.int16 if self._cells <= 128 else np.int32
        bits = DOUBLE_BITS - (255 * self._cells * channels).bit_length()
        weights: list[NDArray[np.float64]] = []
        biases: list[NDArray[np.float64]] = []
        self._places: dict[Role, tuple[slice, bool]] = {}
        end = 0
        for output in spec.outputs:
            if output.index >= len(layout.layers) or output.dtype != "float32":
                raise ValueError(f"{spec.file} has no {output.dtype} output {output.index}")
            weight, bias, logistic = layout.layers[output.index]
            rounded = exact_weights(interpreter.get_tensor(weight), bits)
            begin, end = end, end + len(rounded)
            if (len(rounded),) != tuple(output.shape[1:]):
                raise ValueError(f"{spec.file}: {output.role} has {len(rounded)} numbers")
            self._places[output.role] = (slice(begin, end), logistic)
            weights.append(rounded)
            biases.append(interpreter.get_tensor(bias).astype(np.float64))
        self._weights = np.concatenate(weights)
        self._biases = np.concatenate(biases)
        self._values = np.zeros(end)

    def run(self) -> None:
        """Apply them to the features that the model computed."""
        features = self._interpreter.tensor(self._features)().reshape(self._grid)
        sums = np.add.reduce(features, axis=0, dtype=self._dtype).astype(np.float64)
        sums -= self._zero
        # Exact in any order of addition: these are integers, times each row's unit.
        np.dot(self._weights, sums, out=self._values)
        self._values *= self._scale / self._cells
        self._values += self._biases

    def output(self, role: Role) -> NDArray[np.float32]:
        """A copy of an output, as float32, without the batch dimension."""
        place, logistic = self._places[role]
        values = self._values[place]
        if logistic:
            return np.array([_logistic(value) for value in values.tolist()], np.float32)
        return values.astype(np.float32)


def exact_weights(weights: NDArray[np.float32], bits: int) -> NDArray[np.float64]:
    """Weights (N, C), rounded to integers of ``bits`` bits, in units of their row.

    Float32 has 24 bits: with more, only weights far smaller than their row's largest lose
    precision.
    """
    _, exponents = np.frexp(np.abs(weights).max(axis=1))
    unit = np.ldexp(1.0, exponents - bits)[:, None]
    rounded: NDArray[np.float64] = np.rint(weights / unit) * unit
    return rounded


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
