"""A trained model's weights as a small file: what is committed, and what a training begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from build_models.graph import Graph

TRAINED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "PRELU"})
"""Operators whose constants are trained."""


def save(graph: Graph, path: Path) -> None:
    """Write weights, biases and slopes of all operators, in their order, in 16 bits."""
    arrays = {key: graph.const(name).astype(np.float16) for key, name in _named(graph)}
    fresh = path.with_suffix(".part.npz")
    np.savez_compressed(fresh, allow_pickle=False, **arrays)
    fresh.replace(path)


def load(graph: Graph, path: Path) -> Graph:
    """A copy of a graph with these weights; raises ValueError where they are another graph's."""
    out = graph.copy()
    with np.load(path) as stored:
        names = [*_named(out)]
        if sorted(key for key, _ in names) != sorted(stored.files):
            raise ValueError(f"{path}: weights of another network")
        for key, name in names:
            if stored[key].shape != out.tensors[name].shape:
                raise ValueError(f"{path}: {key} is of the shape {stored[key].shape}")
            out.tensors[name].data = stored[key].astype(np.float32)
    return out


def _named(graph: Graph) -> Iterator[tuple[str, str]]:
    """A key for each trained constant, and the constant's name in the graph."""
    trained = (op for op in graph.ops if op.kind in TRAINED)
    for number, op in enumerate(trained):
        for part, name in enumerate(op.inputs[1:]):
            yield f"{number:03d}_{part}", name
