"""The landmark model's end, rewritten so that int8 holds it: for hardware that knows nothing else.

* MEAN over 7 x 7 becomes a depthwise convolution, whose weights have a scale for each channel: all
  features leave with one range.
* A fully connected head becomes a 1 x 1 convolution with a scale for each of its rows.
* 63 image coordinates in one int8 tensor are 1.5 pixels coarse. Several heads of the same weights,
  each saturating outside its own window of values, add up to the coordinate with finer steps:
  y = clip(y, -w, 0) + clip(y, 0, w) + clip(y - w, 0, w) + ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .graph import NONE, VALID, Graph, Op, Tensor

if TYPE_CHECKING:
    from .graph import Array

WINDOW = 112.0
"""Width of a coordinate head's window in pixels of the crop."""

WINDOWS = (-WINDOW, 0.0, WINDOW, 2 * WINDOW)
"""Where the windows begin: together they hold -112 to 336, the crop being 0 to 224."""

ROLES: tuple[tuple[str, str], ...] = (
    *(
        (
            "landmarks",
            f"part from {a:g} to {a + WINDOW:g} of x, y, z in input pixels: add all of this role",
        )
        for a in WINDOWS
    ),
    ("presence", "probability that the ROI holds a hand"),
    ("handedness", "probability of a right hand, where the image is mirrored"),
    ("world_landmarks", "21 points x, y, z in metres from the hand's geometric centre"),
)
"""Role and meaning of each output of the rewritten graph."""

_POINTWISE = {
    "padding": VALID, "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1,
    "fusedActivationFunction": NONE,
}  # fmt: skip


def rewrite(graph: Graph, features: Array) -> dict[str, tuple[float, float]]:
    """Put convolutions in the place of MEAN and the heads, in place.

    Args:
        graph: the float landmark model; its outputs become those of :data:`ROLES`.
        features: largest mean of each channel in calibration.

    Returns:
        Ranges for the quantiser, by tensor.
    """
    number = next(i for i, op in enumerate(graph.ops) if op.kind == "MEAN")
    mean, behind = graph.ops[number], graph.ops[number + 1 :]
    landmarks, presence, handedness, world = graph.outputs
    graph.ops = graph.ops[:number]
    pooled, factors = _pool(graph, mean, features)
    ranges = {pooled: (0.0, 1.0)}
    outputs = []
    for i, start in enumerate(WINDOWS):
        head = next(op for op in behind if op.outputs[0] == landmarks)
        name = f"{landmarks}_window{i}"
        ranges[f"{name}_conv"] = (start, 0.0) if start < 0 else (0.0, WINDOW)
        _head(graph, head, pooled, name, factors, -max(start, 0.0))
        outputs.append(name)
    for logistic in (presence, handedness):
        last = next(op for op in behind if op.outputs[0] == logistic)
        head = next(op for op in behind if op.outputs[0] == last.inputs[0])
        _head(graph, head, pooled, f"{logistic}_logit", factors)
        graph.ops.append(Op("LOGISTIC", [f"{logistic}_logit"], [logistic]))
        ranges[f"{logistic}_logit_conv"] = (-8.0, 8.0)
        outputs.append(logistic)
    _head(graph, next(op for op in behind if op.outputs[0] == world), pooled, "world", factors)
    graph.outputs = [*outputs, "world"]
    graph.drop_unused()
    return ranges


def _pool(graph: Graph, mean: Op, features: Array) -> tuple[str, Array]:
    """The mean as a depthwise convolution that brings every feature to 0..1."""
    shape = graph.tensors[mean.inputs[0]].shape
    height, width, channels = shape[1:]
    factors = 1 / (1.1 * np.maximum(features, 1e-3 * features.max()))
    weights = np.broadcast_to(factors / (height * width), (1, height, width, channels))
    graph.tensors["pool_weights"] = _constant(weights)
    graph.tensors["pool_bias"] = _constant(np.zeros(channels))
    graph.tensors["pooled"] = Tensor((1, 1, 1, channels))
    options = {**_POINTWISE, "depthMultiplier": 1}
    inputs = [mean.inputs[0], "pool_weights", "pool_bias"]
    graph.ops.append(Op("DEPTHWISE_CONV_2D", inputs, ["pooled"], options))
    return "pooled", factors


def _head(  # noqa: PLR0913, PLR0917  (the six things that make a head)
    graph: Graph, old: Op, source: str, name: str, factors: Array, shift: float = 0.0
) -> None:
    weights = graph.const(old.inputs[1]) / factors
    bias = graph.const(old.inputs[2]) + shift
    rows = len(bias)
    graph.tensors[f"{name}_weights"] = _constant(weights.reshape(rows, 1, 1, -1))
    graph.tensors[f"{name}_bias"] = _constant(bias)
    graph.tensors[f"{name}_conv"] = Tensor((1, 1, 1, rows))
    graph.tensors[f"{name}_shape"] = Tensor((2,), "int32", np.array([1, rows], np.int32))
    graph.tensors[name] = Tensor((1, rows))
    inputs = [source, f"{name}_weights", f"{name}_bias"]
    graph.ops.append(Op("CONV_2D", inputs, [f"{name}_conv"], dict(_POINTWISE)))
    graph.ops.append(
        Op("RESHAPE", [f"{name}_conv", f"{name}_shape"], [name], {"newShape": [1, rows]})
    )


def _constant(values: Array) -> Tensor:
    data = np.ascontiguousarray(values, np.float32)
    return Tensor(data.shape, "float32", data)
