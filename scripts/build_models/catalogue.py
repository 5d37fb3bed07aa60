"""Every file of `models/`: how it is made, and what the manifest says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import cut_off, heads, recipes, samples, wheel
from .manifest import Built

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Recipe = Callable[[bytes, samples.Samples, str], bytes]

SEED = 1000
FRAMES = 400
"""The synthetic scenes that everything is calibrated on: seeds SEED to SEED + FRAMES - 1."""

CALIBRATION = (
    f"synthetic hands: edgehands.synthetic.random_scene, seeds {SEED} to {SEED + FRAMES - 1};"
    " no photographs"
)
CUT_OFF = (
    f"{CALIBRATION}; {samples.CUT_OFF} more cut off or pasted: build_models.cut_off, seeds"
    f" {SEED + cut_off.SEED} to {SEED + cut_off.SEED + samples.CUT_OFF - 1}"
)
PRUNED = "float16 folded to float32; channels dead on 1,760 synthetic crops removed"
QUANTISED = (
    "RELU6 channels and residual streams equalised; int8 weights per channel (GPTQ), int8"
    " activations (min-max), biases corrected"
)
HALF = "marked as fit for half precision"
REORDERED = f"pointwise convolutions behind an enlarging moved before it; float16 weights; {HALF}"
DYNAMIC = (
    "float16 folded to float32; pointwise convolutions behind an enlarging moved before it;"
    " channels between depthwise and pointwise convolutions balanced; int8 weights per channel"
    " (GPTQ, palms weighted) in the pointwise convolutions of 12 x 12 and 24 x 24 up to the last"
    f" enlarging, biases corrected; all else float; {HALF}"
)
PARTS = (
    "float16 folded to float32; a channel of the backbone as two saturating parts, at the smallest"
    " sizes whole; ADD and padding, and of parts PRELU too, as columns of the next 1 x 1"
    " convolution; resize by operators that the Edge TPU knows; int8 weights per channel (GPTQ and"
    " five sweeps, palms weighted; inputs of large weights read up to four times), int8 activations"
    " (min-max and a fifth), biases corrected"
)
VARIANTS = ("lite", "full")


@dataclass(frozen=True)
class Item:
    """One form of a model, made for its variants."""

    task: str
    precision: str
    recipe: Recipe
    backends: tuple[str, ...]
    default_for: tuple[str, ...]
    done: str
    why: str
    roles: tuple[tuple[str, str], ...] = ()
    variants: tuple[str, ...] = VARIANTS
    calibration: str = CALIBRATION


def _original(blob: bytes, seen: samples.Samples, variant: str) -> bytes:
    del seen, variant
    return blob


ITEMS = (
    Item(
        *("palm_detection", "float16", _original, ("cpu",), ()),
        done="nothing: the file as it stands in the wheel, float16 weights",
        calibration="",
        why="kept for comparison: the others are as good and faster",
    ),
    Item(
        *("palm_detection", "float16_reordered", recipes.palm_reordered, ("cpu",), ("cpu",)),
        done=REORDERED,
        why="the default of this variant: the parent's answers in 0.96 of its time; with int8"
        " weights too many hands that are cut off come out otherwise",
        variants=("full",),
        calibration="",
    ),
    Item(
        *("palm_detection", "dynamic_int8", recipes.palm_dynamic, ("cpu",), ("cpu",)),
        done=DYNAMIC,
        calibration=CUT_OFF,
        why="the default of this variant: the palms that float finds, in 0.84 of its time",
        variants=("lite",),
    ),
    Item(
        *("palm_detection", "dynamic_int8", recipes.palm_dynamic, ("cpu",), ()),
        done=DYNAMIC,
        calibration=CUT_OFF,
        why="faster than float; of hands that are cut off one in twenty comes out otherwise",
        variants=("full",),
    ),
    Item(
        *("palm_detection", "edgetpu", recipes.palm_edgetpu, ("edgetpu",), ("edgetpu",)),
        done=f"{PARTS}; not yet compiled for the Edge TPU",
        calibration=CUT_OFF,
        why="the only form of which every operator can run on an Edge TPU",
    ),
    Item(
        *("hand_landmark", "float16", _original, ("cpu",), ()),
        done="nothing: the file as it stands in the wheel, float16 weights",
        calibration="",
        why="kept for comparison: int8 is as good and faster",
    ),
    Item(
        *("hand_landmark", "int8", recipes.landmark_cpu, ("cpu",), ("cpu",)),
        done=f"{PRUNED}; {QUANTISED}; the first two convolutions, mean and heads float",
        why="the default: faster than float, within 0.5 % of palm size of it",
    ),
    Item(
        *("hand_landmark", "edgetpu", recipes.landmark_edgetpu, ("edgetpu",), ("edgetpu",)),
        done=f"{PRUNED}; {QUANTISED}; mean as a depthwise convolution, heads as 1 x 1 convolutions,"
        " coordinates in four windows that add up; not yet compiled for the Edge TPU",
        why="the only form of which every operator can run on an Edge TPU",
        roles=heads.ROLES,
    ),
)


def build(cache: Path, item: Item, variant: str) -> Built:
    """Make one file; ``cache`` is the folder that holds the wheel and the samples."""
    blob = wheel.model(cache / wheel.FILE, item.task, variant)
    seen = samples.load(cache, SEED, FRAMES)
    return Built(
        *(item.task, variant, item.precision, item.recipe(blob, seen, variant)),
        *(item.backends, item.default_for),
        done=item.done,
        calibration=item.calibration,
        why=item.why,
        roles=item.roles,
    )
