"""Models that give a coordinate in parts are read by the product as whole ones."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from edgehands import TrackingConfig
from edgehands.backends import choose_backend
from edgehands.backends.cpu import CpuBackend
from edgehands.geometry.roi import landmarks_roi
from edgehands.model_store import ModelStore
from edgehands.synthetic import random_scene, render_scene
from edgehands.tracking.landmark_model import LandmarkModel


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
