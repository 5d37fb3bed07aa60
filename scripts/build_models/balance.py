"""Share the error of a pointwise convolution fairly between its inputs and its weights.

XNNPACK quantises what such a convolution reads at each run, with one scale for each pixel; its
weights have one for each output channel. Multiplying an input channel (in the depthwise
convolution before it, which has no activation) and dividing its weights changes which of the two
loses more. The expected error of both together is a plain function of those factors, so they are
found by descent (the factors of Xiao et al., "SmoothQuant", arXiv:2211.10438, are its start).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import equalise
from .engine import Runner
from .observe import real
from .windows import spread_map

if TYPE_CHECKING:
    from .graph import Array, Graph

PIXELS = 12
"""Taken of each sample."""

STEPS, RATE = 400, 0.05
ROUNDED = 0.3
"""What rounding on the inputs leaves of the weights' error, against rounding to nearest."""


def balance_pairs(graph: Graph, readers: frozenset[str], inputs: Array, importance: Array) -> None:
    """Scale the channels between depthwise convolutions and those that read them, in place.

    Args:
        graph: float graph.
        readers: the outputs of the pointwise convolutions that will be int8.
        inputs: (N, H, W, 3) uint8 samples.
        importance: (N, grid, grid), how much each part of each sample counts.
    """
    pairs = [
        (graph.ops[at], op)
        for op in graph.ops
        if op.outputs[0] in readers
        for at in [_index(graph, op.inputs[0])]
        if graph.ops[at].kind == "DEPTHWISE_CONV_2D"
    ]
    seen = _pixels(graph, [op.inputs[0] for _, op in pairs], inputs, importance)
    for before, op in pairs:
        x = seen[op.inputs[0]].astype(np.float64)
        weights = graph.const(op.inputs[1]).reshape(-1, x.shape[1]).astype(np.float64)
        factors = best_factors(x, weights)
        equalise.scale_output(graph, before, factors)
        equalise.unscale_input(graph, op, factors)


def _index(graph: Graph, name: str) -> int:
    return next(i for i, op in enumerate(graph.ops) if name in op.outputs)


def _pixels(graph: Graph, names: list[str], inputs: Array, importance: Array) -> dict[str, Array]:
    """Some pixels of some tensors, the more important the likelier: (N, channels) for each."""
    part = graph.copy()
    part.outputs = names
    runner = Runner(part)
    rng = np.random.default_rng(0)
    found: dict[str, list[Array]] = {name: [] for name in names}
    for sample, counts in zip(inputs, importance, strict=True):
        for name, value in zip(names, runner(real(sample[None])), strict=True):
            flat = value[0].reshape(-1, value.shape[3])
            shares = spread_map(counts, value.shape[1:3]).astype(np.float64)
            shares /= shares.sum()
            chosen = rng.choice(len(flat), min(PIXELS, len(flat)), replace=False, p=shares)
            found[name].append(flat[chosen])
    return {name: np.concatenate(values) for name, values in found.items()}


def best_factors(x: Array, weights: Array) -> Array:
    """The factor of each channel with the least expected error.

    Args:
        x: (pixels, channels).
        weights: (rows, channels).

    Returns:
        (channels,), their geometric mean 1.
    """
    logs = -0.5 * np.log(np.abs(x).max(axis=0) + 1e-6)
    least, best = np.inf, logs
    speed, power = np.zeros_like(logs), np.zeros_like(logs)
    for step in range(1, STEPS + 1):
        error, slope = expected_error(logs, x, weights)
        if error < least:
            least, best = error, logs
        slope = slope / error
        speed = 0.9 * speed + 0.1 * slope
        power = 0.99 * power + 0.01 * slope**2
        size = np.sqrt(power / (1 - 0.99**step)) + 1e-9
        logs = logs - RATE * (1 - step / STEPS) * speed / (1 - 0.9**step) / size
    return np.asarray(np.exp(best - best.mean()))


def expected_error(logs: Array, x: Array, weights: Array) -> tuple[float, Array]:
    """The mean square error over all rows, and its slope.

    Args:
        logs: (channels,) natural logarithms of the factors.
        x: (pixels, channels).
        weights: (rows, channels).
    """
    factors = np.exp(logs)
    scaled = x * factors
    pixels = np.arange(len(x))
    high, low = scaled.argmax(axis=1), scaled.argmin(axis=1)
    top, bottom = np.maximum(scaled[pixels, high], 0), np.minimum(scaled[pixels, low], 0)
    divided = np.abs(weights) / factors
    widest = divided.argmax(axis=1)
    reach = divided[np.arange(len(weights)), widest]
    # each part is (step of the rounding, squared) x (what it is multiplied with, squared)
    steps, spread = np.mean((top - bottom) ** 2) / 255**2 / 12, np.sum(divided**2, axis=0)
    rounding, energy = np.sum(reach**2) * ROUNDED / 127**2 / 12, np.mean(scaled**2, axis=0)
    size = len(logs)
    more: Array = np.bincount(high, 2 * (top - bottom) * top, size)
    more -= np.bincount(low, 2 * (top - bottom) * bottom, size)
    more /= len(x) * 255**2 * 12
    wider = -np.bincount(widest, 2 * reach**2, size) * ROUNDED / 127**2 / 12
    error = steps * spread.sum() + rounding * energy.sum()
    slope = more * spread.sum() - 2 * steps * spread
    return float(error), slope + wider * energy.sum() + 2 * rounding * energy
