"""The toolchain on a graph so small that its answers are known."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

balance = importlib.import_module("build_models.balance")
convert = importlib.import_module("build_models.convert")
engine = importlib.import_module("build_models.engine")
equalise = importlib.import_module("build_models.equalise")
graph = importlib.import_module("build_models.graph")
heads = importlib.import_module("build_models.heads")
palm_cpu = importlib.import_module("build_models.palm_cpu")
manifest = importlib.import_module("build_models.manifest")
observe = importlib.import_module("build_models.observe")
pruning = importlib.import_module("build_models.prune")
rounding = importlib.import_module("build_models.rounding")

CONV = {
    "padding": graph.VALID, "strideW": 1, "strideH": 1, "dilationWFactor": 1,
    "dilationHFactor": 1, "fusedActivationFunction": graph.NONE,
}  # fmt: skip
RELU6 = {**CONV, "fusedActivationFunction": graph.RELU6}
SAME = {"padding": graph.SAME, "depthMultiplier": 1}


def constant(values: Any) -> Any:
    """A float32 constant tensor."""
    data = np.asarray(values, np.float32)
    return graph.Tensor(data.shape, "float32", data)


def tiny(seed: int = 0, size: int = 6) -> Any:
    """3 → 8 (RELU6) → depthwise 3x3 (RELU6) → 4, added to a plain 3 → 4; 8 channels very unequal.

    Channel 5 of the depthwise convolution never speaks.
    """
    rng = np.random.default_rng(seed)
    spread = np.geomspace(0.05, 1.5, 8)
    depthwise_bias = rng.uniform(0, 0.2, 8)
    depthwise_bias[5] = -50
    tensors = {
        "in": graph.Tensor((1, size, size, 3)),
        "w0": constant(rng.uniform(0.1, 1, size=(8, 1, 1, 3)) * spread[:, None, None, None]),
        "b0": constant(rng.uniform(0, 0.5, 8) * spread),
        "x0": graph.Tensor((1, size, size, 8)),
        "w1": constant(rng.uniform(0, 0.3, size=(1, 3, 3, 8)) / spread),
        "b1": constant(depthwise_bias),
        "x1": graph.Tensor((1, size, size, 8)),
        "w2": constant(rng.normal(size=(4, 1, 1, 8))),
        "b2": constant(rng.normal(size=4)),
        "x2": graph.Tensor((1, size, size, 4)),
        "w3": constant(rng.normal(size=(4, 1, 1, 3)) * [[[[1]]], [[[9]]], [[[0.1]]], [[[1]]]]),
        "b3": constant(rng.normal(size=4)),
        "x3": graph.Tensor((1, size, size, 4)),
        "sum": graph.Tensor((1, size, size, 4)),
        "w4": constant(rng.normal(size=(2, 1, 1, 4))),
        "b4": constant(rng.normal(size=2)),
        "out": graph.Tensor((1, size, size, 2)),
    }
    ops = [
        graph.Op("CONV_2D", ["in", "w0", "b0"], ["x0"], dict(RELU6)),
        graph.Op("DEPTHWISE_CONV_2D", ["x0", "w1", "b1"], ["x1"], {**RELU6, **SAME}),
        graph.Op("CONV_2D", ["x1", "w2", "b2"], ["x2"], dict(CONV)),
        graph.Op("CONV_2D", ["in", "w3", "b3"], ["x3"], dict(CONV)),
        graph.Op("ADD", ["x2", "x3"], ["sum"], {"fusedActivationFunction": graph.NONE}),
        graph.Op("CONV_2D", ["sum", "w4", "b4"], ["out"], dict(CONV)),
    ]
    return graph.Graph(tensors, ops, ["in"], ["out"])


def pixels(count: int = 12, size: int = 6) -> Any:
    """Random pictures, (count, size, size, 3) uint8."""
    return np.random.default_rng(1).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


def answers(model: Any, seen: Any) -> Any:
    """The first output for each picture, real numbers."""
    runner = engine.Runner(model)
    return np.concatenate([runner.real(observe.real(one[None]))[0] for one in seen])


def test_a_graph_survives_its_file() -> None:
    """A model read and written again computes the same, and its bytes are the same each time."""
    model = tiny()
    blob = graph.write(model)
    assert graph.write(tiny()) == blob
    np.testing.assert_array_equal(answers(graph.read(blob), pixels()), answers(model, pixels()))


def test_what_a_file_says_beside_its_graph_changes_no_answer() -> None:
    """Runtimes would not find the mark of half precision, or the model would be another."""
    said = b"fp16accfp16"
    marked = graph.write(tiny(), {"reduced_precision_support": said})
    read = schema.ModelT.InitFromPackedBuf(marked, 0)
    (entry,) = read.metadata
    assert entry.name == b"reduced_precision_support"
    assert bytes(read.buffers[entry.buffer].data) == said
    np.testing.assert_array_equal(answers(marked, pixels()), answers(tiny(), pixels()))
    assert schema.ModelT.InitFromPackedBuf(graph.write(tiny()), 0).metadata is None


def test_float16_weights_become_float32() -> None:
    """MediaPipe's files hide their weights behind DEQUANTIZE; left there, nothing is quantised."""
    model = tiny()
    half = model.tensors["w2"].data.astype(np.float16)
    model.tensors["half"] = graph.Tensor(half.shape, "float16", half)
    model.tensors["w2"] = graph.Tensor(half.shape)
    model.ops.insert(0, graph.Op("DEQUANTIZE", ["half"], ["w2"], {}, 2))
    folded = graph.read(graph.write(model))
    assert [op.kind for op in folded.ops] == [op.kind for op in tiny().ops]
    name = folded.ops[2].inputs[1]
    np.testing.assert_array_equal(folded.const(name), half.astype(np.float32))


