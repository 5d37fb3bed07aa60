"""Where models' time goes, by kind of operator; and which operators of theirs are float."""

from __future__ import annotations

import importlib

import pytest

from tests.test_build_models import ROOT, tiny

graph = importlib.import_module("build_models.graph")
timing = importlib.import_module("build_models.timing")


def test_operators_are_told_apart() -> None:
    """A table would blame the wrong operators."""
    small, large = tiny(size=6), tiny(size=timing.LARGE)
    first, one_by_one, small_one, depthwise, other = timing.KINDS
    kinds = [timing.kind_of(small, op) for op in small.ops]
    assert kinds == [small_one, depthwise, small_one, small_one, other, small_one]
    assert timing.kind_of(large, large.ops[0]) == one_by_one
    palm = graph.read(ROOT / "models" / "palm_detection_lite_float16.tflite")
    assert [timing.kind_of(palm, op) for op in palm.ops].count(first) == 1


def test_every_operator_of_each_model_is_timed() -> None:
    """An operator that is left out would seem to cost nothing."""
    small, large = (graph.write(tiny(size=size)) for size in (6, timing.LARGE))
    (one,), both = timing.by_kind(small), timing.by_kind(small, large)
    _, one_by_one, small_one, depthwise, other = timing.KINDS
    assert {kind for kind, spent in one.items() if spent > 0} == {small_one, depthwise, other}
    assert {kind for kind, spent in both[1].items() if spent > 0} == {one_by_one, depthwise, other}


@pytest.mark.parametrize("variant", ["lite", "full"])
def test_landmark_models_begin_in_float(variant: str) -> None:
    """Hands in dark crops would be lost again."""
    model = graph.read(ROOT / "models" / f"hand_landmark_{variant}_int8.tflite")
    first, second, third = [op for op in model.ops if op.kind.endswith("CONV_2D")][:3]
    for op in (first, second):
        assert model.tensors[op.outputs[0]].dtype == "float32"
    assert model.tensors[third.inputs[0]].dtype == "int8"
    assert model.tensors[model.inputs[0]].dtype == "int8"
