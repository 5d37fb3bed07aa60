"""The check for the Edge TPU finds what its compiler would stumble over."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

graph = importlib.import_module("build_models.graph")
rules = importlib.import_module("build_models.edgetpu_rules")

ONE = np.array([0])


def quantised(shape: tuple[int, ...], scale: float = 0.1, data: Any = None) -> Any:
    """An int8 tensor."""
    return graph.Tensor(shape, "int8", data, np.array([scale], np.float32), ONE)


def ready() -> Any:
    """An int8 convolution, a PRELU, a resize and a padding that the Edge TPU can run."""
    scales = np.array([0.01, 0.02], np.float32)
    weights = graph.Tensor((2, 1, 1, 3), "int8", np.ones((2, 1, 1, 3), np.int8), scales, ONE * 0)
    weights.zero_point = np.zeros(2, np.int64)
    bias = graph.Tensor((2,), "int32", np.ones(2, np.int32), scales * np.float32(0.1), ONE)
    tensors = {
        "in": quantised((1, 4, 4, 3)),
        "w": weights,
        "b": bias,
        "x": quantised((1, 4, 4, 2)),
        "alpha": quantised((1, 1, 2), data=np.ones((1, 1, 2), np.int8)),
        "y": quantised((1, 4, 4, 2)),
        "size": graph.Tensor((2,), "int32", np.array([8, 8], np.int32)),
        "z": quantised((1, 8, 8, 2)),
        "amounts": graph.Tensor((4, 2), "int32", np.array([[0, 0], [1, 1], [1, 1], [0, 0]])),
        "out": quantised((1, 10, 10, 2)),
    }
    options = {
        "padding": graph.VALID, "strideW": 1, "strideH": 1, "dilationWFactor": 1,
        "dilationHFactor": 1, "fusedActivationFunction": graph.NONE,
    }  # fmt: skip
    resize = {"alignCorners": False, "halfPixelCenters": False}
    ops = [
        graph.Op("CONV_2D", ["in", "w", "b"], ["x"], options, 3),
        graph.Op("PRELU", ["x", "alpha"], ["y"]),
        graph.Op("RESIZE_BILINEAR", ["y", "size"], ["z"], resize, 2),
        graph.Op("PAD", ["z", "amounts"], ["out"], {}, 2),
    ]
    return graph.Graph(tensors, ops, ["in"], ["out"])


def _float_tensor(model: Any) -> None:
    model.tensors["y"] = graph.Tensor((1, 4, 4, 2))


def _unknown(model: Any) -> None:
    model.ops[1].kind = "HARD_SWISH"


def _newer(model: Any) -> None:
    model.ops[0].version = 5


def _half_pixel(model: Any) -> None:
    model.ops[2].options["halfPixelCenters"] = True


def _wide_alpha(model: Any) -> None:
    model.tensors["alpha"].shape = (4, 1, 2)


def _wrong_axis(model: Any) -> None:
    model.tensors["w"].axis = 3


def _bias_scale(model: Any) -> None:
    model.tensors["b"].scale = np.array([1, 1], np.float32)


def _channels(model: Any) -> None:
    model.tensors["amounts"].data = np.array([[0, 0], [0, 0], [0, 0], [0, 2]], np.int32)


def _batch(model: Any) -> None:
    model.tensors["y"].shape = (2, 4, 4, 2)


FAULTS: list[tuple[Callable[[Any], None], str]] = [
    (_float_tensor, "must be int8"),
    (_unknown, "doesn't know"),
    (_newer, "version 5"),
    (_half_pixel, "half-pixel"),
    (_wide_alpha, "alpha"),
    (_wrong_axis, "axis 3"),
    (_bias_scale, "bias"),
    (_channels, "channels"),
    (_batch, "only the last three"),
]


def test_a_ready_model_has_no_findings() -> None:
    """False alarms would make the check something people switch off."""
    assert rules.check(ready()) == []


@pytest.mark.parametrize(("spoil", "words"), FAULTS)
def test_each_fault_is_found(spoil: Callable[[Any], None], words: str) -> None:
    """Each of these sends part of a model back to the CPU, and nobody sees why."""
    model = ready()
    spoil(model)
    assert any(words in str(finding) for finding in rules.check(model))


def run(*paths: Path) -> subprocess.CompletedProcess[str]:
    """The tool itself."""
    command = [sys.executable, "-m", "tools", "check-edgetpu", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_work_of_a_picture_is_counted() -> None:
    """A model that fits may still be slow: each weight is used at every place."""
    assert rules.multiply_adds(ready()) == 4 * 4 * 2 * 3
    assert rules.largest_tensor(ready()) == 10 * 10 * 2


def test_the_tool_says_ready_or_why_not(tmp_path: Path) -> None:
    """Exit codes let a build stop before a model that can't be compiled is shipped."""
    good, bad, broken = (tmp_path / name for name in ("good", "bad", "broken"))
    good.write_bytes(graph.write(ready()))
    spoiled = ready()
    _half_pixel(spoiled)
    bad.write_bytes(graph.write(spoiled))
    broken.write_bytes(b"no model")
    assert run(good).returncode == 0
    found = run(good, bad)
    assert found.returncode == 1
    assert "half-pixel" in found.stdout
    assert run(broken).returncode == 2
    assert "Traceback" not in run(broken).stderr


def test_the_shipped_edgetpu_models_are_ready_and_fit_together() -> None:
    """Palm and landmark model share one cache; a model that doesn't map is no Edge TPU model."""
    for variant in ("lite", "full"):
        paths = sorted((ROOT / "models").glob(f"*_{variant}_edgetpu*.tflite"))
        if not paths:
            pytest.skip("no Edge TPU models are shipped")
        result = run(*paths)
        assert result.returncode == 0, result.stdout
