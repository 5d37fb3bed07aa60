"""How the palm model's parts are scaled: limits, and which tensors share a channel's scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .graph import Array, Graph

TOP = 6.0
"""What every channel's largest value becomes: where RELU6 cuts."""


@dataclass(frozen=True)
class Limits:
    """The range of a tensor's channels: (low, high), (channels,) each."""

    low: Array
    high: Array


def whole_groups(parent: Graph) -> dict[str, set[str]]:
    """PRELUs that stay whole, each with the tensors that share its channels' scales.

    Those of 6 x 6 and, behind the first enlarging, of 12 x 12: an error there moves key points
    five times less than one of the backbone, and these hold half of all weights.
    """
    groups: dict[str, set[str]] = {}
    enlarged = False
    for op in parent.ops:
        enlarged |= op.kind == "RESIZE_BILINEAR"
        name = op.outputs[0]
        if op.kind != "PRELU":
            continue
        side = parent.tensors[name].shape[1]
        add = parent.producer(op.inputs[0])
        if add is None or add.kind != "ADD" or not (side == 6 or (side == 12 and enlarged)):
            continue
        group = groups.get(add.inputs[0], set())
        group |= {name, op.inputs[0]}
        if add.inputs[0] in groups:
            group.add(add.inputs[1])
        groups[name] = group
    return groups


def whole_factor(group: set[str], limits: dict[str, Limits]) -> Array:
    """What each channel of a group of tensors is multiplied by."""
    reach = np.max([np.maximum(limits[n].high, -limits[n].low) for n in sorted(group)], axis=0)
    return np.asarray(TOP / np.maximum(reach, 1e-3 * reach.max()))
