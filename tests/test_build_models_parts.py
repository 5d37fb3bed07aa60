"""The model files as the product reads them: the answers of their float parents."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgehands import TrackingConfig
from edgehands.backends import choose_backend
from edgehands.backends.cpu import CpuBackend
from edgehands.geometry.roi import landmarks_roi
from edgehands.model_store import ModelStore
from edgehands.synthetic import random_scene, render_scene
from edgehands.tracking.landmark_model import LandmarkModel
from edgehands.tracking.palm_detector import PalmDetector

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

graph = importlib.import_module("build_models.graph")
observe = importlib.import_module("build_models.observe")
recipes = importlib.import_module("build_models.recipes")
samples = importlib.import_module("build_models.samples")

HALF_PRECISION_ENDS = 65504


@pytest.mark.parametrize("variant", ["lite", "full"])
def test_edge_tpu_landmarks_are_the_float_ones(variant: str) -> None:
    """Read as one output only, the parts of a coordinate would put every hand into a corner."""
    picture = render_scene(random_scene(11, gesture="open_palm"))
    truth = np.asarray(picture.truth.hands[0].mediapipe.image, np.float32)
    store, backend = ModelStore(), CpuBackend(num_threads=1)
    read = []
    for precision, kind in (("float", "cpu"), ("int8", "edgetpu")):
        spec = store.find("hand_landmark", variant, precision, kind)
        model = LandmarkModel(backend.load(spec, store.verify(spec)), min_presence=0.5)
        reading = model.read(picture.image, landmarks_roi(truth))
        assert reading is not None
        read.append(reading)
    palm_size = np.linalg.norm(read[0].landmarks[9, :2] - read[0].landmarks[0, :2])
    apart = np.linalg.norm((read[0].landmarks - read[1].landmarks)[:, :2], axis=1)
    assert apart.mean() < 0.03 * palm_size


def test_float_models_load_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """A warning about an Edge TPU that nobody asked for would stand in every comparison."""
    with caplog.at_level(logging.WARNING):
        backend = choose_backend(TrackingConfig(precision="float"), ModelStore())
    assert backend.name == "cpu"
    assert caplog.records == []


def test_the_full_palm_model_that_runs_is_the_float_one_and_finds_its_palms() -> None:
    """Palms decide where hands are looked for: the faster form must not move a single one."""
    store, backend = ModelStore(), CpuBackend(num_threads=1)
    image = render_scene(random_scene(11, gesture="open_palm")).image
    found = []
    for precision in ("float", "auto"):
        spec = store.find("palm_detection", "full", precision, "cpu")
        detector = PalmDetector(backend.load(spec, store.verify(spec)), min_score=0.5)
        found.append(detector.detect(image))
    assert len(found[0]) == len(found[1]) > 0
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=0.01)


def test_the_lite_palm_model_that_runs_finds_a_clear_hand_where_float_does() -> None:
    """int8 weights that moved key points would turn every ROI."""
    store, backend = ModelStore(), CpuBackend(num_threads=1)
    image = render_scene(random_scene(11, gesture="open_palm")).image
    found = []
    for precision in ("float", "int8"):
        spec = store.find("palm_detection", "lite", precision, "cpu")
        detector = PalmDetector(backend.load(spec, store.verify(spec)), min_score=0.5)
        found.append(detector.detect(image))
    (one,), (other,) = found
    side = float(np.ptp(one.box[[0, 2]]))
    apart = np.linalg.norm(one.keypoints - other.keypoints, axis=1).mean()
    assert apart < 0.03 * side


@pytest.mark.parametrize("variant", ["lite", "full"])
def test_palms_that_a_pi_5_computes_in_half_precision_fit_into_it(variant: str) -> None:
    """Beyond its largest number there is only infinity: no palm would be found, or everywhere."""
    store = ModelStore()
    blob = store.verify(store.find("palm_detection", variant, "auto", "cpu")).read_bytes()
    model = schema.ModelT.InitFromPackedBuf(blob, 0)
    said = {one.name.decode(): bytes(model.buffers[one.buffer].data) for one in model.metadata}
    assert said == recipes.HALF_PRECISION

    seen = samples.letterbox(render_scene(random_scene(11, gesture="open_palm")).image)
    noise = np.random.default_rng(0).integers(0, 256, seen.shape).astype(np.uint8)
    inputs = np.stack([seen, noise, np.zeros_like(seen), np.full_like(seen, 255)])
    _, largest = observe.extremes(graph.read(blob), inputs)
    assert len(largest) > 50
    assert max(float(values.max()) for values in largest.values()) < HALF_PRECISION_ENDS / 50
