"""Answers of a landmark model, by LiteRT: three times as fast as torch on a processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

from .losses import Answers

if TYPE_CHECKING:
    from numpy.typing import NDArray


def answers(model: bytes, pictures: NDArray[np.uint8], threads: int = 1) -> Answers:
    """What a landmark model says of crops, (N, 3, H, W) uint8."""
    interpreter: Any = Interpreter(model_content=model, num_threads=threads)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    outputs = [detail["index"] for detail in interpreter.get_output_details()]
    rows: list[list[NDArray[np.float32]]] = []
    for picture in pictures:
        interpreter.set_tensor(entry, picture.transpose(1, 2, 0)[None].astype(np.float32) / 255)
        interpreter.invoke()
        rows.append([interpreter.get_tensor(index)[0] for index in outputs])
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    return Answers(*map(torch.from_numpy, columns))
