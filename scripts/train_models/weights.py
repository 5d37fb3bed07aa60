"""A student's weights as a small file: what is committed, and what a later training begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .network import weighted

if TYPE_CHECKING:
    from pathlib import Path

    from build_models.graph import Graph


def save(graph: Graph, path: Path) -> None:
    """Write weights and biases of all operators, in their order, in 16 bits."""
    arrays = {
        f"{number:03d}_{part}": graph.const(name).astype(np.float16)
        for number, op in enumerate(weighted(graph))
        for part, name in enumerate(op.inputs[1:])
    }
    fresh = path.with_suffix(".part.npz")
    np.savez_compressed(fresh, **arrays)
    fresh.replace(path)


def load(graph: Graph, path: Path) -> Graph:
    """A copy of a graph with these weights; raises ValueError where they are another graph's."""
    out = graph.copy()
    with np.load(path) as stored:
        names = [
            (f"{number:03d}_{part}", name)
            for number, op in enumerate(weighted(out))
            for part, name in enumerate(op.inputs[1:])
        ]
        if [key for key, _ in names] != sorted(stored.files):
            raise ValueError(f"{path}: weights of another network")
        for key, name in names:
            if stored[key].shape != out.tensors[name].shape:
                raise ValueError(f"{path}: {key} is of the shape {stored[key].shape}")
            out.tensors[name].data = stored[key].astype(np.float32)
    return out
