"""`scripts/build_models/build`: rebuild every file of `models/`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from . import manifest, recipes, samples, wheel
from .manifest import Built

SEED = 1000
FRAMES = 400
CALIBRATION = (
    f"synthetic hands: edgehands.synthetic.random_scene, seeds {SEED} to {SEED + FRAMES - 1};"
    " no photographs"
)
PRUNED = "float16 folded to float32; channels dead on 1,760 synthetic crops removed"
ORIGINAL = "nothing: the file as it stands in the wheel, float16 weights"


def main() -> None:
    """Build the models and write them with their manifest."""
    parser = argparse.ArgumentParser(prog="scripts/build_models/build", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("models"), help="where they go")
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache/build_models"), help="wheel and samples"
    )
    arguments = parser.parse_args()
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - start:5.0f} s] {text}", flush=True)

    say("fetching the pinned wheel")
    archive = wheel.fetch(arguments.cache)
    say(f"drawing {FRAMES} synthetic frames")
    seen = samples.load(arguments.cache, SEED, FRAMES)
    models: list[Built] = []
    for variant in ("lite", "full"):
        say(f"palm_detection_{variant}")
        models.extend(_palms(wheel.model(archive, "palm_detection", variant), variant, seen))
    for variant in ("lite", "full"):
        say(f"hand_landmark_{variant}")
        models.extend(_landmarks(wheel.model(archive, "hand_landmark", variant), variant, seen))
    manifest.save(models, arguments.out)
    say(f"{len(models)} models in {arguments.out}")


def _palms(blob: bytes, variant: str, seen: samples.Samples) -> list[Built]:
    return [
        Built(
            *("palm_detection", variant, "float16", blob),
            backends=("cpu",),
            default_for=(),
            done=ORIGINAL,
            calibration="",
            why="kept for comparison: the dynamic int8 form finds the same palms in less time",
        ),
        Built(
            *("palm_detection", variant, "dynamic_int8"),
            recipes.palm_dynamic(blob, seen, variant),
            backends=("cpu",),
            default_for=("cpu",),
            done="float16 folded to float32; pairs of depthwise and pointwise convolutions"
            " equalised; int8 weights per channel in the pointwise convolutions (GPTQ, palms"
            " weighted), biases corrected; all else float",
            calibration=CALIBRATION,
            why="the default: finds the palms that float finds, in 0.84 of its time",
        ),
    ]


def _landmarks(blob: bytes, variant: str, seen: samples.Samples) -> list[Built]:
    return [
        Built(
            *("hand_landmark", variant, "float16", blob),
            backends=("cpu",),
            default_for=(),
            done=ORIGINAL,
            calibration="",
            why="kept for comparison: int8 is as good and takes half the time",
        ),
        Built(
            *("hand_landmark", variant, "int8"),
            recipes.landmark_cpu(blob, seen, variant),
            backends=("cpu",),
            default_for=("cpu",),
            done=f"{PRUNED}; RELU6 channels and residual streams equalised; int8 weights per"
            " channel (GPTQ), int8 activations (min-max), biases corrected; mean and heads float",
            calibration=CALIBRATION,
            why="the default: half of float's time, within 0.5 % of palm size of it",
        ),
    ]


if __name__ == "__main__":
    main()
