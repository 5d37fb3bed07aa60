"""A graph in two: what stays as it is, and what learns from its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from build_models.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterable


def split(graph: Graph, count: int) -> tuple[Graph, Graph]:
    """The first ``count`` operators, and the rest.

    Raises ValueError where more than one tensor leads from one to the other.
    """
    whole = graph.copy()
    ahead, behind = whole.ops[:count], whole.ops[count:]
    made = {name for op in ahead for name in op.outputs}
    seam = [name for name in made if any(name in op.inputs for op in behind)]
    if len(seam) != 1:
        raise ValueError(f"a graph can't be split behind operator {count}: {len(seam)} tensors")
    first = Graph(dict(whole.tensors), ahead, whole.inputs, seam)
    second = Graph(dict(whole.tensors), behind, seam, whole.outputs)
    for part in (first, second):
        part.drop_unused()
    return first, second


def join(graph: Graph, parts: Iterable[Graph]) -> Graph:
    """The whole graph with the constants of its parts."""
    out = graph.copy()
    for part in parts:
        for name, tensor in part.tensors.items():
            if tensor.data is not None:
                out.tensors[name].data = tensor.data
    return out


def seams(graph: Graph) -> list[int]:
    """Numbers of operators behind which a graph can be split."""
    out = []
    for count in range(1, len(graph.ops)):
        made = {name for op in graph.ops[:count] for name in op.outputs}
        behind = graph.ops[count:]
        if sum(any(name in op.inputs for op in behind) for name in made) == 1:
            out.append(count)
    return out
