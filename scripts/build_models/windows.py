"""What a convolution sees: its input as rows of a matrix, one for each place its kernel stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .graph import SAME, Op

if TYPE_CHECKING:
    from collections.abc import Callable

    from .graph import Array, Graph


class _Sampling(Protocol):
    hessian_samples: int
    importance: Array | None


def rows_of(op: Op, weights: Array) -> Array:
    """Weights in TFLite's layout as (output channels, inputs), float64."""
    if op.kind == "DEPTHWISE_CONV_2D":
        return weights.reshape(-1, weights.shape[3]).T.astype(np.float64)
    return weights.reshape(weights.shape[0], -1).astype(np.float64)


def from_rows(op: Op, rows: Array, shape: tuple[int, ...]) -> Array:
    """The reverse of :func:`rows_of`."""
    if op.kind == "DEPTHWISE_CONV_2D":
        return np.ascontiguousarray(rows.T).reshape(shape)
    return rows.reshape(shape)


@dataclass(frozen=True)
class Copies:
    """The inputs of a pointwise convolution that reads some tensors more than once.

    Attributes:
        names: the tensors it reads, as often as it reads them.
        joined: whether they are several.
        count: (inputs,) how often each input is there.
        owner: (columns,) which input a column is.
        turn: (columns,) which of its copies that is, from 0.
    """

    names: list[str]
    joined: bool
    count: Array
    owner: Array
    turn: Array

    @classmethod
    def of(cls, graph: Graph, op: Op, times: tuple[int, ...]) -> Copies:
        """What a convolution reads.

        Args:
            graph: in which it reads everything once.
            op: the convolution.
            times: how often each tensor that is joined for it is to be read.
        """
        join = graph.producer(op.inputs[0])
        joined = join is not None and join.kind == "CONCATENATION"
        tensors = join.inputs if join is not None and joined else op.inputs[:1]
        start, names, count, owner, turn = 0, [], [], [], []
        for name, k in zip(tensors, times, strict=True):
            size = graph.tensors[name].shape[3]
            names += [name] * k
            count.append(np.full(size, k))
            owner += [start + np.arange(size)] * k
            turn += [np.full(size, i) for i in range(k)]
            start += size
        return cls(names, joined, *(np.concatenate(part) for part in (count, owner, turn)))

    def shared(self, integers: Array) -> Array:
        """Integers of inputs, (rows, inputs), as those of their copies, as even as can be."""
        return np.floor((integers[:, self.owner] + self.turn) / self.count[self.owner])


class Places:
    """Where a convolution's kernel stands on its input.

    Args:
        op: a convolution or a fully connected operator.
        weights: shape of its weights.
        size: of its input, without the batch: (H, W, C), or (C,) for fully connected.

    Attributes:
        grid: (H', W'), how many places there are in each direction.
        taps: kernel height times width.
    """

    def __init__(self, op: Op, weights: tuple[int, ...], size: tuple[int, ...]) -> None:
        self.kernel = (1, 1) if op.kind == "FULLY_CONNECTED" else weights[1:3]
        self.stride = (op.options.get("strideH", 1), op.options.get("strideW", 1))
        self.taps = self.kernel[0] * self.kernel[1]
        input_size = (1, 1) if op.kind == "FULLY_CONNECTED" else size[:2]
        self.pads = [(0, 0), (0, 0), (0, 0)]
        self.grid = tuple(
            (n - k) // s + 1 for n, k, s in zip(input_size, self.kernel, self.stride, strict=True)
        )
        if op.options.get("padding") == SAME:
            self.grid = tuple(-(-n // s) for n, s in zip(input_size, self.stride, strict=True))
            for i in range(2):
                total = (self.grid[i] - 1) * self.stride[i] + self.kernel[i] - input_size[i]
                self.pads[i] = (max(total, 0) // 2, max(total, 0) - max(total, 0) // 2)

    def gather(self, x: Array, which: Array) -> Array:
        """What the kernel sees at some places, zeros beyond the edge.

        Args:
            x: (H, W, C), or (C,).
            which: (N,) places, counted row by row.

        Returns:
            (N, taps, C).
        """
        padded = np.pad(x.reshape(1, 1, -1) if x.ndim == 1 else x, self.pads)
        top = which // self.grid[1] * self.stride[0]
        left = which % self.grid[1] * self.stride[1]
        down, right = np.divmod(np.arange(self.taps), self.kernel[1])
        return np.asarray(padded[top[:, None] + down, left[:, None] + right])


def moments(
    op: Op, shape: tuple[int, ...], values: Array, how: _Sampling, real: Callable[[Array], Array]
) -> Array:
    """Mean of q qᵀ over what a convolution sees: the Hessian of its output's squared error.

    Args:
        op: a convolution or a fully connected operator.
        shape: of its weights.
        values: (N, H, W, C) its inputs as they are, quantised.
        how: how many places are looked at, and which count how much.
        real: turns values into the real numbers that they stand for.

    Returns:
        (inputs, inputs), or (channels, taps, taps) for depthwise.
    """
    depthwise = op.kind == "DEPTHWISE_CONV_2D"
    at = Places(op, shape, values.shape[1:])
    count = at.grid[0] * at.grid[1]
    every = max(1, len(values) * count // how.hessian_samples)
    size = shape[3] if depthwise else at.taps * values.shape[-1]
    hessian = np.zeros((size, at.taps, at.taps) if depthwise else (size, size))
    places = 0
    for i, value in enumerate(values):
        which = np.arange(i % every, count, every)
        q = at.gather(real(value), which)
        if how.importance is not None:
            q = q * np.sqrt(spread_map(how.importance[i], at.grid))[which, None, None]
        places += len(q)
        if depthwise:
            by_channel = np.ascontiguousarray(q.transpose(2, 1, 0))
            hessian += by_channel @ by_channel.transpose(0, 2, 1)
        else:
            flat = q.reshape(len(q), size)
            hessian += flat.T @ flat
    return np.asarray(hessian / places)


def spread_map(importance: Array, size: tuple[int, ...]) -> Array:
    """A grid of importance at another resolution, flattened."""
    rows = np.arange(size[0]) * importance.shape[0] // size[0]
    columns = np.arange(size[1]) * importance.shape[1] // size[1]
    return importance[np.ix_(rows, columns)].reshape(-1).astype(np.float32)
