"""Run model files on given crops and keep every output tensor as it is.

Run inside the emulated system with the interpreter of the package, which has no more than numpy and
LiteRT: ``raw_outputs.py CROPS.npz OUT.npz MODEL…``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def main() -> None:
    """Write an array for each output of each model, all crops in it."""
    crops, out, *models = sys.argv[1:]
    pixels = np.load(crops)
    found: dict[str, Any] = {}
    for model in models:
        interpreter = Interpreter(model_path=model, num_threads=1)
        interpreter.allocate_tensors()
        (given,) = interpreter.get_input_details()
        outputs = interpreter.get_output_details()
        results: list[list[np.ndarray]] = [[] for _ in outputs]
        for crop in pixels[f"of_{given['shape'][1]}"]:
            # As the product draws them: scale 1/255 and zero point -128, or 0..1.
            tensor = (
                (crop ^ 0x80).view(np.int8)
                if given["dtype"] is np.int8
                else crop * np.float32(1 / 255)
            )
            interpreter.set_tensor(given["index"], tensor[None])
            interpreter.invoke()
            for place, output in zip(results, outputs, strict=True):
                place.append(interpreter.get_tensor(output["index"])[0])
        for number, place in enumerate(results):
            found[f"{Path(model).stem}/{number}"] = np.stack(place)
    np.savez(out, **found)


if __name__ == "__main__":
    main()
