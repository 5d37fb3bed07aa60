"""How far each channel of the palm model's parts reaches: its scale, and where it saturates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .engine import Runner
from .observe import real
from .palm_parts import rewrite
from .palm_scales import Limits

if TYPE_CHECKING:
    from .graph import Array, Graph, Op

HEADROOM = 1.2
"""A channel may exceed what calibration saw by this much: what is cut off costs more than finer
steps win."""

MEASURED = {"CONV_2D", "DEPTHWISE_CONV_2D", "PRELU"}


def measure(parent: Graph, frames: Array, before: int) -> dict[str, Limits]:
    """The limits of every tensor of the parent's parts, with room to spare.

    Args:
        parent: MediaPipe's palm model, float.
        frames: (N, 192, 192, 3) uint8.
        before: see :func:`rewrite`.
    """
    graph, _ = rewrite(parent, before)
    ops = [op for op in graph.ops if op.kind in MEASURED and _is_scaled(graph, op)]
    graph.outputs = [op.outputs[0] for op in ops]
    runner = Runner(graph)
    lows = {name: np.zeros(graph.tensors[name].shape[3]) for name in graph.outputs}
    highs = {name: low.copy() for name, low in lows.items()}
    for frame in frames:
        for name, value in zip(graph.outputs, runner(real(frame[None])), strict=True):
            np.minimum(lows[name], value.min(axis=(0, 1, 2)), out=lows[name])
            np.maximum(highs[name], value.max(axis=(0, 1, 2)), out=highs[name])
    return {name: Limits(lows[name] * HEADROOM, highs[name] * HEADROOM) for name in lows}


def _is_scaled(unscaled: Graph, op: Op) -> bool:
    """Whether an operator's channels may be scaled: not a head's, nor those of a blur."""
    head = any(reader.kind == "RESHAPE" for reader in unscaled.consumers(op.outputs[0]))
    return not head and "_blur" not in op.inputs[1]
