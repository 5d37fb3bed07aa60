"""Backends run the released models, refuse others, and the fake behaves like a real one."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edgehands.backends.cpu import CpuBackend, default_threads
from edgehands.errors import ModelCorrupt, ModelNotFound
from edgehands.model_store import ModelStore
from tests.hands import frame

if TYPE_CHECKING:
    from pathlib import Path

STORE = ModelStore()


@pytest.fixture
def copied_models(tmp_path: Path) -> Path:
    """A copy of the models that a test may damage."""
    folder = tmp_path / "models"
    shutil.copytree(STORE.folder, folder)
    return folder


def test_every_released_model_loads_and_runs() -> None:
    """A model that the manifest describes wrongly can't be loaded by anybody."""
    backend = CpuBackend(1)
    ran = 0
    for spec in STORE:
        if "cpu" not in spec.backends:
            continue
        model = backend.load(spec, STORE.verify(spec))
        model.pixels()[...] = 127
        model.run()
        for output in spec.outputs:
            values = model.output(output.role)
            assert values.shape == output.shape[1:], spec.file
            assert np.isfinite(values).all(), spec.file
        ran += 1
    assert ran >= 4


def test_crop_is_drawn_into_the_tensor_itself() -> None:
    """OpenCV must draw in place: a silent copy would leave the model with the last frame."""
    for precision in ("float", "int8"):
        spec = STORE.find("hand_landmark", "lite", precision, "cpu")
        model = CpuBackend(1).load(spec, STORE.verify(spec))
        model.pixels()[...] = 0
        turn = np.array([[1.0, 0, 0], [0, 1, 0]])
        cv2.warpAffine(frame((112, 112)), turn, (224, 224), model.pixels(), cv2.WARP_INVERSE_MAP)
        assert model.pixels()[112, 112].tolist() == [230, 220, 210]


def test_int8_sees_what_float_sees() -> None:
    """The flipped bit must be the model's own scale: else int8 sees another picture."""
    image = cv2.GaussianBlur(frame((100, 120), (140, 60), diameter=60), (0, 0), 3)[:224, :224]
    seen = []
    for precision in ("float", "int8"):
        spec = STORE.find("hand_landmark", "lite", precision, "cpu")
        model = CpuBackend(1).load(spec, STORE.verify(spec))
        model.pixels()[...] = image
        model.run()
        seen.append(model.output("landmarks"))
    # These are no hands, so the models only agree roughly; another picture is hundreds apart.
    assert np.abs(seen[0] - seen[1]).mean() < 25


@pytest.mark.parametrize("precision", ["float", "int8"])
def test_one_changed_byte_is_refused(copied_models: Path, precision: str) -> None:
    """A damaged card must give an error that says so, not wrong landmarks."""
    store = ModelStore(copied_models)
    spec = store.find("hand_landmark", "full", precision, "cpu")
    path = copied_models / spec.file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelCorrupt, match=r"sha256 .*damaged, restore"):
        store.verify(spec)


def test_missing_files_are_named(copied_models: Path) -> None:
    """A half-installed package must say which file is missing."""
    store = ModelStore(copied_models)
    spec = store.find("palm_detection", "lite", "float", "cpu")
    (copied_models / spec.file).unlink()
    with pytest.raises(ModelNotFound, match=spec.file):
        store.verify(spec)
    (copied_models / "manifest.json").unlink()
    with pytest.raises(FileNotFoundError, match="no model manifest"):
        ModelStore(copied_models)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [1, 200, 200, 3]}, r"float32 \(1, 224, 224, 3\), the manifest says"),
        ({"dtype": "int8"}, "the manifest says int8"),
    ],
)
def test_other_tensors_are_refused(
    copied_models: Path, change: dict[str, object], message: str
) -> None:
    """A model that isn't what the manifest says would be fed nonsense."""
    path = copied_models / "manifest.json"
    manifest = json.loads(path.read_bytes())
    for entry in manifest["models"]:
        if entry["file"] == "hand_landmark_lite_float16.tflite":
            entry["input"].update(change)
    path.write_text(json.dumps(manifest))
    store = ModelStore(copied_models)
    spec = store.find("hand_landmark", "lite", "float", "cpu")
    with pytest.raises(ModelCorrupt, match=message):
        CpuBackend(1).load(spec, store.verify(spec))


@pytest.mark.parametrize("change", [{"index": 4}, {"dtype": "int8"}, {"shape": [1, 62]}])
def test_other_heads_are_refused(copied_models: Path, change: dict[str, object]) -> None:
    """Landmarks would be read out of presence, or end in a traceback."""
    path = copied_models / "manifest.json"
    manifest = json.loads(path.read_bytes())
    for entry in manifest["models"]:
        if entry["file"] == "hand_landmark_lite_int8.tflite":
            entry["outputs"][0].update(change)
    path.write_text(json.dumps(manifest))
    store = ModelStore(copied_models)
    spec = store.find("hand_landmark", "lite", "int8", "cpu")
    with pytest.raises(ModelCorrupt, match=r"hand_landmark_lite_int8\.tflite"):
        CpuBackend(1).load(spec, store.verify(spec))


def test_broken_manifest_and_other_schema(copied_models: Path) -> None:
    """A manifest from another version must be named, not half understood."""
    path = copied_models / "manifest.json"
    path.write_text('{"schema": 99, "models": []}')
    with pytest.raises(ModelCorrupt, match=r"schema 99, this edgehands reads 1"):
        ModelStore(copied_models)
    path.write_text("{")
    with pytest.raises(ModelCorrupt, match=r"manifest\.json"):
        ModelStore(copied_models)


def test_file_that_is_no_model(copied_models: Path) -> None:
    """A file with the right name and the wrong content is an error of one line."""
    store = ModelStore(copied_models)
    spec = store.find("hand_landmark", "lite", "float", "cpu")
    path = copied_models / spec.file
    path.write_bytes(b"not a model")
    with pytest.raises(ModelCorrupt, match="can't be loaded"):
        CpuBackend(1).load(spec, path)


def test_each_task_has_one_default() -> None:
    """Two defaults, or none, would make the choice of model an accident."""
    for task in ("palm_detection", "hand_landmark"):
        for variant in ("lite", "full"):
            defaults = [
                spec.file
                for spec in STORE
                if spec.task == task and spec.variant == variant and "cpu" in spec.default_for
            ]
            assert len(defaults) == 1, defaults


def test_threads_leave_room() -> None:
    """All cores for one model would starve the camera on a Pi."""
    assert [default_threads(cores) for cores in (1, 2, 4, 8, 32)] == [1, 1, 2, 4, 4]
