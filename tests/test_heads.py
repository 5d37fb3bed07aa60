"""The same hands on every processor: exact last layers, and a grid for the crops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
import pytest

from edgehands import HandTracker, TrackingConfig
from edgehands.backends.cpu import CpuBackend, CpuModel, load_runtime
from edgehands.backends.graph_file import GraphFile
from edgehands.backends.heads import ExactHeads, HeadLayout, find_heads
from edgehands.cameras import open_source
from edgehands.model_store import ModelSpec, ModelStore, OutputSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edgehands.backends.base import Kind
    from edgehands.hand import Hand
    from edgehands.model_store import Role, Task

STORE = ModelStore()
VARIANTS = ("lite", "full")
CHANNELS = 504

MOST_APART = 1e-5
"""Between exact heads and the interpreter's own, of an output's largest value."""

PALM_NOISE = 1e-6
"""What float palm models differ by between processors, of each value (docs/device-tests.md)."""


def landmark_model(variant: str) -> tuple[ModelSpec, Path]:
    """Give the landmark model that a CPU runs by default."""
    spec = STORE.find("hand_landmark", variant, "auto", "cpu")
    return spec, STORE.verify(spec)


@pytest.mark.parametrize("variant", VARIANTS)
def test_exact_heads_say_what_the_model_says(variant: str) -> None:
    """Landmarks would be others than those of the released model."""
    spec, path = landmark_model(variant)
    layout = find_heads(path.read_bytes())
    assert layout is not None, "a released landmark model isn't worked out exactly"
    ours = CpuBackend(1).load(spec, path)
    interpreter = load_runtime()[1].Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    own = CpuModel(spec, interpreter)
    noise = np.random.default_rng(1)
    for blur in (0.5, 2.0, 8.0):
        picture = noise.integers(0, 256, (224, 224, 3)).astype(np.uint8)
        picture = cv2.GaussianBlur(picture, (0, 0), blur).astype(np.uint8)
        for model in (ours, own):
            model.pixels()[...] = picture
            model.run()
        for output in spec.outputs:
            here, there = ours.output(output.role), own.output(output.role)
            assert here.shape == there.shape
            assert here.dtype == np.float32
            assert np.abs(here - there).max() <= MOST_APART * max(1e-3, np.abs(there).max())


class Features:
    """Stands for an interpreter whose model left these int8 features, (7, 7, C)."""

    def __init__(self, features: NDArray[np.int8], weights: NDArray[np.float32]) -> None:
        self._features = features[None]
        self._tensors = {1: np.array([1, 2]), 2: weights, 3: np.zeros(len(weights), np.float32)}

    def get_output_details(self) -> list[dict[str, Any]]:
        """Say what the features are."""
        shape = np.array(self._features.shape)
        return [{"shape": shape, "dtype": np.int8, "quantization": (0.0235, -128)}]

    def get_tensor(self, number: int) -> NDArray[Any]:
        """Give a constant of the model."""
        return self._tensors[number]

    def tensor(self, _number: int) -> Any:
        """Give the features' own memory."""
        return lambda: self._features


def heads_of(features: NDArray[np.int8], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the landmarks that one head makes of features."""
    spec, _ = landmark_model("lite")
    output = OutputSpec(index=0, role="landmarks", shape=(1, 63), dtype="float32")
    heads = ExactHeads(
        HeadLayout(b"", 0, 1, ((2, 3, False),)),
        Features(features, weights),
        ModelSpec(
            **{name: getattr(spec, name) for name in spec.__struct_fields__}
            | {"outputs": (output,)}
        ),
    )
    heads.run()
    return heads.output("landmarks")


def test_order_of_adding_changes_nothing() -> None:
    """A processor that adds in another order would see another hand."""
    noise = np.random.default_rng(2)
    features = noise.integers(-128, 128, (7, 7, CHANNELS)).astype(np.int8)
    weights = noise.normal(0, 0.1, (63, CHANNELS)).astype(np.float32)
    means = features.astype(np.float32).mean(axis=(0, 1))
    exact, rounded = heads_of(features, weights), weights @ means
    ever_other = False
    for _ in range(20):
        order = noise.permutation(CHANNELS)
        other = heads_of(features[:, :, order], weights[:, order])
        assert np.array_equal(exact, other)
        ever_other |= not np.array_equal(rounded, weights[:, order] @ means[order])
    assert ever_other, "float32 alone would do: this test shows nothing"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_cut_off_model_is_an_error(share: float) -> None:
    """Half a file would end in a traceback of another kind, or never."""
    _, path = landmark_model("lite")
    content = path.read_bytes()
    with pytest.raises(ValueError, match="TensorFlow Lite model"):
        GraphFile(content[: int(len(content) * share)])


def test_models_with_other_ends_are_left_alone() -> None:
    """A palm or float model would be cut where it has no heads."""
    others = [spec for spec in STORE if spec.precision != "int8"]
    assert len(others) > 4
    for spec in others:
        assert find_heads(STORE.verify(spec).read_bytes()) is None, spec.file


class NoisyPalms:
    """A CPU whose palm model is off by as much as another processor's."""

    name = "cpu"
    detail = "noisy"

    def __init__(self, seed: int) -> None:
        self._cpu = CpuBackend(1)
        self._noise = np.random.default_rng(seed)

    def kind(self, task: Task) -> Kind:
        """Every task runs on the CPU."""
        return self._cpu.kind(task)

    def close(self) -> None:
        """There is nothing to let go of."""

    def load(self, spec: ModelSpec, path: Path) -> CpuModel:
        """Load a model, and disturb what palms it finds."""
        model = self._cpu.load(spec, path)
        if spec.task == "palm_detection":
            undisturbed = model.raw

            def raw(role: Role) -> NDArray[Any]:
                values = undisturbed(role)
                off = self._noise.uniform(-PALM_NOISE, PALM_NOISE, values.shape)
                return (values * (1 + off)).astype(np.float32)

            cast("Any", model).raw = raw
        return model


def tracked(seed: int, pictures: list[NDArray[np.uint8]]) -> list[tuple[Hand, ...]]:
    """Follow the demo's hand with a palm model that is a little off."""
    with HandTracker(TrackingConfig(), backend=NoisyPalms(seed)) as tracker:
        return [tracker.process(picture, n / 30) for n, picture in enumerate(pictures)]


def test_palms_a_millionth_off_change_no_bit_of_a_hand() -> None:
    """The same film would be tracked otherwise on a Pi than on a PC."""
    with open_source("demo:", realtime=False) as source:
        frames = [source.read(1.0) for _ in range(60)]
    pictures = [frame.image for frame in frames if frame is not None][36:]
    one, other = tracked(1, pictures), tracked(2, pictures)
    assert sum(map(len, one)) > len(pictures) / 2
    for here, there in zip(one, other, strict=True):
        assert [hand.roi for hand in here] == [hand.roi for hand in there]
        for a, b in zip(here, there, strict=True):
            assert np.array_equal(a.landmarks, b.landmarks)
            assert np.array_equal(a.world_landmarks, b.world_landmarks)
            assert (a.presence, a.handedness_score) == (b.presence, b.handedness_score)
