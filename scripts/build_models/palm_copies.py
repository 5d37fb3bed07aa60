"""How often a convolution should read each of its inputs, when it may read them more than once.

One scale serves a row of int8 weights, and its largest weight decides it: a residual connection's
ones beside many small weights leave few steps to these. An input that is read twice, each time
with half the weight, halves the largest. That costs weights, so copies are bought where they
lower the expected error most, until the room is spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .graph import Array, Graph
    from .palm_scales import Limits

MOST = 4
"""Copies of one input."""

LARGEST = 4_200_000
"""Values of what is joined: half of the Edge TPU's memory."""


@dataclass(frozen=True)
class Reader:
    """A pointwise convolution over several tensors.

    Attributes:
        name: its output.
        places: how many pixels it has.
        largest: (rows, tensors) the largest weight of each row on each tensor.
        reach: (rows,) the range of each output channel in the parent's units.
        channels: (tensors,) of each tensor.
    """

    name: str
    places: int
    largest: Array
    reach: Array
    channels: Sequence[int]

    def error(self, copies: Sequence[int]) -> float:
        """The squared step of its weights, relative to what its outputs are like."""
        step = (self.largest / np.asarray(copies)).max(axis=1)
        relative = np.square(self.reach * step).sum() / np.square(self.reach).sum()
        return float(relative * np.sqrt(sum(self.channels)))

    def options(self) -> Iterator[tuple[int, float, tuple[int, ...]]]:
        """Weights beyond one copy of each, error, and how many copies of each."""
        for copies in product(range(1, MOST + 1), repeat=len(self.channels)):
            joined = int(np.dot(copies, self.channels))
            more = (joined - sum(self.channels)) * len(self.reach)
            if more == 0 or joined * self.places <= LARGEST:
                yield more, self.error(copies), copies


def best_copies(readers: Sequence[Reader], room: int) -> dict[str, tuple[int, ...]]:
    """Copies of each reader's inputs, the best bargain first; none of those that read all once.

    Args:
        readers: all that may have copies.
        room: how many weights may be added.
    """
    options = {reader.name: [*reader.options()] for reader in readers}
    now = {name: choices[0] for name, choices in options.items()}
    while True:
        spent = sum(cost for cost, _, _ in now.values())
        offers = [
            ((now[name][1] - error) / (cost - now[name][0]), name, (cost, error, copies))
            for name, choices in options.items()
            for cost, error, copies in choices
            if cost > now[name][0] and error < now[name][1] and spent + cost - now[name][0] <= room
        ]
        if not offers:
            return {name: copies for name, (cost, _, copies) in now.items() if cost}
        _, name, choice = max(offers)
        now[name] = choice


def readers(graph: Graph, limits: Mapping[str, Limits]) -> list[Reader]:
    """The pointwise convolutions of a palm model in parts.

    Args:
        graph: see :mod:`.palm_parts`.
        limits: of the outputs that have any, by name.
    """
    found = []
    for op in graph.ops:
        if op.kind != "CONV_2D" or graph.tensors[op.inputs[1]].shape[1:3] != (1, 1):
            continue
        name, join = op.outputs[0], graph.producer(op.inputs[0])
        joined = join is not None and join.kind == "CONCATENATION"
        tensors = join.inputs if join is not None and joined else op.inputs[:1]
        channels = [graph.tensors[tensor].shape[3] for tensor in tensors]
        weights = np.abs(graph.const(op.inputs[1])[:, 0, 0])
        blocks = np.split(weights, np.cumsum(channels)[:-1], axis=1)
        largest = np.stack([block.max(axis=1) for block in blocks], axis=1)
        reach = np.ones(len(weights))
        if name in limits:
            reach = limits[name].high - limits[name].low
        places = int(np.prod(graph.tensors[name].shape[1:3]))
        found.append(Reader(name, places, largest, reach, channels))
    return found
