"""The palm model as saturating parts, on a small model of the same kinds of blocks."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

convert = importlib.import_module("build_models.convert")
edgetpu_rules = importlib.import_module("build_models.edgetpu_rules")
engine = importlib.import_module("build_models.engine")
graph = importlib.import_module("build_models.graph")
observe = importlib.import_module("build_models.observe")
palm_int8 = importlib.import_module("build_models.palm_int8")
palm_copies = importlib.import_module("build_models.palm_copies")
palm_limits = importlib.import_module("build_models.palm_limits")
palm_parts = importlib.import_module("build_models.palm_parts")
palm_scales = importlib.import_module("build_models.palm_scales")
rounding = importlib.import_module("build_models.rounding")
windows = importlib.import_module("build_models.windows")

CONV = {
    "padding": graph.SAME, "strideW": 1, "strideH": 1, "dilationWFactor": 1,
    "dilationHFactor": 1, "fusedActivationFunction": graph.NONE,
}  # fmt: skip
HALVING = {**CONV, "strideW": 2, "strideH": 2}
POOL = {
    "padding": graph.SAME, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2,
    "fusedActivationFunction": graph.NONE,
}  # fmt: skip
BEFORE = 1
"""Blocks before the smallest that stay whole."""

HALF_PIXEL = {"alignCorners": False, "halfPixelCenters": True}


class Maker:
    """Builds a graph with random weights, block by block, as MediaPipe's palm models are built."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.graph = graph.Graph({"in": graph.Tensor((1, 24, 24, 3))}, [], ["in"], [])

    def add(self, kind: str, inputs: list[str], shape: tuple[int, ...], **options: Any) -> str:
        """One operator; the name of its output."""
        name = f"x{len(self.graph.ops)}"
        self.graph.tensors[name] = graph.Tensor(shape)
        self.graph.ops.append(graph.Op(kind, inputs, [name], options))
        return name

    def constant(self, values: Any, dtype: str = "float32") -> str:
        """A constant; its name."""
        data = np.asarray(values, dtype)
        name = f"c{len(self.graph.tensors)}"
        self.graph.tensors[name] = graph.Tensor(data.shape, dtype, data)
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a tensor."""
        return tuple(self.graph.tensors[name].shape)

    def conv(self, source: str, channels: int, side: int = 1, **options: Any) -> str:
        """A convolution of random weights."""
        before = self.shape(source)
        size = before[1] // options.get("strideW", 1)
        weights = self.rng.normal(size=(channels, side, side, before[3])) / (4 * side)
        inputs = [source, self.constant(weights), self.constant(self.rng.normal(size=channels))]
        return self.add("CONV_2D", inputs, (1, size, size, channels), **{**CONV, **options})

    def depthwise(self, source: str, **options: Any) -> str:
        """A 5 x 5 depthwise convolution of random weights."""
        _, side, _, channels = self.shape(source)
        size = side // options.get("strideW", 1)
        weights = self.rng.normal(size=(1, 5, 5, channels)) / 5
        inputs = [source, self.constant(weights), self.constant(self.rng.normal(size=channels))]
        options = {**CONV, "depthMultiplier": 1, **options}
        return self.add("DEPTHWISE_CONV_2D", inputs, (1, size, size, channels), **options)

    def prelu(self, source: str) -> str:
        """Slopes beyond 1 and below 0 included: MediaPipe's reach 3.5."""
        channels = self.shape(source)[3]
        slopes = self.rng.uniform(-0.2, 2, size=(1, 1, channels))
        return self.add("PRELU", [source, self.constant(slopes)], self.shape(source))

    def sum(self, first: str, second: str) -> str:
        """ADD."""
        return self.add(
            "ADD", [first, second], self.shape(first), fusedActivationFunction=graph.NONE
        )

    def block(self, source: str) -> str:
        """A residual block."""
        channels = self.shape(source)[3]
        return self.prelu(self.sum(source, self.conv(self.depthwise(source), channels)))

    def halved(self, source: str, channels: int) -> str:
        """A block that halves the size; its residual is pooled and padded with empty channels."""
        _, side, _, before = self.shape(source)
        small = (1, side // 2, side // 2)
        pooled = self.add("MAX_POOL_2D", [source], (*small, before), **POOL)
        if channels > before:
            amounts = self.constant([[0, 0]] * 3 + [[0, channels - before]], "int32")
            pooled = self.add("PAD", [pooled, amounts], (*small, channels))
        fresh = self.conv(self.depthwise(source, **HALVING), channels)
        return self.prelu(self.sum(pooled, fresh))

    def enlarged(self, source: str) -> str:
        """RESIZE_BILINEAR by 2."""
        _, side, _, channels = self.shape(source)
        size = self.constant([2 * side, 2 * side], "int32")
        return self.add(
            "RESIZE_BILINEAR", [source, size], (1, 2 * side, 2 * side, channels), **HALF_PIXEL
        )

    def head(self, source: str, values: int) -> None:
        """An output."""
        side = self.shape(source)[1]
        found = self.conv(source, values)
        shape = self.constant([1, side * side, values], "int32")
        out = self.add("RESHAPE", [found, shape], (1, side * side, values))
        self.graph.outputs.append(out)


def small_palm() -> Any:
    """24 x 24 pixels to 12 x 12, 6 x 6 and back, with every kind of block."""
    make = Maker()
    backbone = make.block(make.block(make.prelu(make.conv("in", 4, side=5, **HALVING))))
    low = make.block(make.halved(backbone, 6))
    back = make.prelu(make.conv(make.enlarged(low), 4))
    make.head(make.block(make.sum(backbone, back)), 3)
    return make.graph


def pixels(seed: int, count: int) -> Any:
    """Smooth noise, (N, 24, 24, 3) uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, size=(count, 6, 6, 3))
    return np.repeat(np.repeat(coarse, 4, axis=1), 4, axis=2).astype(np.uint8)


def answers(model: Any, frames: Any) -> Any:
    """The model's outputs, real numbers, (N, ...)."""
    runner = engine.Runner(model)
    return np.stack([runner.real(observe.real(frame[None]))[0][0] for frame in frames])


@pytest.fixture(name="split")
def split_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows in the small model too: its blocks have 4 channels, MediaPipe's narrowest 32."""
    monkeypatch.setattr(palm_parts, "DEPTHWISE_WINDOWS", {4: 3})


def test_parts_answer_as_the_parent_does() -> None:
    """The rewriting is arithmetic: what it got wrong, no calibration could make good."""
    parent, frames = small_palm(), pixels(0, 40)
    want = answers(parent, frames)
    parts, _ = palm_parts.rewrite(parent, BEFORE)
    np.testing.assert_allclose(answers(parts, frames), want, atol=1e-5 * np.ptp(want))


@pytest.mark.usefixtures("split")
def test_scaled_parts_with_windows_answer_as_the_parent_does() -> None:
    """Windows add up: none may hold a value twice or lose it."""
    parent, frames = small_palm(), pixels(0, 40)
    want = answers(parent, frames)
    parts, _ = palm_parts.rewrite(parent, BEFORE, palm_limits.measure(parent, frames, BEFORE))
    np.testing.assert_allclose(answers(parts, frames), want, atol=1e-5 * np.ptp(want))


def test_scaled_parts_fill_one_range() -> None:
    """All that is joined must have one scale, or the Edge TPU's compiler refuses to join it."""
    parent, frames = small_palm(), pixels(0, 40)
    limits = palm_limits.measure(parent, frames, BEFORE)
    parts, found = palm_parts.rewrite(parent, BEFORE, limits)
    joins = [op for op in parts.ops if op.kind == "CONCATENATION" and op.options["axis"] == 3]
    assert joins
    for op in joins:
        wide = {found[name] for name in op.inputs}
        assert len(wide) == 1
    for op in parts.ops:
        assert op.kind not in {"PAD", "RESIZE_BILINEAR", "ADD"}


def test_blocks_of_the_smallest_sizes_stay_whole() -> None:
    """Most weights are there: as parts they wouldn't fit the Edge TPU's cache."""
    parent = small_palm()
    sides = [parent.tensors[name].shape[1] for name in palm_scales.whole(parent, BEFORE)]
    assert sides.count(6) == 2
    assert sides.count(12) == 1 + 2  # one before, two behind the enlarging
    kinds = [op.kind for op in palm_parts.rewrite(parent, BEFORE)[0].ops]
    assert kinds.count("PRELU") == 5
    with pytest.raises(ValueError, match="before is 0"):
        palm_scales.whole(parent, 0)


@pytest.mark.usefixtures("split")
def test_int8_parts_are_near_the_parent_and_fit_the_edge_tpu() -> None:
    """What the rewriting is for: all int8, little lost, nothing the compiler doesn't know."""
    parent, frames = small_palm(), pixels(0, 60)
    limits = palm_limits.measure(parent, frames, BEFORE)
    parts, ranges = palm_parts.rewrite(parent, BEFORE, limits)
    copies = palm_copies.best_copies(palm_copies.readers(parts, limits), room=1000)
    settings = convert.Settings(
        ranges=ranges, copies=copies, effort=rounding.Effort(1e-4, 5, clip=False)
    )
    small = graph.read(graph.write(convert.convert(parts, observe.real(frames), settings)))
    assert edgetpu_rules.check(small) == []
    assert parts.weights() + 500 < small.weights() <= parts.weights() + 1000
    fresh = pixels(1, 20)
    want = answers(parent, fresh)
    apart = np.abs(answers(small, fresh) - want).mean()
    assert apart < 0.005 * np.ptp(want)  # one step of the output is 0.004


def reader(largest: list[float], channels: int, name: str = "conv", places: int = 1) -> Any:
    """A convolution of one row over two tensors."""
    return palm_copies.Reader(name, places, np.array([largest]), np.ones(1), (channels, channels))


def test_copies_go_to_the_tensor_with_the_large_weights() -> None:
    """One scale serves a row: only the largest weight, halved, makes the steps finer."""
    found = palm_copies.best_copies([reader([1.0, 0.4], 10)], room=10)
    assert found == {"conv": (2, 1)}


def test_copies_go_where_they_cost_least_and_stay_within_the_room() -> None:
    """The Edge TPU's cache is all there is: what is left over isn't enough for the other."""
    pair = [reader([1.0, 0.4], 10), reader([1.0, 0.4], 100, "wide")]
    found = palm_copies.best_copies(pair, room=99)
    assert "wide" not in found
    assert found["conv"][0] > 1
    assert (sum(found["conv"]) - 2) * 10 <= 99


def test_what_is_joined_stays_within_the_edge_tpus_memory() -> None:
    """A large picture's tensors fill the memory that the weights need."""
    large = reader([1.0, 0.4], 100, places=palm_copies.LARGEST // 300)
    assert palm_copies.best_copies([large], room=10**9) == {"conv": (2, 1)}


def test_integers_of_an_input_are_shared_out_among_its_copies() -> None:
    """Rounded one by one, copies would err alike; as one weight they have its full range."""
    make = Maker()
    joined = make.add(
        "CONCATENATION", [make.conv("in", 3), make.conv("in", 2)], (1, 24, 24, 5), axis=3
    )
    op = make.graph.producer(make.conv(joined, 4))
    copies = windows.Copies.of(make.graph, op, (3, 1))
    assert copies.names == [make.graph.ops[0].outputs[0]] * 3 + [make.graph.ops[1].outputs[0]]
    np.testing.assert_array_equal(copies.count, [3, 3, 3, 1, 1])
    wide = np.array([[381, -381, 100, 127, -5]])
    shared = copies.shared(wide)
    assert shared.shape == (1, 11)
    assert np.abs(shared).max() <= rounding.WEIGHT_LIMIT
    added = [shared[0, copies.owner == i].sum() for i in range(5)]
    np.testing.assert_array_equal(added, wide[0])


def test_copies_take_larger_weights_with_a_finer_scale() -> None:
    """What they are for: one large weight no longer takes the steps of the small ones."""
    weights = np.array([[1.0, 0.01, 0.02]])
    count = np.array([4, 1, 1])
    scales = rounding.weight_scales(weights, np.eye(3), rounding.Effort(clip=False), count)
    assert scales[0] == pytest.approx(1 / 4 / 127)
    integers = rounding.round_weights(weights, scales, np.eye(3), copies=count)
    np.testing.assert_array_equal(integers, [[508, 5, 10]])


def test_an_unknown_operator_is_named() -> None:
    """A model of another kind must not be rewritten into nonsense."""
    parent = small_palm()
    parent.ops[1].kind = "LOGISTIC"
    with pytest.raises(ValueError, match="LOGISTIC"):
        palm_parts.rewrite(parent, BEFORE)


def test_the_enlarging_has_the_same_borders() -> None:
    """The Edge TPU knows no half-pixel resize; a rewrite that blurs borders would lose palms."""
    make = Maker()
    make.graph.outputs = [make.enlarged("in")]
    other = make.graph.copy()
    other.ops = palm_int8.doubled(other, other.ops[0])
    other.drop_unused()
    frames = pixels(3, 4)
    np.testing.assert_allclose(answers(other, frames), answers(make.graph, frames), atol=1e-6)