def test_equalising_changes_ranges_and_nothing_else() -> None:
    """If an equalised model computed something else, every landmark would be off."""
    model = tiny()
    before = answers(model, pixels())
    maxima, largest = observe.extremes(model, pixels())
    assert maxima["x0"].max() / maxima["x0"].min() > 10
    equalise.equalise_relu6(model, maxima, cap=1000.0)
    equalise.equalise_streams(model, largest, power=1.0, cap=1000.0)
    after, after_largest = observe.extremes(model, pixels())
    assert after["x0"].max() / after["x0"].min() < 1.2
    assert after_largest["sum"].max() / after_largest["sum"].min() < largest["sum"].max() / (
        largest["sum"].min()
    )
    np.testing.assert_allclose(answers(model, pixels()), before, atol=2e-5 * np.abs(before).max())


def test_balancing_pairs_leaves_the_result_and_lowers_the_error() -> None:
    """Palms of hands that are cut off move with every rounding: what is saved for free counts."""
    model = tiny()
    model.ops[1].options["fusedActivationFunction"] = graph.NONE
    before = answers(model, pixels())
    counts = np.ones((12, 3, 3), np.float32)
    balance.balance_pairs(model, frozenset({"x2"}), pixels(), counts)
    assert np.ptp(model.const("w1") / tiny().const("w1")) > 0.1
    np.testing.assert_allclose(answers(model, pixels()), before, atol=2e-5 * np.abs(before).max())
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 8)) * np.geomspace(0.1, 10, 8)
    weights = rng.normal(size=(16, 8)) * np.geomspace(3, 0.5, 8)
    found = np.log(balance.best_factors(x, weights))
    plain = balance.expected_error(np.zeros(8), x, weights)[0]
    assert balance.expected_error(found, x, weights)[0] < 0.5 * plain


def test_the_slope_of_the_expected_error_is_its_slope() -> None:
    """A descent along a wrong slope ends anywhere, and nobody would see why palms move."""
    rng = np.random.default_rng(4)
    x, weights, logs = rng.normal(size=(50, 6)), rng.normal(size=(9, 6)), rng.normal(size=6) * 0.3
    _, slope = balance.expected_error(logs, x, weights)
    for channel in range(6):
        step = np.zeros(6)
        step[channel] = 1e-6
        ahead = balance.expected_error(logs + step, x, weights)[0]
        behind = balance.expected_error(logs - step, x, weights)[0]
        np.testing.assert_allclose((ahead - behind) / 2e-6, slope[channel], rtol=1e-3, atol=1e-9)


