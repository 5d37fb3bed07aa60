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


def windows(op: Op, shape: tuple[int, ...], x: Array) -> Array:
    """Every kernel-sized piece of the input, zeros beyond its edge where padding is SAME.

    Args:
        op: a convolution or a fully connected operator.
        shape: of its weights.
        x: (N, H, W, C), or (N, C) for fully connected.

    Returns:
        (N, H', W', taps, C), or (N, 1, 1, 1, C).
    """
    if op.kind == "FULLY_CONNECTED":
        return x.reshape(len(x), 1, 1, 1, -1)
    kh, kw = shape[1], shape[2]
    sh, sw = op.options["strideH"], op.options["strideW"]
    pads = [(0, 0), (0, 0), (0, 0), (0, 0)]
    out_h, out_w = (x.shape[1] - kh) // sh + 1, (x.shape[2] - kw) // sw + 1
    if op.options["padding"] == SAME:
        out_h, out_w = -(-x.shape[1] // sh), -(-x.shape[2] // sw)
        total_h = max((out_h - 1) * sh + kh - x.shape[1], 0)
        total_w = max((out_w - 1) * sw + kw - x.shape[2], 0)
        pads[1] = (total_h // 2, total_h - total_h // 2)
        pads[2] = (total_w // 2, total_w - total_w // 2)
    padded = np.pad(x, pads)
    taps = [
        padded[:, i : i + (out_h - 1) * sh + 1 : sh, j : j + (out_w - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return np.stack(taps, axis=3)


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
        taps = 1 if quantised.ndim == 2 else shape[1] * shape[2]
        size = shape[3] if depthwise else taps * quantised.shape[-1]
        hessian = np.zeros((size, taps, taps) if depthwise else (size, size))
        drift = np.zeros_like(hessian)
        places = 0
        every = _every(quantised, how.hessian_samples)
        for i in range(len(quantised)):
            seen = windows(op, shape, quantised[i : i + 1])
            q = seen.reshape(-1, taps, quantised.shape[-1])
            x = windows(op, shape, wanted[i : i + 1]).reshape(q.shape)
            q, off = q[i % every :: every], (x - q)[i % every :: every]
            if how.importance is not None:
                counts = np.sqrt(_spread(how.importance[i], seen.shape[1:3]))[i % every :: every]
                q, off = q * counts[:, None, None], off * counts[:, None, None]
            places += len(q)
            if depthwise:
                by_channel = np.ascontiguousarray(q.transpose(2, 1, 0))
                hessian += by_channel @ by_channel.transpose(0, 2, 1)
                drift += off.transpose(2, 1, 0) @ by_channel.transpose(0, 2, 1)
            else:
                flat = q.reshape(len(q), -1)
                hessian += flat.T @ flat
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


def _spread(importance: Array, size: tuple[int, ...]) -> Array:
    """A grid of importance at another resolution, flattened."""
    rows = np.arange(size[0]) * importance.shape[0] // size[0]
    columns = np.arange(size[1]) * importance.shape[1] // size[1]
    return importance[np.ix_(rows, columns)].reshape(-1).astype(np.float32)


def _every(x: Array, samples: int) -> int:
    places = int(np.prod(x.shape[:-1]))
    return max(1, places // samples)
