"""Count the instructions of one invocation of a model on the core of a Pi.

Counted in an emulator (qemu-user), as LiteRT runs it on that core. It isn't time: waiting for
memory isn't included, and some instructions take longer than others. But for comparing forms of a
model it says more about a Pi than a PC's milliseconds. As root; a small arm64 Debian is kept in
.cache. The plugin is for qemu 7 and 8, as in Debian Bookworm; later ones have another interface.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools import ROOT
from tools.emulated.core import CORES, EmulatedPi, emulated_pi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.emulated.debian import Core

FEW, MORE = 2, 7
"""Invocations of the two runs whose difference is counted."""

INVOKE = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
(given,) = interpreter.get_input_details()
pixels = np.random.default_rng(0).integers(0, 256, given["shape"])
whole = given["dtype"] is np.int8
interpreter.set_tensor(
    given["index"], (pixels - 128).astype(np.int8) if whole else (pixels / 255).astype(np.float32)
)
for _ in range(int(sys.argv[2])):
    interpreter.invoke()
"""


def main() -> None:
    """Count for the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("models", nargs="*", type=Path, help="the CPU's, where none is named")
    args = parser.parse_args()
    for model in args.models:
        if not model.is_file():
            sys.exit(f"{model}: no such file: name .tflite files")
    models = args.models or [
        path for path in sorted((ROOT / "models").glob("*.tflite")) if "edgetpu" not in path.name
    ]
    try:
        table(models)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} ended with exit code {error.returncode}: see above")


def table(models: Sequence[Path]) -> None:
    """Print models down, cores across."""
    pi = emulated_pi({"gcc": "gcc"})
    print(f"| million instructions | {' | '.join(core.name for core in CORES)} |")
    print("|---|" + "---|" * len(CORES))
    with tempfile.TemporaryDirectory() as scratch:
        plugin = Path(scratch) / "count.so"
        source = ROOT / "tools" / "emulated" / "count_instructions.c"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", plugin, source], check=True)
        for model in models:
            counts = [count(pi, model.resolve(), core, plugin) for core in CORES]
            print(f"| {model.name} | {' | '.join(f'{n / 1e6:.0f}' for n in counts)} |", flush=True)


def count(pi: EmulatedPi, model: Path, core: Core, plugin: Path) -> float:
    """Instructions of one invocation: the difference of two runs, which excludes startup."""
    few, more = (run(pi, model, times, core, plugin) for times in (FEW, MORE))
    return (more - few) / (MORE - FEW)


def run(pi: EmulatedPi, model: Path, times: int, core: Core, plugin: Path) -> int:
    """Instructions of a whole program that invokes the model this many times."""
    result = plugin.with_name("instructions")
    result.unlink(missing_ok=True)
    pi.python(
        core,
        ("-c", INVOKE, model, str(times)),
        qemu=("-plugin", plugin),
        environment={"INSTRUCTIONS_FILE": str(result)},
    )
    if not result.exists():
        sys.exit(f"{model.name} on {core.name}: the plugin counted nothing: is this qemu 7 or 8?")
    return int(result.read_text())