def enlarged() -> Any:
    """3 → 8 (RELU6), enlarged by 2, 1 x 1 convolution to 4."""
    model = tiny()
    model.tensors["size"] = graph.Tensor((2,), "int32", np.array([12, 12], np.int32))
    model.tensors["big"] = graph.Tensor((1, 12, 12, 8))
    model.tensors["x2"] = graph.Tensor((1, 12, 12, 4))
    options = {"alignCorners": False, "halfPixelCenters": True}
    model.ops = [
        model.ops[0],
        graph.Op("RESIZE_BILINEAR", ["x0", "size"], ["big"], options, 3),
        graph.Op("CONV_2D", ["big", "w2", "b2"], ["x2"], dict(CONV)),
    ]
    model.outputs = ["x2"]
    model.drop_unused()
    return model


def test_enlarging_last_leaves_the_result() -> None:
    """The faster float palm model is only worth having while it finds the very same palms."""
    model = enlarged()
    before = answers(model, pixels())
    palm_cpu.enlarge_last(model)
    assert [op.kind for op in model.ops] == ["CONV_2D", "CONV_2D", "RESIZE_BILINEAR"]
    assert model.tensors[model.ops[1].outputs[0]].shape == (1, 6, 6, 4)
    np.testing.assert_allclose(answers(model, pixels()), before, atol=1e-5)


def test_halved_constants_come_back_as_they_were_stored() -> None:
    """The float palm model would be twice as large in memory cards and packages."""
    model = enlarged()
    for tensor in model.tensors.values():
        if tensor.data is not None and tensor.dtype == "float32":
            tensor.data = tensor.data.astype(np.float16).astype(np.float32)
    model.tensors["b2"].data = model.const("b2") + np.float32(1e-5)  # no float16 holds this
    before = answers(model, pixels())
    palm_cpu.halve_constants(model)
    assert model.is_const("b2")
    assert not model.is_const("w0")
    blob = graph.write(model)
    np.testing.assert_array_equal(answers(model, pixels()), before)
    np.testing.assert_array_equal(answers(graph.read(blob), pixels()), before)


def test_pruning_takes_the_dead_channel_only() -> None:
    """A channel too many is time lost on every frame; one too few is a wrong landmark."""
    model = tiny()
    before = answers(model, pixels())
    assert pruning.prune(model, observe.extremes(model, pixels())[0]) == 1
    assert model.tensors["w0"].shape == (7, 1, 1, 3)
    assert model.tensors["w1"].shape == (1, 3, 3, 7)
    assert model.tensors["w2"].shape == (4, 1, 1, 7)
    np.testing.assert_allclose(answers(model, pixels()), before, atol=1e-5)


def test_int8_parameters_hold_zero_exactly() -> None:
    """Padding is zero: if zero were between two steps, every border would be wrong."""
    params = rounding.affine(-0.31, 1.7)
    assert params.real(params.integers(np.zeros(1)))[0] == 0
    ends = params.real(params.integers(np.array([-0.31, 1.7])))
    np.testing.assert_allclose(ends, [-0.31, 1.7], atol=params.scale)


def test_weights_are_rounded_to_nearest_where_inputs_are_independent() -> None:
    """With nothing to make up for, any other integer than the nearest is simply worse."""
    weights = np.array([[0.4, -1.27, 0.006, 0.9]])
    integers = rounding.round_weights(weights, np.array([0.01]), np.eye(4))
    np.testing.assert_array_equal(integers, [[40, -127, 1, 90]])


