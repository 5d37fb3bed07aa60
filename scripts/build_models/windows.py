"""What a convolution sees: its input as rows of a matrix, one for each place its kernel stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .graph import SAME, Op

if TYPE_CHECKING:
    from .graph import Array


class _Sampling(Protocol):
    hessian_samples: int
    importance: Array | None
    ridge: float


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
        return padded[top[:, None] + down, left[:, None] + right]


@dataclass(frozen=True)
class Seen:
    """Second moments of what a convolution sees.

    Attributes:
        hessian: mean of q qᵀ over quantised inputs q: (inputs, inputs), or
            (channels, taps, taps) for depthwise.
        drift: mean of (x - q) qᵀ, x the float inputs; same shape.
    """

    hessian: Array
    drift: Array

    @classmethod
    def of(
        cls, op: Op, shape: tuple[int, ...], quantised: Array, wanted: Array, how: _Sampling
    ) -> Seen:
        """Gather the moments from (N, H, W, C) inputs as they are and as they should be."""
        depthwise = op.kind == "DEPTHWISE_CONV_2D"
        at = Places(op, shape, quantised.shape[1:])
        count = at.grid[0] * at.grid[1]
        every = max(1, len(quantised) * count // how.hessian_samples)
        size = shape[3] if depthwise else at.taps * quantised.shape[-1]
        hessian = np.zeros((size, at.taps, at.taps) if depthwise else (size, size))
        drift = np.zeros_like(hessian)
        places = 0
        for i in range(len(quantised)):
            which = np.arange(i % every, count, every)
            q = at.gather(quantised[i], which)
            off = at.gather(wanted[i], which) - q if how.ridge else q[:0]
            if how.importance is not None:
                counts = np.sqrt(spread_map(how.importance[i], at.grid))[which, None, None]
                q, off = q * counts, off * counts[: len(off)]
            places += len(q)
            if depthwise:
                by_channel = np.ascontiguousarray(q.transpose(2, 1, 0))
                hessian += by_channel @ by_channel.transpose(0, 2, 1)
                if how.ridge:
                    drift += off.transpose(2, 1, 0) @ by_channel.transpose(0, 2, 1)
            else:
                flat = q.reshape(len(q), size)
                hessian += flat.T @ flat
                if how.ridge:
                    drift += off.reshape(flat.shape).T @ flat
        return cls(hessian / places, drift / places)

    def make_up(self, weights: Array, ridge: float) -> Array:
        """Weights that give the wanted outputs from the inputs as they are, (rows, inputs).

        Least squares with a pull towards the weights as they stand; ``ridge`` is that pull as a
        share of the Hessian's mean diagonal, 0 leaves the weights alone.
        """
        if ridge == 0:
            return weights
        if self.hessian.ndim == 3:
            mean = np.trace(self.hessian, axis1=1, axis2=2) / self.hessian.shape[1] + 1e-9
            damped = self.hessian + ridge * mean[:, None, None] * np.eye(self.hessian.shape[1])
            moved = np.einsum("ct,cts->cs", weights, self.drift)
            return weights + np.linalg.solve(damped, moved[:, :, None])[:, :, 0]
        damped = self.hessian + ridge * np.trace(self.hessian) / len(self.hessian) * np.eye(
            len(self.hessian)
        )
        return weights + np.linalg.solve(damped, (weights @ self.drift).T).T


def spread_map(importance: Array, size: tuple[int, ...]) -> Array:
    """A grid of importance at another resolution, flattened."""
    rows = np.arange(size[0]) * importance.shape[0] // size[0]
    columns = np.arange(size[1]) * importance.shape[1] // size[1]
    return importance[np.ix_(rows, columns)].reshape(-1).astype(np.float32)
