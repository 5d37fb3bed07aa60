"""What is done to each float model: the steps, in order, with their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import (
    balance,
    equalise,
    graph,
    heads,
    observe,
    palm_copies,
    palm_cpu,
    palm_int8,
    palm_limits,
    palm_parts,
    palms,
)
from .convert import Settings, convert
from .engine import Runner
from .prune import prune
from .rounding import Effort

if TYPE_CHECKING:
    from .samples import Pixels, Samples

RELU6_CAP = {"lite": 8.0, "full": 16.0}
"""Largest factor of a RELU6 channel; a channel that hardly ever speaks would be blown up."""

STREAM_POWER, STREAM_CAP = 0.5, 8.0
LANDMARK_CROPS = 128
FLOAT_OPENING = 2
"""Operators at the beginning of the landmark model that stay float on a CPU: the first one's int8
steps do the most harm, in dark crops above all, and int8 wins next to nothing there."""

PALM_FRAMES, PALM_TPU_FRAMES = 64, 128
PALM_HESSIAN = 60_000
PALM_TPU_EFFORT = Effort(damping=1e-4, sweeps=5, clip=False)
PALM_TPU_WEIGHTS = {"lite": 6_380_000, "full": 5_350_000}
"""What the Edge TPU's memory leaves beside the landmark model."""

WHOLE_BEFORE = {"lite": 1, "full": 5}
"""Blocks of 12 x 12 in the palm model's backbone that stay whole on the Edge TPU: in parts a block
has four times as many weights."""

PALM_ELSEWHERE = 0.05
"""How much a place without a palm counts, against 1 on a palm."""

HALF_PRECISION = {"reduced_precision_support": b"fp16accfp16"}
"""Said in a file, XNNPACK computes what is float in it in 16 bits where the processor has
instructions for that (a Pi 5's, no Pi's before, no PC's)."""


def landmark_float(blob: bytes, samples: Samples, variant: str) -> graph.Graph:
    """The landmark model folded, freed of dead channels and equalised: still float."""
    model = graph.read(blob)
    prune(model, observe.extremes(model, observe.varied(samples.crops, seed=1))[0])
    maxima, largest = observe.extremes(model, samples.crops)
    equalise.equalise_relu6(model, maxima, RELU6_CAP[variant])
    equalise.equalise_streams(model, largest, STREAM_POWER, STREAM_CAP)
    return model


def landmark_cpu(blob: bytes, samples: Samples, variant: str) -> bytes:
    """Int8 from :data:`FLOAT_OPENING` to the last convolution; mean and the four heads float."""
    model = landmark_float(blob, samples, variant)
    mean = next(i for i, op in enumerate(model.ops) if op.kind == "MEAN")
    around = model.ops[:FLOAT_OPENING] + model.ops[mean:]
    settings = Settings(float_outputs=frozenset(op.outputs[0] for op in around))
    inputs = observe.real(_spread(samples.crops, LANDMARK_CROPS))
    return graph.write(convert(model, inputs, settings))


def landmark_edgetpu(blob: bytes, samples: Samples, variant: str) -> bytes:
    """Every operator and tensor int8, only operators that the Edge TPU knows."""
    model = landmark_float(blob, samples, variant)
    inputs = observe.real(_spread(samples.crops, LANDMARK_CROPS))
    ranges = heads.rewrite(model, observe.means(model, samples.crops))
    return graph.write(convert(model, inputs, Settings(ranges=ranges)))


def palm_reordered(blob: bytes, samples: Samples, variant: str) -> bytes:
    """The float model, pointwise convolutions before the enlarging instead of behind it."""
    del samples, variant
    model = graph.read(blob)
    palm_cpu.enlarge_last(model)
    palm_cpu.halve_constants(model)
    return graph.write(model, HALF_PRECISION)


def palm_dynamic(blob: bytes, samples: Samples, variant: str) -> bytes:
    """Float, but for the weights of the pointwise convolutions: XNNPACK runs those in int8."""
    del variant
    model = graph.read(blob)
    palm_cpu.enlarge_last(model)
    frames = np.concatenate([_spread(samples.frames, PALM_FRAMES), samples.cut_off])
    chosen = palm_cpu.worth_int8(model)
    importance = palms.importance(Runner(blob), frames, PALM_ELSEWHERE)
    balance.balance_pairs(model, chosen, frames, importance)
    settings = Settings(
        float_input=True,
        float_outputs=frozenset(op.outputs[0] for op in model.ops) - chosen,
        dynamic_outputs=chosen,
        importance=importance,
        hessian_samples=PALM_HESSIAN,
    )
    return graph.write(convert(model, observe.real(frames), settings), HALF_PRECISION)


def palm_edgetpu(blob: bytes, samples: Samples, variant: str) -> bytes:
    """Every operator and tensor int8, only operators that the Edge TPU knows."""
    parent, before = graph.read(blob), WHOLE_BEFORE[variant]
    limits = palm_limits.measure(parent, np.concatenate([samples.frames, samples.cut_off]), before)
    model, ranges = palm_parts.rewrite(parent, before, limits)
    runner = Runner(blob)
    outputs = palm_int8.shared_ranges(model, palms.box_range(runner, samples.frames))
    frames = np.concatenate([_spread(samples.frames, PALM_TPU_FRAMES), samples.cut_off])
    room = PALM_TPU_WEIGHTS[variant] - model.weights()
    settings = Settings(
        ranges=ranges | outputs,
        copies=palm_copies.best_copies(palm_copies.readers(model, limits), room),
        importance=palms.importance(runner, frames, PALM_ELSEWHERE),
        hessian_samples=PALM_HESSIAN,
        effort=PALM_TPU_EFFORT,
    )
    return graph.write(convert(model, observe.real(frames), settings))


def _spread(samples: Pixels, count: int) -> Pixels:
    """So many of the samples, evenly picked."""
    return np.asarray(samples[np.linspace(0, len(samples) - 1, count).astype(int)])