def test_weight_rounding_makes_up_for_its_errors() -> None:
    """The reason for the toolchain: the layer's output, not its weights, should be near."""
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(4000, 24)) @ rng.normal(size=(24, 24))
    weights = rng.normal(size=(16, 24))
    hessian = seen.T @ seen / len(seen)
    scales = np.abs(weights).max(axis=1) / 7  # coarse on purpose
    nearest = np.clip(np.rint(weights / scales[:, None]), -127, 127)
    better = rounding.round_weights(weights, scales, hessian)

    def harm(integers: Any) -> float:
        return float(np.square(seen @ (weights - integers * scales[:, None]).T).mean())

    assert harm(better) < 0.5 * harm(nearest)


def test_choosing_weights_again_never_does_more_harm() -> None:
    """The sweeps take minutes of a build; they have to be worth it on every row."""
    rng = np.random.default_rng(4)
    mixed = rng.normal(size=(600, 12)) @ rng.normal(size=(12, 96)) + rng.normal(size=(600, 96))
    hessian = mixed.T @ mixed / len(mixed)
    weights = rng.normal(size=(32, 96))
    scales = (np.abs(weights).max(axis=1) / 15).astype(np.float32)

    def harm(integers: Any) -> Any:
        off = weights - integers * scales[:, None]
        return np.einsum("ri,ij,rj->r", off, hessian, off)

    once = harm(rounding.round_weights(weights, scales, hessian))
    again = harm(rounding.round_weights(weights, scales, hessian, rounding.Effort(sweeps=3)))
    assert (again <= once * (1 + 1e-9)).all()
    assert (again < once).any()


def test_the_int8_graph_answers_like_the_float_one() -> None:
    """The whole conversion: input pixel - 128, int8 throughout, near the float result."""
    model = tiny()
    maxima, largest = observe.extremes(model, pixels(200))
    equalise.equalise_relu6(model, maxima, cap=1000.0)
    equalise.equalise_streams(model, largest, power=0.5, cap=8.0)
    small = convert.convert(model, observe.real(pixels(200)), convert.Settings())
    source = small.tensors["in"]
    assert source.dtype == "int8"
    assert source.zero_point.tolist() == [-128]
    np.testing.assert_allclose(source.scale, [1 / 255], rtol=1e-6)
    assert all(t.dtype == "int8" for t in small.tensors.values() if t.data is None)
    want, got = answers(model, pixels()), answers(graph.read(graph.write(small)), pixels())
    # The output's own step is 1/255 of its range; all other tensors add less than as much again.
    assert np.abs(want - got).mean() < np.ptp(want) / 255
    assert abs((want - got).mean()) < 0.1 * np.ptp(want) / 255


def test_float_and_dynamic_operators_stay_between_float_tensors() -> None:
    """The palm model mixes both forms; a wrong seam would be refused by the runtime."""
    model = tiny()
    settings = convert.Settings(
        float_input=True,
        float_outputs=frozenset({"x0", "x1", "x3", "sum"}),
        dynamic_outputs=frozenset({"x2", "out"}),
    )
    mixed = convert.convert(model, observe.real(pixels(40)), settings)
    assert mixed.tensors["in"].dtype == "float32"
    assert mixed.tensors["w2"].dtype == "int8"
    assert mixed.tensors["w1"].dtype == "float32"
    want, got = answers(model, pixels()), answers(graph.read(graph.write(mixed)), pixels())
    assert 0 < np.abs(want - got).mean() < 2 * np.ptp(want) / 255


