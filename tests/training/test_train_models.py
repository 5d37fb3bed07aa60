"""Models of our own are trained by one command, and what is shipped is what was trained."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgehands.geometry.anchors import palm_anchors

if TYPE_CHECKING:
    from numpy.typing import NDArray

torch: Any = pytest.importorskip(
    "torch", reason="torch isn't installed: run scripts/train_models/test"
)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

graph: Any = importlib.import_module("build_models.graph")
data: Any = importlib.import_module("train_models.palm_data")
layerwise: Any = importlib.import_module("train_models.layerwise")
losses: Any = importlib.import_module("train_models.losses")
network: Any = importlib.import_module("train_models.network")
runner: Any = importlib.import_module("train_models.runner")
shrink: Any = importlib.import_module("train_models.shrink")
sources: Any = importlib.import_module("train_models.sources")
split: Any = importlib.import_module("train_models.split")
students: Any = importlib.import_module("train_models.students")

MODELS = ROOT / "models"
EXPORT_MARGIN = 2e-3
"""Pixels of a 224-pixel crop: what sums in another order may make of landmarks."""


def parent(name: str) -> Any:
    """One of MediaPipe's float models."""
    return graph.read(MODELS / f"{name}_float16.tflite")


def smooth_pictures(count: int, size: int) -> NDArray[np.uint8]:
    """Pictures of soft blobs, (N, 3, size, size) uint8."""
    generator = torch.Generator().manual_seed(7)
    coarse = torch.rand((count, 3, 6, 6), generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)
    pictures: NDArray[np.uint8] = (fine * 255).to(torch.uint8).numpy()
    return pictures


@pytest.mark.parametrize("size", [224, 160])
def test_torch_and_the_exported_file_give_the_same_landmarks(size: int) -> None:
    """A model that is shipped would otherwise not be the one that was examined."""
    small = shrink.for_input(parent("hand_landmark_lite"), size)
    pictures = smooth_pictures(2, size)
    module = network.Network(small)
    with torch.no_grad():
        given = module(torch.from_numpy(pictures).float() / 255)[small.outputs[0]]
    exported = runner.answers(graph.write(module.to_graph()), pictures)
    assert np.abs(given.numpy() - exported.landmarks.numpy()).max() < EXPORT_MARGIN


def test_a_palm_model_of_another_size_has_its_own_anchors() -> None:
    """Without them a smaller palm model couldn't be decoded."""
    small = shrink.for_input(parent("palm_detection_full"), 128)
    raw = data.run(graph.write(small), torch.from_numpy(smooth_pictures(1, 128)))
    assert raw.boxes.shape == (1, 896, 18)
    assert raw.logits.shape == (1, 896)
    module = network.Network(small)
    with torch.no_grad():
        given = module(torch.from_numpy(smooth_pictures(1, 128)).float() / 255)
    assert np.abs(given[small.outputs[1]].numpy()[..., 0] - raw.logits).max() < EXPORT_MARGIN


def test_answers_of_a_teacher_are_moved_to_the_anchors_of_a_student() -> None:
    """A palm in the middle of the picture stays there, with half the pixels."""
    centres = palm_anchors(192)
    boxes = np.zeros((1, 2016, 18), np.float32)
    boxes[0, :, 4:6] = 96 - centres * 192  # the first key point is the middle for every anchor
    raw = data.on_student(data.Raw(boxes, np.zeros((1, 2016), np.float32)), 96)
    inner = np.abs(palm_anchors(96) - 0.5).max(1) < 0.35  # beyond, anchors end
    points = raw.boxes[0, :, 4:6] + palm_anchors(96) * 96
    assert np.abs(points[inner] - 48).max() < 0.01


def test_layers_fitted_one_by_one_come_nearer_to_the_teacher() -> None:
    """The fit is what makes a smaller input usable at all."""
    large = parent("hand_landmark_lite")
    small = shrink.for_input(large, 160)
    pictures = torch.from_numpy(smooth_pictures(24, 224))
    reduced = torch.nn.functional.interpolate(pictures.float(), (160, 160), mode="area")
    reduced = reduced.to(torch.uint8)
    wanted = runner.answers(graph.write(large), pictures.numpy())
    effort = layerwise.Effort(rows=2400, rounds=1)
    fitted = layerwise.fit(large, small, (pictures, reduced), effort, lambda _: None)
    off = [
        float((runner.answers(graph.write(g), reduced.numpy()).world - wanted.world).abs().mean())
        for g in (small, fitted)
    ]
    assert off[1] < 0.5 * off[0]


def test_a_graph_in_two_parts_answers_as_the_whole() -> None:
    """The frozen half is computed once: what it gives must be what the whole would."""
    whole = shrink.for_input(parent("hand_landmark_lite"), 160)
    count = next(c for c in split.seams(whole) if c > 20)
    front, back = split.split(whole, count)
    pictures = torch.from_numpy(smooth_pictures(2, 160)).float() / 255
    with torch.no_grad():
        middle = network.Network(front)(pictures)[front.outputs[0]]
        halves = network.Network(back)(middle)[whole.outputs[0]]
        once = network.Network(whole)(pictures)[whole.outputs[0]]
    assert torch.equal(halves, once)


def test_a_graph_taken_from_a_network_keeps_its_weights_while_training_goes_on() -> None:
    """Averaged weights would otherwise turn into the latest ones before they are written."""
    student = students.palm(seed=3)
    module = network.Network(student)
    taken = module.to_graph()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    for op in network.weighted(student):
        assert np.array_equal(taken.const(op.inputs[1]), student.const(op.inputs[1]))


