"""Integers for real numbers: ranges to scales, and weights to int8 with the least harm.

Weights are rounded one input after the other, and each rounding error is made up for by the
inputs still to come (Frantar et al., "GPTQ", arXiv:2210.17323). "Least harm" is measured on the
layer's own inputs: error = (w - q)ᵀ H (w - q), H = mean of x xᵀ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

WEIGHT_LIMIT = 127
"""Weights use -127..127: TFLite's symmetric weights leave -128 out."""

SHRINK = tuple(np.linspace(1.0, 0.6, 17).tolist())
"""Scales tried for a channel of weights, as a share of the scale that clips nothing."""


@dataclass(frozen=True)
class Affine:
    """real = scale * (integer - zero_point), int8."""

    scale: float
    zero_point: int

    def integers(self, real: Array) -> Array:
        """The nearest int8 values."""
        return np.clip(np.rint(real / self.scale) + self.zero_point, -128, 127).astype(np.int8)

    def real(self, integers: Array) -> Array:
        """The real numbers that integers stand for, float32."""
        shifted = integers.astype(np.float32) - np.float32(self.zero_point)
        return shifted * np.float32(self.scale)


def affine(low: float, high: float) -> Affine:
    """Int8 parameters that cover [low, high] and hold zero exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max(high - low, 1e-6) / 255))
    return Affine(scale, round(-128 - low / scale))


def weight_scales(weights: Array, hessian: Array) -> Array:
    """The scale of each row of weights with the least harm when rounded to nearest.

    Args:
        weights: (rows, inputs).
        hessian: (inputs, inputs), or (rows, inputs, inputs) where each row has inputs of its own.

    Returns:
        (rows,) float32.
    """
    largest = np.maximum(np.abs(weights).max(axis=1), 1e-8)
    best = np.full(len(weights), np.inf)
    scales = largest / WEIGHT_LIMIT
    for shrink in SHRINK:
        scale = largest * shrink / WEIGHT_LIMIT
        off = weights - _nearest(weights, scale) * scale[:, None]
        harm = _harm(off, hessian)
        better = harm < best
        best[better] = harm[better]
        scales[better] = scale[better]
    return scales.astype(np.float32)


def _harm(off: Array, hessian: Array) -> Array:
    if hessian.ndim == 2:
        return np.einsum("ri,ri->r", off @ hessian, off)
    return np.einsum("ri,rij,rj->r", off, hessian, off)


def _nearest(weights: Array, scales: Array) -> Array:
    return np.clip(np.rint(weights / scales[:, None]), -WEIGHT_LIMIT, WEIGHT_LIMIT)


def round_weights(
    weights: Array, scales: Array, hessian: Array, damping: float = 0.01, sweeps: int = 0
) -> Array:
    """Int8 weights, each error made up for by the inputs that follow.

    Args:
        weights: (rows, inputs).
        scales: (rows,).
        hessian: (inputs, inputs), or (rows, inputs, inputs).
        damping: added to the diagonal, as a share of its mean.
        sweeps: how often each integer is chosen again, knowing all others.

    Returns:
        (rows, inputs) int8.
    """
    if hessian.ndim == 2:
        first = _round_shared(weights, scales, hessian, damping)
        return _chosen_again(first, weights, scales, hessian, sweeps)
    rows = [
        round_weights(weights[i : i + 1], scales[i : i + 1], hessian[i], damping, sweeps)
        for i in range(len(weights))
    ]
    return np.concatenate(rows)


def _round_shared(weights: Array, scales: Array, hessian: Array, damping: float) -> Array:
    diagonal = np.diag(hessian)
    damped = hessian + np.eye(len(hessian)) * (damping * max(float(diagonal.mean()), 1e-12))
    order = np.argsort(-diagonal, kind="stable")  # the inputs that matter most are rounded first
    damped = damped[np.ix_(order, order)].astype(np.float64)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    left = weights[:, order].astype(np.float64)
    scale = scales.astype(np.float64)
    out = np.empty_like(left)
    for i in range(left.shape[1]):
        out[:, i] = np.clip(np.rint(left[:, i] / scale), -WEIGHT_LIMIT, WEIGHT_LIMIT)
        error = (left[:, i] - out[:, i] * scale) / upper[i, i]
        left[:, i + 1 :] -= np.outer(error, upper[i, i + 1 :])
    result = np.empty(weights.shape, np.int8)
    result[:, order] = out.astype(np.int8)
    return result


def _chosen_again(
    integers: Array, weights: Array, scales: Array, hessian: Array, sweeps: int
) -> Array:
    """Each weight in turn becomes the integer with the least harm beside all others as they are.

    GPTQ decides with half of the row still to come; this never makes it worse (coordinate
    descent, as Behdin et al., "QuantEase", arXiv:2309.01885).
    """
    scale = scales.astype(np.float64)
    whole = integers.astype(np.float64)
    off = weights - whole * scale[:, None]
    diagonal = np.maximum(np.diag(hessian), 1e-12)
    for _ in range(sweeps):
        for i in range(whole.shape[1]):
            pull = off @ hessian[:, i] / diagonal[i]
            better = np.rint(np.clip(whole[:, i] + pull / scale, -WEIGHT_LIMIT, WEIGHT_LIMIT))
            off[:, i] -= (better - whole[:, i]) * scale
            whole[:, i] = better
    return whole.astype(np.int8)
