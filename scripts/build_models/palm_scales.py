"""What the palm model's parts are made of: weighted sums, limits, and PRELUs that stay whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .graph import Array, Graph

TOP = 6.0
"""What every channel's largest value becomes: where RELU6 cuts."""


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


@dataclass(frozen=True)
class Limits:
    """The range of a tensor's channels: (low, high), (channels,) each."""

    low: Array
    high: Array


def whole(parent: Graph, before: int) -> frozenset[str]:
    """The PRELUs that stay whole, by their output: those of the smallest sizes.

    They hold most weights, and whole they take a quarter: those of 6 x 6, behind the first
    enlarging of 12 x 12, and of the last blocks before 6 x 6.

    Args:
        parent: MediaPipe's palm model, float.
        before: how many blocks before 6 x 6; at least 1, as what is enlarged is added to its last.

    Raises:
        ValueError: ``before`` is less, and tensors of two scales would have to be joined.
    """
    if before < 1:
        raise ValueError(f"before is {before}: at least the last block must stay whole")
    prelus = [op.outputs[0] for op in parent.ops if op.kind == "PRELU"]
    sides = [parent.tensors[name].shape[1] for name in prelus]
    smallest = min(sides)
    first, end = sides.index(smallest), len(sides) - sides[::-1].index(smallest)
    while end < len(sides) and sides[end] <= 2 * smallest:
        end += 1
    return frozenset(prelus[first - before : end])


def whole_factor(source: Limits, result: Limits) -> Array:
    """What each channel of a PRELU's input and output is multiplied by."""
    reach = np.max([source.high, -source.low, result.high, -result.low], axis=0)
    return np.asarray(TOP / np.maximum(reach, 1e-3 * reach.max()))
