"""How long models take here: as a whole, and what each kind of operator takes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from . import graph
from .engine import Runner, single

if TYPE_CHECKING:
    from .graph import Graph, Op

KINDS = ("first convolution", "1 x 1, 48 a side and more", "1 x 1, smaller", "depthwise", "other")
LARGE = 48
"""Pictures from here on are of so few channels that there is little to multiply in a pixel."""

ROUNDS, TIMES = 40, 5


def whole(parent: bytes, model: bytes, threads: int, rounds: int = 100) -> tuple[float, float]:
    """Median milliseconds of an invocation of each, taken in turn: parent, model.

    With one thread it is processor time, which other programs change less than time that passes;
    with more it is the time that passes.
    """
    clock = time.process_time if threads == 1 else time.perf_counter
    runners = [Runner(blob, threads) for blob in (parent, model)]
    times: list[list[float]] = [[], []]
    for runner in runners:
        runner.warm_up()
    for _ in range(rounds):
        for runner, spent in zip(runners, times, strict=True):
            start = clock()
            runner.invoke()
            spent.append(clock() - start)
    return float(np.median(times[0]) * 1000), float(np.median(times[1]) * 1000)


def by_kind(*models: bytes) -> list[dict[str, float]]:
    """Milliseconds of each kind of operator, each operator run alone, models in turn.

    The shortest of many runs: an operator alone is so short that something comes between only now
    and then. Their sum is less than the whole model's time, whose tensors don't stay in the cache.

    Returns:
        For each model a dict by :data:`KINDS`.
    """
    graphs = [graph.read(blob) for blob in models]
    runners = [[Runner(single(one, op)) for op in one.ops] for one in graphs]
    least = [np.full(len(one.ops), np.inf) for one in graphs]
    for runner in (runner for one in runners for runner in one):
        runner.warm_up()
    for _ in range(ROUNDS):
        for one, shortest in zip(runners, least, strict=True):
            for i, runner in enumerate(one):
                start = time.perf_counter()
                for _ in range(TIMES):
                    runner.invoke()
                shortest[i] = min(shortest[i], (time.perf_counter() - start) / TIMES * 1000)
    found = []
    for model, shortest in zip(graphs, least, strict=True):
        sums = dict.fromkeys(KINDS, 0.0)
        for op, spent in zip(model.ops, shortest, strict=True):
            sums[kind_of(model, op)] += float(spent)
        found.append(sums)
    return found


def kind_of(one: Graph, op: Op) -> str:
    """Which of :data:`KINDS` an operator is."""
    if op.kind == "DEPTHWISE_CONV_2D":
        return KINDS[3]
    if op.kind != "CONV_2D":
        return KINDS[4]
    if one.const(op.inputs[1]).shape[1:3] != (1, 1):
        return KINDS[0]
    return KINDS[1 if one.tensors[op.inputs[0]].shape[1] >= LARGE else 2]
