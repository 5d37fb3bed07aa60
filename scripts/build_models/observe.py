"""What each channel of a float graph says on a set of samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .engine import Runner

if TYPE_CHECKING:
    from .graph import Array, Graph


def extremes(graph: Graph, inputs: Array) -> tuple[dict[str, Array], dict[str, Array]]:
    """The largest value and the largest absolute value of each channel of each 4-D tensor.

    Args:
        graph: float graph with one input.
        inputs: (N, H, W, 3) uint8; pixel / 255 is what the graph sees.

    Returns:
        Two dicts by tensor name, (channels,) each.
    """
    names = [op.outputs[0] for op in graph.ops if len(graph.tensors[op.outputs[0]].shape) == 4]
    everything = graph.copy()
    everything.outputs = names
    runner = Runner(everything)
    maxima: dict[str, Array] = {}
    largest: dict[str, Array] = {}
    for sample in inputs:
        for name, value in zip(names, runner(real(sample[None])), strict=True):
            high, low = value.max(axis=(0, 1, 2)), value.min(axis=(0, 1, 2))
            extreme = np.maximum(high, -low)
            maxima[name] = np.maximum(maxima.get(name, high), high)
            largest[name] = np.maximum(largest.get(name, extreme), extreme)
    return maxima, largest


def means(graph: Graph, inputs: Array) -> Array:
    """The largest output of MEAN, for each of its channels; ``inputs`` as above."""
    part = graph.copy()
    part.outputs = [next(op for op in graph.ops if op.kind == "MEAN").outputs[0]]
    runner = Runner(part)
    return np.asarray(np.max([runner(real(sample[None]))[0][0] for sample in inputs], axis=0))


def real(pixels: Array) -> Array:
    """Pixels as the float models see them: 0..1."""
    return pixels.astype(np.float32) * np.float32(1 / 255)


def varied(pixels: Array, seed: int) -> Array:
    """Samples and three more of each: mirrored, with other light, and noisy or turned.

    To find what a channel can say at all; four times as many, (4 N, H, W, 3) uint8.
    """
    rng = np.random.default_rng(seed)
    mirrored = pixels[:, :, ::-1]
    gain = rng.uniform(0.3, 1.6, (len(pixels), 1, 1, 3))
    lit = np.clip(pixels * gain + rng.uniform(-30, 30, (len(pixels), 1, 1, 1)), 0, 255)
    noise = rng.normal(0, 12, pixels.shape)
    turned = np.clip(np.rot90(pixels, 2, axes=(1, 2)) + noise, 0, 255)
    return np.concatenate([pixels, mirrored, lit.astype(np.uint8), turned.astype(np.uint8)])
