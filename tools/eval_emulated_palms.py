"""Compare palm models on the core of a Pi with their float parents on a PC.

On a Pi 5's Cortex-A76 XNNPACK computes what is float in the CPU's palm models in half precision;
no PC does that, so eval-models can't see it. This runs them in an emulator (qemu-user, as root; a
small arm64 Debian is kept in .cache), a quarter of a minute a frame, and compares like it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from build_models import evaluate, real_images, report
from build_models.engine import Runner
from build_models.samples import letterbox

from tools import ROOT
from tools.emulated.core import CORES, EmulatedPi, emulated_pi

if TYPE_CHECKING:
    from build_models.graph import Array

    from tools.emulated.debian import Core

RAW_OUTPUTS = ROOT / "tests" / "emulated" / "raw_outputs.py"


class Recorded:
    """Outputs computed elsewhere by a model for frames, in order.

    Args:
        size: side of its input, pixels.
        outputs: of all frames.
    """

    def __init__(self, size: int, *outputs: Array) -> None:
        self.size = size
        self._outputs = outputs
        self._next = 0

    def real(self, *inputs: Array) -> list[Array]:  # noqa: ARG002  (they are known already)
        """The outputs for the next frame."""
        self._next += 1
        return [output[self._next - 1 : self._next] for output in self._outputs]


def main() -> int:
    """Print a table like that of eval-models."""
    names = [core.name for core in CORES]
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("models", nargs="*", help="file names; the CPU's defaults without any")
    parser.add_argument("--core", choices=names, default=names[-1], help="default %(default)s")
    parser.add_argument("--frames", type=int, default=20, help="of each kind; default %(default)s")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    args = parser.parse_args()
    if args.frames < 1:
        parser.error(f"--frames {args.frames} shows nothing: say 1 or more")
    try:
        images = real_images.find(args.data)
    except FileNotFoundError as error:
        sys.exit(str(error))
    pairs = report.pairs(report.load(ROOT / "models"), "palm_detection")
    known = {model.name: (parent, model) for parent, model in pairs}
    unknown = sorted(set(args.models) - known.keys())
    if unknown:
        sys.exit(f"no palm model {unknown[0]}: there is {', '.join(known)}")
    chosen = args.models or [n for n, (_, m) in known.items() if "cpu" in m.entry["default_for"]]
    pi = emulated_pi()
    core = CORES[names.index(args.core)]
    kinds = report.palm_frames(images, args.frames)
    print(f"On {core.name} ({core.boards}), emulated, {args.frames} frames of each kind:\n")
    print("\n".join(report.PALM_HEAD), flush=True)
    for name in chosen:
        parent, model = known[name]
        for kind, frames in kinds.items():
            size = Runner(model.blob).size
            boxed = np.stack([letterbox(frame, size) for frame in frames])
            there = Recorded(size, *answers(pi, core, model.blob, boxed))
            apart = evaluate.palm_error(Runner(parent.blob), there, frames)
            print(report.palm_row(name, kind, apart), flush=True)
    return 0


def answers(pi: EmulatedPi, core: Core, model: bytes, frames: Array) -> list[Array]:
    """All outputs of a model for all frames."""
    with tempfile.TemporaryDirectory() as scratch:
        given, told = Path(scratch) / "given.npz", Path(scratch) / "told.npz"
        file = Path(scratch) / "palm.tflite"
        file.write_bytes(model)
        np.savez(given, **{f"of_{frames.shape[1]}": frames})  # type: ignore[arg-type]
        pi.python(core, (RAW_OUTPUTS, given, told, file))
        with np.load(told) as outputs:
            return [outputs[f"palm/{number}"] for number in range(len(outputs.files))]