def test_weights_are_kept_small_and_taken_up_again(tmp_path: Path) -> None:
    """A training that was cut short goes on from what was committed."""
    weights: Any = importlib.import_module("train_models.weights")
    student = students.palm(seed=3)
    weights.save(student, tmp_path / "palm.npz")
    again = weights.load(students.palm(seed=4), tmp_path / "palm.npz")
    for op, other in zip(network.weighted(student), network.weighted(again), strict=True):
        assert np.allclose(student.const(op.inputs[1]), again.const(other.inputs[1]), atol=1e-3)
    with pytest.raises(ValueError, match="another network"):
        weights.load(parent("hand_landmark_lite"), tmp_path / "palm.npz")


def test_trained_slopes_are_kept_too(tmp_path: Path) -> None:
    """A palm model of MediaPipe's kind would otherwise come back with its parent's slopes."""
    weights: Any = importlib.import_module("train_models.weights")
    trained = parent("palm_detection_full")
    slopes = next(op.inputs[1] for op in trained.ops if op.kind == "PRELU")
    trained.tensors[slopes].data = trained.const(slopes) + np.float32(0.25)
    weights.save(trained, tmp_path / "palm.npz")
    again = weights.load(parent("palm_detection_full"), tmp_path / "palm.npz")
    assert np.allclose(again.const(slopes), trained.const(slopes), atol=1e-3)


def test_an_enlarged_map_of_an_odd_side_keeps_its_cells() -> None:
    """4 x 4 cells become 7 x 7 at 112 pixels: stretched, palms would be found beside the hand."""
    small = shrink.for_input(parent("palm_detection_full"), 112)
    enlarging = [op for op in small.ops if op.kind == "RESIZE_BILINEAR"]
    sides = [small.tensors[op.outputs[0]].shape[1] for op in enlarging]
    assert sides == [7, 14]
    assert [bool(op.options.get("alignCorners")) for op in enlarging] == [True, False]
    pictures = smooth_pictures(1, 112)
    raw = data.run(graph.write(small), torch.from_numpy(pictures))
    with torch.no_grad():
        given = network.Network(small)(torch.from_numpy(pictures).float() / 255)
    assert np.abs(given[small.outputs[1]].numpy()[..., 0] - raw.logits).max() < EXPORT_MARGIN


def test_the_loss_counts_palm_sizes_not_pixels() -> None:
    """A far hand would otherwise teach next to nothing."""
    wanted = torch.zeros(2, 63)
    wanted.reshape(2, 21, 3)[:, 9, 1] = torch.tensor([60.0, 120.0])
    given = wanted.clone()
    given.reshape(2, 21, 3)[:, :, 0] += torch.tensor([[6.0], [12.0]])
    assert losses.nme(given, wanted).tolist() == pytest.approx([0.1, 0.1])


def test_held_out_sources_are_never_learned_from() -> None:
    """A figure for sources that were learned from would be worth nothing."""
    learned = {"subhih", "ambrosinim", "emrecandir9", "handy4", "digits"}
    assert not any(sources.is_held_out(name) for name in learned)
    assert all(sources.is_held_out(name) for name in sources.HELD_OUT)


def test_photographs_are_fetched_once_and_what_is_missing_is_named(tmp_path: Path) -> None:
    """Anybody with a network can learn from the same photographs."""
    fetch: Any = importlib.import_module("train_models.fetch")
    every = fetch.listed()
    assert len(every) > 3000
    assert all(p.repository.count("/") == 1 and p.commit and p.licence for p in every)
    far, folder = tmp_path / "far", tmp_path / "here"
    there = far / every[0].repository / every[0].commit / every[0].path
    there.parent.mkdir(parents=True)
    there.write_bytes(b"a picture")
    problems = fetch.fetch(folder, every[:2], far.as_uri())
    assert (folder / every[0].file).read_bytes() == b"a picture"
    assert len(problems) == 1
    assert problems[0].startswith(every[1].file)
    there.unlink()
    assert not fetch.fetch(folder, every[:1], far.as_uri())


@pytest.mark.parametrize(
    ("name", "size"), [("landmark_lite", 160), ("palm", 192), ("palm_full", 144)]
)
def test_quick_training_runs_from_end_to_end_and_goes_on_where_it_stopped(
    tmp_path: Path, name: str, size: int
) -> None:
    """One command makes a student with its curve; drawn hands are enough for it to work."""
    command = [sys.executable, "-m", "train_models", name, "--quick"]
    command += ["--data", str(tmp_path / "none"), "--out", str(tmp_path)]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}", "PATH": "/usr/bin:/bin"}
    for minutes in ("0", "60"):
        done = subprocess.run(
            [*command, "--minutes", minutes],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    curve = json.loads((tmp_path / f"{name}-quick.json").read_text())
    assert curve["step"][0] == 0
    assert curve["step"][-1] == 24
    assert curve["loss"][-1] < curve["loss"][1]
    assert not [*tmp_path.glob("palms-*.npz")][1:]  # lessons go when they were read
    assert (tmp_path / f"{name}-quick.png").stat().st_size > 1000
    model = graph.read(tmp_path / f"{name}-quick.tflite")
    assert model.tensors[model.inputs[0]].shape == (1, size, size, 3)


def test_the_palm_student_has_mediapipes_anchors_and_only_edge_tpu_operators() -> None:
    """Decoding stays as it is, and one file can serve CPU and Edge TPU."""
    student = students.palm()
    assert [student.tensors[name].shape for name in student.outputs] == [
        (1, 2016, 18),
        (1, 2016, 1),
    ]
    assert {op.kind for op in student.ops} <= {
        *("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESIZE_NEAREST_NEIGHBOR"),
        *("RESHAPE", "CONCATENATION"),
    }
    assert shrink.multiplications(student) <= 110
    channels = {student.tensors[op.outputs[0]].shape[-1] for op in student.ops if op.kind == "ADD"}
    assert all(count % 8 == 0 for count in channels)
