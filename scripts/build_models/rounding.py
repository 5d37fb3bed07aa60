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
"""Scales tried for a row of weights, as a share of the scale that clips nothing."""


@dataclass(frozen=True)
class Affine:
    """real = scale * (integer - zero_point), int8."""

    scale: float
    zero_point: int

    def integers(self, real: Array) -> Array:
        """The nearest int8 values."""
        rounded = np.rint(real / self.scale) + self.zero_point
        return np.asarray(np.clip(rounded, -128, 127).astype(np.int8))

    def real(self, integers: Array) -> Array:
        """The real numbers that integers stand for, float32."""
        shifted = integers.astype(np.float32) - np.float32(self.zero_point)
        return shifted * np.float32(self.scale)


def affine(low: float, high: float) -> Affine:
    """Int8 parameters that cover [low, high] and hold zero exactly."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max(high - low, 1e-6) / 255))
    return Affine(scale, round(-128 - low / scale))


@dataclass(frozen=True)
class Effort:
    """How weights are rounded.

    Attributes:
        damping: added to the Hessian's diagonal, as a share of its mean.
        sweeps: how often each integer is chosen again, knowing all others.
        clip: whether a row's largest weights may be clipped for the sake of finer steps. What is
            clipped can't be made up for, so the more is made up for, the less it pays.
    """

    damping: float = 0.01
    sweeps: int = 0
    clip: bool = True


def weight_scales(
    weights: Array, hessian: Array, effort: Effort = Effort(), copies: Array | None = None
) -> Array:
    """The scale of each row of weights.

    Args:
        weights: (rows, inputs).
        hessian: (inputs, inputs), or (rows, inputs, inputs) where each row has inputs of its own.
        effort: whether to choose the one with the least harm when rounded to nearest, or the one
            that clips nothing.
        copies: (inputs,) how often each input is there: so many integers add up to its weight.

    Returns:
        (rows,) float32.
    """
    limits = _limits(weights, copies)
    largest = np.maximum((np.abs(weights) * (WEIGHT_LIMIT / limits)).max(axis=1), 1e-8)
    best = np.full(len(weights), np.inf)
    scales = largest / WEIGHT_LIMIT
    for shrink in SHRINK if effort.clip else ():
        scale = largest * shrink / WEIGHT_LIMIT
        nearest = np.clip(np.rint(weights / scale[:, None]), -limits, limits)
        harm = _harm(weights - nearest * scale[:, None], hessian)
        better = harm < best
        best[better] = harm[better]
        scales[better] = scale[better]
    return np.asarray(scales.astype(np.float32))


def _harm(off: Array, hessian: Array) -> Array:
    if hessian.ndim == 2:
        return np.asarray(np.einsum("ri,ri->r", off @ hessian, off))
    return np.asarray(np.einsum("ri,rij,rj->r", off, hessian, off))


def _limits(weights: Array, copies: Array | None) -> Array:
    count = np.ones(weights.shape[1]) if copies is None else copies
    return np.asarray(WEIGHT_LIMIT * count)


@dataclass(frozen=True)
class _Rows:
    """Rows of weights (rows, inputs) with their scales (rows,), limits (inputs,) and Hessian."""

    weights: Array
    scales: Array
    limits: Array
    hessian: Array

    def nearest(self, wanted: Array, at: int) -> Array:
        """A column of wanted integers, (rows,), as integers that the limits allow."""
        return np.clip(np.rint(wanted), -self.limits[at], self.limits[at])


def round_weights(
    weights: Array,
    scales: Array,
    hessian: Array,
    effort: Effort = Effort(),
    copies: Array | None = None,
) -> Array:
    """Integer weights, each error made up for by the inputs that follow.

    Args:
        weights: (rows, inputs).
        scales: (rows,).
        hessian: (inputs, inputs), or (rows, inputs, inputs) where each row has inputs of its own.
        effort: see :class:`Effort`.
        copies: (inputs,) how often each input is there.

    Returns:
        (rows, inputs), -127..127 for each copy.
    """
    if hessian.ndim == 2:
        rows = _Rows(weights, scales.astype(np.float64), _limits(weights, copies), hessian)
        return _chosen_again(_in_turn(rows, effort.damping), rows, effort.sweeps)
    single = [
        round_weights(weights[i : i + 1], scales[i : i + 1], hessian[i], effort)
        for i in range(len(weights))
    ]
    return np.concatenate(single)


def _in_turn(rows: _Rows, damping: float) -> Array:
    diagonal = np.diag(rows.hessian)
    damped = rows.hessian + np.eye(len(diagonal)) * (damping * max(float(diagonal.mean()), 1e-12))
    order = np.argsort(-diagonal, kind="stable")  # the inputs that matter most are rounded first
    damped = damped[np.ix_(order, order)].astype(np.float64)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    left = rows.weights[:, order].astype(np.float64)
    out = np.empty_like(left)
    for i, at in enumerate(order):
        out[:, i] = rows.nearest(left[:, i] / rows.scales, at)
        error = (left[:, i] - out[:, i] * rows.scales) / upper[i, i]
        left[:, i + 1 :] -= np.outer(error, upper[i, i + 1 :])
    result = np.empty_like(out)
    result[:, order] = out
    return result


def _chosen_again(integers: Array, rows: _Rows, sweeps: int) -> Array:
    """Each weight in turn becomes the integer with the least harm beside all others as they are.

    GPTQ decides with half of the row still to come; this never makes it worse (coordinate
    descent, as Behdin et al., "QuantEase", arXiv:2309.01885).
    """
    whole = integers.copy()
    off = rows.weights - whole * rows.scales[:, None]
    diagonal = np.maximum(np.diag(rows.hessian), 1e-12)
    for _ in range(sweeps):
        for i in range(whole.shape[1]):
            pull = off @ rows.hessian[:, i] / diagonal[i]
            better = rows.nearest(whole[:, i] + pull / rows.scales, i)
            off[:, i] -= (better - whole[:, i]) * rows.scales
            whole[:, i] = better
    return whole
