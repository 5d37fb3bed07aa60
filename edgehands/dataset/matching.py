"""Matches the hands of two lists in one picture."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SAME: Final = 0.5
"""Two hands are the same if their points lie within this on average, in palm sizes."""

MOST_TRIED: Final = 6
"""Up to this many hands all pairings are tried; beyond, the nearest are paired first."""


def assign(costs: NDArray[np.float64], gate: float) -> list[tuple[int, int]]:
    """Pair rows and columns at the least total cost; a row or column may stay unpaired.

    No pair costs ``gate`` or more, and an unpaired row costs ``gate``. All pairings are tried, so
    this is for a few rows only.
    """
    rows, columns = costs.shape
    best: list[tuple[int, int]] = []
    least = rows * gate
    choices = [[None, *np.flatnonzero(costs[row] < gate).tolist()] for row in range(rows)]
    for choice in itertools.product(*choices):
        taken = [column for column in choice if column is not None]
        if len(taken) != len(set(taken)):
            continue
        total = sum(
            gate if column is None else float(costs[row, column])
            for row, column in enumerate(choice)
        )
        if total < least:
            least = total
            best = [(row, column) for row, column in enumerate(choice) if column is not None]
    return best if columns else []


def pair_hands(
    truth: Sequence[NDArray[np.float64]],
    inside: Sequence[NDArray[np.bool_]],
    other: Sequence[NDArray[np.float64]],
) -> list[tuple[int, int]]:
    """Pairs of indices with the least total distance, none above :data:`SAME`.

    Args:
        truth: (21, 2) points of each hand, frame pixels; errors are in units of their palms.
        inside: (21,) which of them count.
        other: (21, 2) points of each hand of the other list.
    """
    costs = np.array(
        [[nme(t, o, m) for o in other] for t, m in zip(truth, inside, strict=True)]
    ).reshape(len(truth), len(other))
    if max(costs.shape, default=0) <= MOST_TRIED:
        return assign(costs, SAME)
    pairs = []
    while costs.size and costs.min() < SAME:
        row, column = np.unravel_index(int(costs.argmin()), costs.shape)
        pairs.append((int(row), int(column)))
        costs[row] = costs[:, column] = np.inf
    return sorted(pairs)


def errors(truth: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(21,) distance of each point from its true position, in palm sizes of the truth."""
    palm = max(float(np.linalg.norm(truth[9] - truth[0])), 1e-6)
    return np.asarray(np.linalg.norm(truth - other, axis=1) / palm)


def nme(truth: NDArray[np.float64], other: NDArray[np.float64], counts: NDArray[np.bool_]) -> float:
    """Mean of :func:`errors` over the points that count; infinite if none does."""
    return float(errors(truth, other)[counts].mean()) if counts.any() else float("inf")
