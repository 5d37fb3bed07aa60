"""Every file of `models/`: how it is made, and what the manifest says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import heads, recipes, samples, wheel
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
PRUNED = "float16 folded to float32; channels dead on 1,760 synthetic crops removed"
QUANTISED = (
    "RELU6 channels and residual streams equalised; int8 weights per channel (GPTQ), int8"
    " activations (min-max), biases corrected"
)


@dataclass(frozen=True)
class Item:
    """One form of a model, made for both variants."""

    task: str
    precision: str
    recipe: Recipe
    backends: tuple[str, ...]
    default_for: tuple[str, ...]
    done: str
    why: str
    roles: tuple[tuple[str, str], ...] = ()


def _original(blob: bytes, seen: samples.Samples, variant: str) -> bytes:
    del seen, variant
    return blob


ITEMS = (
    Item(
        *("palm_detection", "float16", _original, ("cpu",), ("cpu",)),
        done="nothing: the file as it stands in the wheel, float16 weights",
        why="the default: on hands that are cut off its key points are better, and it runs rarely",
    ),
    Item(
        *("palm_detection", "dynamic_int8", recipes.palm_dynamic, ("cpu",), ()),
        done="float16 folded to float32; pairs of depthwise and pointwise convolutions equalised;"
        " int8 weights per channel in the pointwise convolutions (GPTQ, palms weighted), biases"
        " corrected; float: all else, and of those the heads, 32 to 32 and 128 to 256 channels",
        why="finds nearly the palms that float finds, in about 0.8 of its time",
    ),
    Item(
        *("hand_landmark", "float16", _original, ("cpu",), ()),
        done="nothing: the file as it stands in the wheel, float16 weights",
        why="kept for comparison: int8 is as good and takes about half the time",
    ),
    Item(
        *("hand_landmark", "int8", recipes.landmark_cpu, ("cpu",), ("cpu",)),
        done=f"{PRUNED}; {QUANTISED}; mean and heads float",
        why="the default: about half of float's time, within 0.5 % of palm size of it",
    ),
    Item(
        *("hand_landmark", "edgetpu", recipes.landmark_edgetpu, ("edgetpu",), ("edgetpu",)),
        done=f"{PRUNED}; {QUANTISED}; mean as a depthwise convolution, heads as 1 x 1 convolutions,"
        " coordinates in four windows that add up; not yet compiled for the Edge TPU",
        why="the only form of which every operator can run on an Edge TPU",
        roles=heads.ROLES,
    ),
)
CANDIDATES = (
    Item(
        *("palm_detection", "edgetpu", recipes.palm_edgetpu, ("edgetpu",), ("edgetpu",)),
        done="float16 folded to float32; resize and padding as operators that the Edge TPU knows;"
        " stages and pairs of convolutions equalised; all int8 (GPTQ, palms weighted)",
        why="not shipped: key points are off by a tenth of the box and scores are unsteady",
    ),
)
"""Forms that aren't good enough to ship yet, for whoever makes them better."""

VARIANTS = ("lite", "full")


def build(cache: Path, item: Item, variant: str) -> Built:
    """Make one file; ``cache`` is the folder that holds the wheel and the samples."""
    blob = wheel.model(cache / wheel.FILE, item.task, variant)
    seen = samples.load(cache, SEED, FRAMES)
    return Built(
        *(item.task, variant, item.precision, item.recipe(blob, seen, variant)),
        *(item.backends, item.default_for),
        done=item.done,
        calibration="" if item.recipe is _original else CALIBRATION,
        why=item.why,
        roles=item.roles,
    )