def test_coordinate_windows_add_up() -> None:
    """Four coarse-looking outputs together give each coordinate, finer than one could."""
    rng = np.random.default_rng(3)
    tensors = {
        "in": graph.Tensor((1, 4, 4, 3)),
        "axes": graph.Tensor((2,), "int32", np.array([1, 2], np.int32)),
        "mean": graph.Tensor((1, 3)),
        "wl": constant(rng.uniform(-200, 400, (63, 3))), "bl": constant(np.zeros(63)),
        "wp": constant(rng.normal(size=(1, 3))), "bp": constant([0]),
        "wh": constant(rng.normal(size=(1, 3))), "bh": constant([0]),
        "ww": constant(rng.normal(0, 0.03, (63, 3))), "bw": constant(np.zeros(63)),
        "landmarks": graph.Tensor((1, 63)), "world": graph.Tensor((1, 63)),
        "lp": graph.Tensor((1, 1)), "lh": graph.Tensor((1, 1)),
        "presence": graph.Tensor((1, 1)), "handedness": graph.Tensor((1, 1)),
    }  # fmt: skip
    full = {"fusedActivationFunction": graph.NONE}
    ops = [
        graph.Op("MEAN", ["in", "axes"], ["mean"], {"keepDims": False}),
        graph.Op("FULLY_CONNECTED", ["mean", "wp", "bp"], ["lp"], dict(full)),
        graph.Op("LOGISTIC", ["lp"], ["presence"]),
        graph.Op("FULLY_CONNECTED", ["mean", "wh", "bh"], ["lh"], dict(full)),
        graph.Op("LOGISTIC", ["lh"], ["handedness"]),
        graph.Op("FULLY_CONNECTED", ["mean", "wl", "bl"], ["landmarks"], dict(full)),
        graph.Op("FULLY_CONNECTED", ["mean", "ww", "bw"], ["world"], dict(full)),
    ]
    model = graph.Graph(tensors, ops, ["in"], ["landmarks", "presence", "handedness", "world"])
    seen = (pixels(60, 4) * np.linspace(0.1, 1, 60)[:, None, None, None]).astype(np.uint8)
    want = answers(model, seen)
    rewritten = model.copy()
    ranges = heads.rewrite(rewritten, observe.means(model, seen))
    small = convert.convert(rewritten, observe.real(seen), convert.Settings(ranges=ranges))
    runner = engine.Runner(small)
    windows = [runner.real(observe.real(one[None]))[: len(heads.WINDOWS)] for one in seen]
    got = np.array([np.sum(parts, axis=0)[0] for parts in windows])
    inside = (want > heads.WINDOWS[0]) & (want < heads.WINDOWS[-1] + heads.WINDOW)
    one_step = (want.max() - want.min()) / 255
    assert np.abs(want - got)[inside].mean() < one_step / 2
    assert len(rewritten.outputs) == len(heads.ROLES)


def test_operators_don_t_share_their_constants() -> None:
    """Palm models share one zero bias: correcting one layer's would spoil all others."""
    model = tiny()
    model.ops[3].inputs[2] = "b2"
    private = graph.read(graph.write(model))
    first, second = private.ops[2].inputs[2], private.ops[3].inputs[2]
    assert first != second
    np.testing.assert_array_equal(private.const(first), private.const(second))


def test_two_defaults_are_refused() -> None:
    """The tracker must know which file to load: exactly one for each backend."""
    one = manifest.Built(
        "hand_landmark", "lite", "a", b"", ("cpu",), ("cpu",), done="", calibration="", why=""
    )
    two = manifest.Built(
        "hand_landmark", "lite", "b", b"", ("cpu",), ("cpu",), done="", calibration="", why=""
    )
    manifest.check_defaults([one])
    with pytest.raises(ValueError, match="name one"):
        manifest.check_defaults([one, two])


def test_the_committed_models_are_what_the_manifest_says() -> None:
    """A model changed without its manifest would be refused on every device."""
    entries = json.loads((ROOT / "models/manifest.json").read_text(encoding="utf-8"))["models"]
    on_disk = {path.name for path in (ROOT / "models").glob("*.tflite")}
    assert {entry["file"] for entry in entries} == on_disk
    for entry in entries:
        built = manifest.Built(
            *(entry["task"], entry["variant"], entry["precision"]),
            (ROOT / "models" / entry["file"]).read_bytes(),
            tuple(entry["backends"]), tuple(entry["default_for"]),
            done=entry["provenance"]["done"],
            calibration=entry["provenance"]["calibration"] or "",
            why=entry["why"],
            roles=tuple((out["role"], out["meaning"]) for out in entry["outputs"]),
        )  # fmt: skip
        assert manifest.entry(built) == entry
